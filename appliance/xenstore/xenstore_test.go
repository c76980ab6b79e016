package xenstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// A store says what it is to say, and notes what it is told.
type store struct {
	io.Reader
	told bytes.Buffer
}

func (s *store) Write(b []byte) (int, error) { return s.told.Write(b) }

func message(kind uint32, body string) string {
	var b bytes.Buffer
	for _, field := range []uint32{kind, 0, 0, uint32(len(body))} {
		b.Write(binary.NativeEndian.AppendUint32(nil, field))
	}
	return b.String() + body
}

func TestFollow(t *testing.T) {
	event, ok := message(15, "domid\x00restored\x00"), message(4, "OK\x00")
	for name, test := range map[string]struct {
		says     string
		restores int
		want     string
	}{
		"set":           {ok + event, 0, "EOF"},
		"told before":   {event + ok, 0, "EOF"},
		"restored":      {ok + event + event, 1, "EOF"},
		"twice":         {event + ok + event + event, 2, "EOF"},
		"refused":       {message(16, "EACCES\x00"), 0, `"EACCES" to a watch`},
		"cut off":       {event[:20], 0, "unexpected EOF"},
		"beyond limits": {message(15, strings.Repeat("x", 4097)), 0, "4097 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s, restores := &store{Reader: strings.NewReader(test.says)}, 0
			err := follow(s, func() { restores++ })
			if restores != test.restores || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%d restores, %v", restores, err)
			}
			if s.told.String() != message(4, "domid\x00restored\x00") {
				t.Errorf("it was told %q", s.told.String())
			}
		})
	}
	if err := follow(&deaf{}, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

type deaf struct{ io.Reader }

func (deaf) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
