package text

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadAll has tac keep a file in its own size: boxes have little memory.
func TestReadAll(t *testing.T) {
	want := []byte(strings.Repeat("line\n", 200_000))
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil || !bytes.Equal(text, want) {
		t.Fatalf("read %d bytes (%v), want %d", len(text), err, len(want))
	}
	if cap(text) > len(want)+len(want)/8 {
		t.Errorf("%d bytes are kept in %d", len(want), cap(text))
	}
}
