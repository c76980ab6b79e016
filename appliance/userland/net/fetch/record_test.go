package fetch

import (
	"bytes"
	"testing"
)

// FuzzHeader: a header is the same however its bytes come, bounded, and the last of those of one reply.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody\r\n\r\n"), 7)
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n"), 22)
	f.Add([]byte("\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		at = min(max(at, 0), len(b))
		var once, twice headerRecord
		once.add(b)
		twice.add(b[:at])
		twice.add(b[at:])
		got, want := twice.take(), once.take()
		if !bytes.Equal(got, want) || len(got) > maxHeader || !bytes.HasPrefix(b, got) {
			t.Fatalf("%q and %q of %q", got, want, b)
		}
		if got != nil && !bytes.HasSuffix(got, []byte("\r\n\r\n")) {
			t.Fatalf("%q", got)
		}
	})
}
