package tftp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// A kept file is what a session has written.
type kept struct {
	bytes.Buffer
	closed bool
}

func (k *kept) Close() error { k.closed = true; return nil }

func getting(block int) (*session, *kept) {
	k := &kept{}
	return &session{get: true, name: "f", block: block, open: func() (io.WriteCloser, error) { return k, nil }}, k
}

func data(n uint16, text string) []byte { return append(numbered(opData, n), text...) }

func oack(text string) []byte {
	return append([]byte{0, byte(opOACK)}, strings.ReplaceAll(text, " ", "\x00")+"\x00"...)
}

// What a hostile or confused server sends is passed over, or ends the session; it is never an answer's cause
// twice.
func TestStrangeServers(t *testing.T) {
	full := strings.Repeat("x", 512)
	for _, c := range []struct {
		name  string
		block int
		send  [][]byte
		want  string // what is in the file
		err   string
	}{
		{"as it should be", 512, [][]byte{data(1, full), data(2, "end")}, full + "end", ""},
		{"twice", 512, [][]byte{data(1, full), data(1, full), data(2, "end")}, full + "end", ""},
		{"another number", 512, [][]byte{data(7, "no"), data(1, "end")}, "end", ""},
		{"short packets", 512, [][]byte{{}, {0, 3}, {0, 3, 0}, data(1, "end")}, "end", ""},
		{"more than was asked for", 512, [][]byte{data(1, full+"more"), data(1, "end")}, "end", ""},
		{"options that nobody asked for", 512, [][]byte{oack("blksize 1000"), data(1, "end")}, "end", ""},
		{"a smaller block", 1000, [][]byte{oack("BLKSIZE 512"), data(1, full), data(2, "end")}, full + "end", ""},
		{"no options", 1000, [][]byte{data(1, full), data(2, "end")}, full + "end", ""},
		{"none of the options", 1000, [][]byte{oack("tsize 7"), data(1, full), data(2, "end")}, full + "end", ""},
		{"a larger block", 1000, [][]byte{oack("blksize 1001")}, "", "bad blocksize of the server"},
		{"no block", 1000, [][]byte{oack("blksize -5")}, "", "bad blocksize of the server"},
		{"an error", 512, [][]byte{errorPacket(1, "")}, "", "server error: (1) file not found"},
		{"an escape sequence", 512, [][]byte{errorPacket(0, "\x1b[2Jgone")}, "", `server error: (0) \x1b[2Jgone`},
		{"an unknown error", 512, [][]byte{errorPacket(99, "")}, "", "server error: (99) "},
	} {
		s, file := getting(c.block)
		s.begin()
		done := false
		var err error
		for _, p := range c.send {
			if _, done, err = s.take(p); err != nil || done {
				break
			}
		}
		said := ""
		if err != nil {
			said = err.Error()
		}
		if file.String() != c.want || said != c.err || c.err == "" && (!done || !file.closed) {
			t.Errorf("%s: %d bytes, done %v, %v", c.name, file.Len(), done, err)
		}
	}
}

// What cannot be written is told to the server.
func TestFullDisk(t *testing.T) {
	s := &session{get: true, name: "f", block: 512, open: func() (io.WriteCloser, error) { return nil, errors.New("disk full") }}
	s.begin()
	_, _, err := s.take(data(1, "x"))
	var r refusal
	if !errors.As(err, &r) || !bytes.Equal(r.packet, errorPacket(errDisk, "disk full")) {
		t.Errorf("%v, %q", err, r.packet)
	}
}

func FuzzSession(f *testing.F) {
	f.Add(data(1, "x"), oack("blksize 512"), true)
	f.Add(numbered(opACK, 0), errorPacket(1, "no"), false)
	f.Fuzz(func(t *testing.T, first, second []byte, get bool) {
		s, file := getting(1000)
		s.get, s.from = get, strings.NewReader("some text")
		s.begin()
		for _, p := range [][]byte{first, second} {
			out, done, err := s.take(p)
			if len(out) > 1004 || file.Len() > 2000 {
				t.Fatalf("%d bytes out, %d kept", len(out), file.Len())
			}
			if done || err != nil {
				return
			}
		}
	})
}
