package sshadmin

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
)

// clear is a packet in clear of that many bytes with a message of that number.
func clear(length uint32, message byte) []byte {
	b := make([]byte, 4+length)
	binary.BigEndian.PutUint32(b, length)
	b[4], b[5] = 4, message
	return b
}

// join makes one stream of pieces.
func join(pieces ...[]byte) (all []byte) {
	for _, p := range pieces {
		all = append(all, p...)
	}
	return all
}

// TestDoorstep gives it streams in pieces of any size.
func TestDoorstep(t *testing.T) {
	hello := []byte("hello\r\nSSH-2.0-test\r\n")
	secret := make([]byte, 1000) // of any bytes: here packets of 2³²-1
	for i := range secret {
		secret[i] = 0xff
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		stream []byte
		want   string
	}{
		"a login":              {join(hello, clear(1500, 20), clear(1300, 30), clear(12, newKeys), secret), ""},
		"two large packets":    {join(hello, clear(30000, 2), clear(30000, 2)), ""},
		"the largest":          {join(hello, clear(maxClearPacket, 2)), ""},
		"too long":             {join(hello, clear(1500, 20), clear(maxClearPacket+1, 2)), "a packet of 35001 bytes before there are keys"},
		"only announced":       {join(hello, clear(1<<18, 2)[:4]), "a packet of 262144 bytes before there are keys"},
		"no packet":            {join(hello, secret), "a packet of 4294967295 bytes before there are keys"},
		"lines without end":    {[]byte(strings.Repeat("no\n", 22000)), "more than 65536 bytes before a login"},
		"much that is hidden":  {join(hello, clear(12, newKeys), make([]byte, maxBeforeLogin)), "more than 65536 bytes before a login"},
		"a line without end":   {make([]byte, 70000), "more than 65536 bytes before a login"},
		"a packet of no bytes": {join(hello, make([]byte, 4), []byte{0, newKeys}, secret), ""},
	} {
		for range 50 {
			var d doorstep
			var err error
			for rest := c.stream; len(rest) > 0 && err == nil; {
				n := 1 + random.IntN(min(len(rest), 3000))
				err = d.pass(rest[:n])
				rest = rest[n:]
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Fatalf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
}
