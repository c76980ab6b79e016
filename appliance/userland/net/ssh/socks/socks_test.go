package socks

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"testing"
)

type both struct {
	io.Reader
	io.Writer
}

func TestRequest(t *testing.T) {
	for _, tt := range []struct{ in, want, said string }{
		{"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50", "127.0.0.1:80", "\x05\x00"},
		{"\x05\x02\x02\x00\x05\x01\x00\x03\x04name\x01\xbb", "name:443", "\x05\x00"},
		{"\x05\x01\x00\x05\x01\x00\x04" + "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x16", "[2001:db8::1]:22", "\x05\x00"},
		{"\x05\x01\x02", "", "\x05\xff"},
		{"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", "", ""},
		{"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50", "", "\x05\x00\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"},
		{"\x05\x01\x00\x05\x01\x00\x09", "", "\x05\x00\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00"},
		{"\x05\x01\x00\x05\x01\x00\x03\x04na", "", "\x05\x00"},
	} {
		var said bytes.Buffer
		got, err := Request(both{bytes.NewReader([]byte(tt.in)), &said})
		if err != nil {
			got = ""
		}
		if got != tt.want || said.String() != tt.said {
			t.Errorf("%q: %q, said %q, want %q, %q (%v)", tt.in, got, said.String(), tt.want, tt.said, err)
		}
	}
}

// FuzzRequest: any bytes are an address, or an error.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x05\x01\x00\x03\x04name\x01\xbb"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := Request(both{bytes.NewReader(in), io.Discard})
		if err != nil {
			return
		}
		if _, port, err := net.SplitHostPort(got); err != nil {
			return // a name with colons or brackets: who dials it says so
		} else if n, err := strconv.Atoi(port); err != nil || n > 65535 {
			t.Errorf("%q", got)
		}
	})
}
