package compare

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPatch: no patch is a panic, and one that fits adds as many lines as it says.
func FuzzPatch(f *testing.F) {
	f.Add([]byte("--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"), []byte("a\nb\n"), false)
	f.Add([]byte("--- a\n+++ b\n@@ -0,0 +1 @@\n+c\n\\ No newline at end of file\n"), []byte(""), true)
	f.Add([]byte("+++ b\n@@ -1 +0,0 @@\n-a\n@@ -3 +3 @@\n-x\n+y\n"), []byte("a\nb\nx"), true)
	f.Fuzz(func(t *testing.T, text, old []byte, forward bool) {
		files, _ := readPatch(text)
		for _, file := range files {
			made, err := file.apply(lines(old), forward)
			if err != nil {
				continue
			}
			grown := 0
			for _, h := range file.hunks {
				grown += h.newLen - h.oldLen
			}
			if !forward && len(made) != len(lines(old))+grown {
				t.Errorf("%q on %q: %d lines, grown by %d", text, old, len(made), grown)
			}
		}
	})
}

// TestThereAndBack: what diff writes patch applies, and takes back.
func TestThereAndBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	dir := t.TempDir()
	a, b, d := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "d")
	random := func() []byte {
		var text strings.Builder
		for range 1 + r.IntN(20) {
			fmt.Fprintf(&text, "%d\n", r.IntN(6))
		}
		return []byte(text.String()[:text.Len()-r.IntN(2)])
	}
	write := func(name string, text []byte) {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(c func() int, want int) {
		if got := c(); got != want {
			t.Fatalf("status %d, want %d", got, want)
		}
	}
	for range 300 {
		old, new := random(), random()
		if bytes.Equal(old, new) {
			continue
		}
		write(a, old)
		write(b, new)
		var out, errs bytes.Buffer
		run(func() int {
			return diffCommand.Main()(context.Background(), []string{"diff", "-U", fmt.Sprint(r.IntN(4)), a, b}, nil, &out, &errs)
		}, 1)
		write(d, out.Bytes())
		for _, step := range []struct {
			args []string
			want []byte
		}{{[]string{"patch", a, d}, new}, {[]string{"patch", "-R", a, d}, old}} {
			run(func() int { return patchCommand.Main()(context.Background(), step.args, nil, &out, &errs) }, 0)
			if got, err := os.ReadFile(a); err != nil || !bytes.Equal(got, step.want) {
				t.Fatalf("%v: %q, want %q: %v; the difference:\n%s", step.args, got, step.want, err, out.String())
			}
		}
	}
}
