package text

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// run runs a command of the room.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return Commands()[args[0]].Main()(ctx, args, stdin, stdout, stderr)
}

// text makes lines of random length, some longer than a chunk, and a last one with
// or without its end.
func text(r *rand.Rand) []byte {
	var b bytes.Buffer
	for range r.IntN(40) {
		n := r.IntN(80)
		if r.IntN(30) == 0 {
			n = chunkSize + r.IntN(chunkSize)
		}
		b.WriteString(strings.Repeat(string('a'+rune(r.IntN(26))), n))
		b.WriteByte('\n')
	}
	b.WriteString(strings.Repeat("z", r.IntN(3)))
	return b.Bytes()
}

// readInBits is a stdin that comes in pieces of random length.
type readInBits struct {
	io.Reader
	*rand.Rand
}

// Read implements io.Reader.
func (r readInBits) Read(b []byte) (int, error) {
	return r.Reader.Read(b[:min(len(b), 1+r.IntN(2*chunkSize))])
}

// TestRandomParts compares head and tail with busybox on random files and options, also
// of several files and of standard input.
func TestRandomParts(t *testing.T) {
	const seed = 20261123
	r := rand.New(rand.NewPCG(seed, 1))
	t.Chdir(t.TempDir())
	for round := range 300 {
		input := text(r)
		for _, name := range []string{"a", "b"} {
			if err := os.WriteFile(name, text(r), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		command, signs := "head", []string{"", "-"}
		if round%2 == 1 {
			command, signs = "tail", []string{"", "+", "-"}
		}
		sign, n := signs[r.IntN(len(signs))], []int{0, 1, 2, 5, 10, 50, 70000}[r.IntN(7)]
		args := strings.Fields([]string{
			"", fmt.Sprintf("-%d", n), fmt.Sprintf("-n %s%d", sign, n), fmt.Sprintf("-c%s%d", sign, n), fmt.Sprintf("-c %s%d", sign, n),
			fmt.Sprintf("-qn%s%d", sign, n), fmt.Sprintf("-v -n %s%d", sign, n),
		}[r.IntN(7)] + " " + []string{"", "a", "a b", "a - b", "a missing b"}[r.IntN(5)])
		peer := exec.Command("busybox", append([]string{command}, args...)...)
		peer.Stdin = bytes.NewReader(input)
		want, err := peer.Output()
		if peer.ProcessState == nil {
			t.Fatalf("busybox is missing: apt-get install busybox: %v", err)
		}
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), append([]string{command}, args...), readInBits{bytes.NewReader(input), r}, &stdout, &stderr)
		if status != peer.ProcessState.ExitCode() || !bytes.Equal(stdout.Bytes(), want) {
			t.Fatalf("round %d: %s %q: status %d, %s\n%d bytes, busybox has status %d and %d bytes", round, command, args,
				status, &stderr, stdout.Len(), peer.ProcessState.ExitCode(), len(want))
		}
		if missing := strings.Contains(fmt.Sprint(args), "missing"); missing != (stderr.String() == map[string]string{"head": "head: missing", "tail": "tail: can't open 'missing'"}[command]+": No such file or directory\n") {
			t.Fatalf("%s %q: %s", command, args, &stderr)
		}
	}
}

// TestTailOfProc: such a file says that it is empty.
func TestTailOfProc(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"tail", "-1", "/proc/self/status"}, nil, &stdout, &stderr); status != 0 ||
		!strings.Contains(stdout.String(), "nonvoluntary_ctxt_switches") {
		t.Errorf("%d, %q, %s", status, &stdout, &stderr)
	}
}

// lockedBuffer is a buffer that one side writes and the other empties.
type lockedBuffer struct {
	sync.Mutex
	bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

// take empties b.
func (b *lockedBuffer) take() string {
	b.Lock()
	defer b.Unlock()
	return string(b.Next(b.Len()))
}

// TestFollow follows a log that grows, is cut, and is rotated, in virtual time.
func TestFollow(t *testing.T) {
	log, other := filepath.Join(t.TempDir(), "log"), filepath.Join(t.TempDir(), "other")
	write := func(name, text string, flags int) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|flags, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write(log, "one\ntwo\nthree\n", 0)
	write(other, "else\n", 0)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var stdout, stderr lockedBuffer
		status := make(chan int, 1)
		go func() {
			status <- run(ctx, []string{"tail", "-Fn1", log, other, log + ".none"}, nil, &stdout, &stderr)
		}()
		expect := func(what, wantOut, wantErr string) {
			t.Helper()
			time.Sleep(5 * followPause)
			synctest.Wait()
			if out, errs := stdout.take(), stderr.take(); out != wantOut || errs != wantErr {
				t.Errorf("%s: %q, %q, want %q, %q", what, out, errs, wantOut, wantErr)
			}
		}
		head := func(name string) string { return "\n==> " + name + " <==\n" }
		expect("start", head(log)[1:]+"three\n"+head(other)+"else\n", "tail: can't open '"+log+".none': No such file or directory\n")
		write(log, "four", os.O_APPEND)
		expect("growth", head(log)+"four", "")
		write(log, "\nfive\n", os.O_APPEND)
		expect("more of the same", "\nfive\n", "")
		expect("nothing", "", "")
		write(log, "cut\n", os.O_TRUNC)
		expect("cut", "cut\n", "")
		if err := os.Rename(log, log+".1"); err != nil {
			t.Fatal(err)
		}
		expect("gone", "", "tail: "+log+" has been renamed or deleted\n")
		write(log+".1", "last words\n", os.O_APPEND)
		expect("the old file", "last words\n", "")
		write(log, "new\n", 0)
		expect("rotation", "new\n", "tail: "+log+" has been replaced; following the new file\n")
		write(other, "elsewhere\n", os.O_APPEND)
		expect("the other", head(other)+"elsewhere\n", "")
		write(log+".none", "late\n", 0)
		expect("a late one", head(log+".none")+"late\n", "tail: "+log+".none has appeared; following the new file\n")
		cancel()
		if got := <-status; got != 0 {
			t.Errorf("status %d", got)
		}
	})
}

func TestFollowNothing(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"tail", "-f"}, strings.NewReader("a\nb\n"), &stdout, &stderr); status != 0 || stdout.String() != "a\nb\n" {
		t.Errorf("standard input: %d, %q, %s", status, &stdout, &stderr)
	}
	if status := run(t.Context(), []string{"tail", "-f", filepath.Join(t.TempDir(), "none")}, nil, &stdout, &stderr); status != 1 {
		t.Errorf("no file: %d, %s", status, &stderr)
	}
}
