package bzip2

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

func compress(t testing.TB, text []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	for piece := text; len(piece) > 0; {
		n := min(len(piece), 1000)
		if _, err := w.Write(piece[:n]); err != nil {
			t.Fatal(err)
		}
		piece = piece[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// samples are texts, hard ones among them: runs of all lengths about the limits, periods, all bytes, nothing.
func samples() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 250000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var runs, words bytes.Buffer
	for n := range 600 {
		runs.Write(bytes.Repeat([]byte{byte(n)}, n))
	}
	for range 60000 {
		words.WriteString([]string{"lease ", "route ", "the ", "eth0 ", "\n"}[random.IntN(5)])
	}
	return map[string][]byte{
		"nothing": nil, "one": {7}, "two": {7, 7}, "three": []byte("aba"), "period": []byte(strings.Repeat("ab", 70000)),
		"zeros": make([]byte, 1<<20), "noise": noise, "runs": runs.Bytes(), "words": words.Bytes(),
		"thue": []byte(strings.Repeat("abbabaab", 30000) + "b"),
	}
}

// TestReaders: the standard library and bzip2 itself read what is written, and it is about as small as
// bzip2's.
func TestReaders(t *testing.T) {
	peer, err := exec.LookPath("bzip2")
	if err != nil {
		t.Fatal("bzip2 is missing: apt-get install bzip2")
	}
	for name, text := range samples() {
		for _, level := range []int{Fastest, Best} {
			packed := compress(t, text, level)
			got, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, level %d: the standard library reads %d bytes of %d: %v", name, level, len(got), len(text), err)
			}
			cmd := exec.Command(peer, "-dc")
			cmd.Stdin = bytes.NewReader(packed)
			if got, err := cmd.Output(); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, level %d: bzip2 reads %d bytes of %d: %v", name, level, len(got), len(text), err)
			}
			cmd = exec.Command(peer, "-c", "-"+string(rune('0'+level)))
			cmd.Stdin = bytes.NewReader(text)
			theirs, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if len(packed) > len(theirs)+len(theirs)/100+10 {
				t.Errorf("%s, level %d: %d bytes, bzip2 makes %d", name, level, len(packed), len(theirs))
			}
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestFull(t *testing.T) {
	w, err := NewWriter(full{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(samples()["noise"]); err == nil {
		t.Error("what could not be written is no error of Write")
	}
	if err := w.Close(); err == nil {
		t.Error("what could not be written is no error of Close")
	}
	if _, err := NewWriter(full{}, 10); err == nil {
		t.Error("level 10 is no error")
	}
}

func FuzzWriter(f *testing.F) {
	f.Add([]byte("aaaabbbbbb"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(compress(t, text, 1))))
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes became %d: %v", len(text), len(got), err)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	text := samples()["words"]
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		compress(b, text, Best)
	}
}
