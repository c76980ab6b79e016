package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], transfer.FarEnds()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// theirServer is OpenSSH's, of Debian's openssh-sftp-server.
const theirServer = "/usr/lib/openssh/sftp-server"

// patience bounds what must happen. It is no measure.
const patience = 30 * time.Second

// called is the test's program by the name of a command.
func called(t *testing.T, name string) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// TestSFTP holds the server against OpenSSH's: the same batches by sftp(1), which have the same output, the
// same end and leave the same files.
func TestSFTP(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(theirServer); err != nil {
		t.Fatalf("Debian's package openssh-sftp-server is missing: %v", err)
	}
	archive, err := txtar.ParseFile("testdata/sftp.txtar")
	if err != nil {
		t.Fatal(err)
	}
	ours := called(t, "sftp-server")
	for _, batch := range archive.Files {
		t.Run(batch.Name, func(t *testing.T) {
			t.Parallel()
			reason, text := "", string(batch.Data)
			if strings.HasPrefix(text, "~") {
				reason, text, _ = strings.Cut(text, "\n")
			}
			got, want := sftp(t, ours, text), sftp(t, theirServer, text)
			if got == want && reason != "" {
				t.Errorf("does the same; the reason why not is%s", reason[1:])
			}
			if got != want && reason == "" {
				t.Errorf("ours (-), OpenSSH's (+):\n%s", cmp.Diff(strings.Split(got, "\n"), strings.Split(want, "\n")))
			}
		})
	}
}

// sftp runs a batch in a new directory, and returns all that comes of it.
func sftp(t *testing.T, server, batch string) string {
	t.Helper()
	dir := t.TempDir()
	furnish(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sftp", "-q", "-b", "-", "-D", server)
	cmd.Dir, cmd.Stdin, cmd.WaitDelay = dir, strings.NewReader(batch), time.Second
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(out), dir, "DIR")
	// How much is free changes while one looks.
	text = regexp.MustCompile(`(?m)^ *[0-9.]+[KMGTB]? .*%$`).ReplaceAllString(text, "sizes")
	// The words of complaints are everybody's own.
	return fmt.Sprintf("%s%d complaints, %v\n%s", text, bytes.Count(complaints.Bytes(), []byte("\n")), cmd.ProcessState, tree(t, dir))
}

// furnish makes the files of both ends.
func furnish(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"near/text": "new\n", "near/longer": strings.Repeat("0123456789", 20000), "near/begun": "0123456789", "near/tree/a": "a", "near/tree/b/c": "c",
		"far/old": "old\n", "far/longer": strings.Repeat("0123456789", 20000), "far/begun": "0123456789", "far/tree/a": "A", "far/tree/b/c": "C", "far/dir/x": "x",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	for i := range 120 {
		write(t, filepath.Join(dir, "far/many", fmt.Sprintf("file-%03d", i)), "")
	}
	// As /dev/null, which is everybody's.
	if err := syscall.Mknod(filepath.Join(dir, "far/null"), syscall.S_IFCHR|0o600, 1<<8|3); err != nil {
		t.Fatalf("expected to be root: %v", err)
	}
	if err := os.Chmod(filepath.Join(dir, "far/old"), 0o640); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"far/link": "old", "far/dangling": "made", "far/deep": "tree/b"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	then := time.Unix(1700000000, 0)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, then, then))
	if err != nil {
		t.Fatal(err)
	}
}

// tree is what is in a directory: kinds, modes, owners, times if they are old, links, texts.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		name, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%v %d:%d %s", info.Mode(), st.Uid, st.Gid, name)
		if st.Mtim.Sec == 1700000000 {
			b.WriteString(" long ago")
		}
		if to, err := os.Readlink(path); err == nil {
			b.WriteString(" -> " + to)
		}
		if info.Mode().IsRegular() {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d %.20q", len(text), text)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
