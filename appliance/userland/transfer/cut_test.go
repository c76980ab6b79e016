package transfer_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A sender begins an upload of a file by hand, in pieces, and never ends it.
type sender struct {
	name  string
	args  []string
	begin func(path string, size int) []byte
	piece func(offset int, data []byte) []byte
	end   func() []byte
}

func senders(dir string) []sender {
	packet := func(kind byte, fields ...any) []byte {
		b := []byte{0, 0, 0, 0, kind}
		for _, f := range fields {
			switch f := f.(type) {
			case uint32:
				b = binary.BigEndian.AppendUint32(b, f)
			case uint64:
				b = binary.BigEndian.AppendUint64(b, f)
			case string:
				b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
			}
		}
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
		return b
	}
	sftp := func(flags uint32) sender {
		return sender{
			"sftp-server", nil,
			func(path string, _ int) []byte {
				return append(packet(1, uint32(3)), packet(3, uint32(1), path, flags, uint32(0))...)
			},
			func(offset int, data []byte) []byte {
				return packet(6, uint32(2), "1", uint64(offset), string(data))
			},
			func() []byte { return packet(4, uint32(3), "1") },
		}
	}
	const put, change = 2 | 8 | 16, 2 | 8 // scp of OpenSSH opens as the latter
	return []sender{
		sftp(put), sftp(change),
		{
			"scp", []string{"-t", dir},
			func(path string, size int) []byte {
				return fmt.Appendf(nil, "C0600 %d %s\n", size, filepath.Base(path))
			},
			func(_ int, data []byte) []byte { return data },
			func() []byte { return []byte{0} },
		},
	}
}

const (
	pieceSize  = 16 << 10
	pieceCount = 64
)

// TestCut: an upload that is cut off leaves what was there before, and nothing else, whenever the server is
// killed, or loses its client.
func TestCut(t *testing.T) {
	t.Parallel()
	for _, kill := range []bool{true, false} {
		for i := range senders("") {
			name := fmt.Sprintf("%s-%d", senders("")[i].name, i)
			for _, pieces := range []int{0, 1, 17, pieceCount} {
				for _, old := range []string{"", "old\n"} {
					t.Run(fmt.Sprintf("%s/%d/%q/%v", name, pieces, old, kill), func(t *testing.T) {
						t.Parallel()
						cut(t, i, pieces, old, kill)
					})
				}
			}
		}
	}
}

func cut(t *testing.T, which, pieces int, old string, kill bool) {
	dir := t.TempDir()
	s := senders(dir)[which]
	path := filepath.Join(dir, "file")
	want := 0
	if old != "" {
		want = 1
		if err := os.WriteFile(path, []byte(old), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	cmd, stdin := serve(t, dir, s)
	send(t, stdin, s, path, pieces)
	if kill {
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	} else if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // that it was cut off, it may call an error
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != want {
		t.Errorf("the directory has %v", entries)
	}
	if old != "" {
		if text, err := os.ReadFile(path); err != nil || string(text) != old {
			t.Errorf("the old file has %d bytes, %v", len(text), err)
		}
	}
}

// serve starts a server.
func serve(t *testing.T, dir string, s sender) (*exec.Cmd, io.WriteCloser) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), called(t, s.name), s.args...)
	cmd.Dir = dir
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdin
}

// send begins an upload, and sends some of its pieces.
func send(t *testing.T, to io.Writer, s sender, path string, pieces int) {
	t.Helper()
	_, err := to.Write(s.begin(path, pieceSize*pieceCount))
	for i := range pieces {
		if err == nil {
			_, err = to.Write(s.piece(i*pieceSize, bytes.Repeat([]byte{byte(i)}, pieceSize)))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestKilledAtAnyTime kills a server that replaces a file by another as large at moments by chance: what is
// there is the old file or the new one, whole.
func TestKilledAtAnyTime(t *testing.T) {
	t.Parallel()
	first := bytes.Repeat([]byte("old\n"), pieceSize*pieceCount/4)
	old, done := 0, 0
	for round := range 60 {
		dir := t.TempDir()
		s := senders(dir)[round%3]
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, first, 0o640); err != nil {
			t.Fatal(err)
		}
		cmd, stdin := serve(t, dir, s)
		send(t, stdin, s, path, pieceCount)
		if _, err := stdin.Write(s.end()); err != nil {
			t.Fatal(err)
		}
		var chance [1]byte
		_, _ = rand.Read(chance[:])
		time.Sleep(time.Duration(chance[0]) * 50 * time.Microsecond) // up to 13 ms: before, amid and after the end
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case bytes.Equal(text, first):
			old++
		case len(text) == pieceSize*pieceCount && text[0] == 0 && text[len(text)-1] == pieceCount-1:
			done++
		default:
			t.Fatalf("a mixture of %d bytes", len(text))
		}
	}
	t.Logf("%d times the old file, %d times the new one", old, done)
}
