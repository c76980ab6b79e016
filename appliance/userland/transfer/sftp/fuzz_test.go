package sftp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// FuzzRequest reads packets of any bytes: what is taken of one is not more than it has, and one that is
// malformed says so.
func FuzzRequest(f *testing.F) {
	path := []byte{0, 0, 0, 1, 'x'}
	f.Add(append([]byte{kindOpen, 0, 0, 0, 1}, append(path, 0, 0, 0, 26, 0, 0, 0, 4, 0, 0, 1, 0xa4)...))
	f.Add(append([]byte{kindWrite, 0, 0, 0, 1, 0, 0, 0, 1, '1', 0, 0, 0, 0, 0, 0, 0, 0}, path...))
	f.Add(append([]byte{kindRename, 0, 0, 0, 1}, append(path, path...)...))
	f.Add(append([]byte{kindSetstat, 0, 0, 0, 1}, append(path, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff)...))
	f.Add(append([]byte{kindExtended, 0, 0, 0, 1, 0, 0, 0, 30}, "users-groups-by-id@openssh.com\x00\x00\x00\x05\x00\x00\x00\x00\x01"...))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := parse(packet)
		if n := len(r.path) + len(r.other) + len(r.handle) + len(r.extended) + len(r.data) + len(r.to) + 4*(len(r.users)+len(r.groups)); n > len(packet)+2 {
			t.Errorf("%d bytes of %d", n, len(packet))
		}
		if bytes.ContainsRune([]byte(r.path+r.other), 0) && err == nil {
			t.Errorf("a path of %q", r.path+r.other)
		}
	})
}

// packetOf is one of a kind.
func packetOf(kind byte, rest ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(rest)))
	return append(append(b, kind), rest...)
}

// TestHostile: what is no protocol ends the session with a reason, and asks for no room; what is malformed
// within its packet is answered.
func TestHostile(t *testing.T) {
	hello := packetOf(kindInit, 0, 0, 0, 3)
	tests := []struct {
		name    string
		in      []byte
		fails   bool
		replies int
	}{
		{"nothing", nil, false, 0},
		{"a greeting", hello, false, 1},
		{"another kind first", packetOf(kindOpen, 0, 0, 0, 1), true, 0},
		{"a huge packet", append(hello, 0xff, 0xff, 0xff, 0xff, 5), true, 1},
		{"an empty packet", append(hello, 0, 0, 0, 0), true, 1},
		{"a packet that breaks off", append(hello, 0, 0, 0, 9, 5), true, 1},
		{"a malformed one", append(hello, packetOf(kindOpen, 0, 0, 0, 1, 0xff)...), false, 2},
		{"an unknown one", append(hello, packetOf(99, 0, 0, 0, 1)...), false, 2},
		{"a handle that is none", append(hello, packetOf(kindClose, 0, 0, 0, 1, 0, 0, 0, 1, 'x')...), false, 2},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		if err := Serve(bytes.NewReader(tt.in), &out); (err != nil) != tt.fails {
			t.Errorf("%s: %v", tt.name, err)
		}
		if n := replies(t, &out); n != tt.replies {
			t.Errorf("%s: %d replies, want %d", tt.name, n, tt.replies)
		}
	}
}

// replies counts them.
func replies(t *testing.T, r io.Reader) (n int) {
	t.Helper()
	for {
		var head [4]byte
		if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(head[:]))); err != nil {
			t.Fatal(err)
		}
		n++
	}
}

// TestManyHandles: files that are open are bounded.
func TestManyHandles(t *testing.T) {
	in := packetOf(kindInit, 0, 0, 0, 3)
	for range maxOpen + 5 {
		in = append(in, packetOf(kindOpendir, 0, 0, 0, 1, 0, 0, 0, 1, '/')...)
	}
	var out bytes.Buffer
	if err := Serve(bytes.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(out.Bytes(), []byte("files are open")); n != 5 {
		t.Errorf("%d were refused, want 5", n)
	}
}
