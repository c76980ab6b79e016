package scp

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzSink sends any bytes: nothing is written but within the target, and it ends.
func FuzzSink(f *testing.F) {
	for _, s := range []string{
		"C0644 4 text\nnew\n\x00", "T1600000000 0 1600000001 0\nD0750 0 d\nC0644 1 a\na\x00E\n", "C0644 4 ../x\nnew\n\x00",
		"D0755 0 ..\nC0644 1 a\na\x00E\n", "\x01no\n\x02no\n", "C0644 99999999999999 a\nx",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		dir := t.TempDir()
		target := filepath.Join(dir, "target")
		if err := os.Mkdir(target, 0o700); err != nil {
			t.Fatal(err)
		}
		Sink(Options{Recursive: true, Times: true}, target, bytes.NewReader(in), io.Discard)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("beside the target: %v, %v", entries, err)
		}
		_ = filepath.WalkDir(target, func(path string, _ os.DirEntry, _ error) error { return os.Chmod(path, 0o700) }) // to be removed
	})
}
