package key_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// TestDecoder feeds bytes one by one: what keys they are, and what is left when nothing more comes.
func TestDecoder(t *testing.T) {
	for _, tt := range []struct {
		in    string
		keys  []key.Key
		pause []key.Key
	}{
		{"aä世", []key.Key{'a', 'ä', '世'}, nil},
		{"\x1b[A\x1bOB\x1b[5~\x1b[1~\x1b[F", []key.Key{key.Up, key.Down, key.PageUp, key.Home, key.End}, nil},
		{"\x1b", nil, []key.Key{key.Escape}},
		{"\x1b:q", []key.Key{key.Escape, ':', 'q'}, nil},
		{"\x1b\x1b[A", []key.Key{key.Escape, key.Up}, nil},
		{"\x1b[[A\x1b[99~x", []key.Key{'x'}, nil},
		{"\x1b[", nil, []key.Key{key.Escape, '['}},
		{"\x1b[1\rx", []key.Key{key.Escape, '[', '1', '\r', 'x'}, nil},
		{"\xc3", nil, nil},
	} {
		var d key.Decoder
		var got []key.Key
		for i := range len(tt.in) {
			got = append(got, d.Feed([]byte{tt.in[i]})...)
		}
		if pause := d.Pause(); !slices.Equal(got, tt.keys) || !slices.Equal(pause, tt.pause) || d.Waiting() {
			t.Errorf("%q: %v and then %v; want %v, %v", tt.in, got, pause, tt.keys, tt.pause)
		}
	}
}
