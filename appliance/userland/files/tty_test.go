package files_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// link is a directory with a name of the test's program, by which it is that command.
func link(t *testing.T, name string) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(own, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// terminal is a pair of descriptors with a size.
func terminal(t *testing.T, columns uint16) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err = errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// onTerminal is what a program prints on a terminal.
func onTerminal(t *testing.T, columns uint16, dir, program string, args ...string) string {
	t.Helper()
	master, slave := terminal(t, columns)
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, slave, slave, slave
	cmd.Env = []string{"TERM=linux", "LC_ALL=C", "TZ=UTC0"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	out, err := io.ReadAll(master)
	if err != nil && !errors.Is(err, unix.EIO) { // EIO: nobody has the other side any more
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestTerminal holds ls on a terminal against busybox's: columns, and whether there are colours.
func TestTerminal(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is missing: apt-get install busybox")
	}
	dir, ours := t.TempDir(), link(t, "ls")
	for _, name := range []string{"a", "bb", "ccc", "a long name", "é", "dir/x", ".hidden", "zz", "y", "x1", "x2", "x3"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range []string{"", "-a", "-x", "-F", "-1", "-i", "-s", "--color=auto", "--color=never", "-l", "-R"} {
		for _, columns := range []uint16{0, 10, 20, 40, 80, 200} {
			got := onTerminal(t, columns, dir, ours, strings.Fields(args)...)
			want := onTerminal(t, columns, dir, busybox, append([]string{"ls"}, strings.Fields(args)...)...)
			if got != want {
				t.Errorf("ls %s on %d columns:\n%q\nbusybox's:\n%q", args, columns, got, want)
			}
		}
	}
}

// TestNohup holds nohup against Debian's on a terminal, some of whose streams are elsewhere.
func TestNohup(t *testing.T) {
	debians, err := exec.LookPath("nohup")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`nohup sh -c 'echo out; echo err >&2'`, `nohup sh -c 'echo out; cat; echo $?' 2>err`, `nohup sh -c 'echo out; echo err >&2' >out`,
		`nohup sh -c 'echo out; echo err >&2' </dev/null`, `nohup sh -c 'echo err >&2' >out 2>&1`, `nohup sh -c 'kill -HUP $$; echo on'`,
		`mkdir nohup.out; HOME=$PWD/home nohup echo x; cat home/nohup.out`, `mkdir nohup.out; HOME=/nowhere nohup echo x; echo $?`,
		`mkdir nohup.out; env -u HOME nohup echo x; echo $?`, `nohup nosuchcommand; echo $?`, `nohup nosuchcommand 2>err; echo $?`,
		`nohup /etc/passwd >out; echo $?`,
	} {
		var results [2]string
		for i, nohup := range []string{link(t, "nohup"), debians} {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "home"), 0o755); err != nil {
				t.Fatal(err)
			}
			script := strings.ReplaceAll(line, "nohup ", nohup+" ") + "; head -n 9 nohup.out out 2>/dev/null; stat -c %a nohup.out 2>/dev/null; :"
			said := onTerminal(t, 80, dir, "/bin/sh", "-c", script)
			said = strings.ReplaceAll(strings.ReplaceAll(said, nohup+":", "nohup:"), dir, "DIR")
			for line := range strings.SplitSeq(said, "\r\n") { // who complains has words of his own
				if strings.HasPrefix(line, "nohup: ") && !strings.Contains(line, "ing ") {
					if line = "a complaint"; strings.HasSuffix(results[i], line+"\n") {
						continue
					}
				}
				results[i] += line + "\n"
			}
		}
		if results[0] != results[1] {
			t.Errorf("%s\n%s\nDebian's:\n%s", line, results[0], results[1])
		}
	}
}

// TestMoveToFullDisk: what cannot be moved to another file system stays, and so does what has its name there.
func TestMoveToFullDisk(t *testing.T) {
	full := t.TempDir()
	if err := unix.Mount("tmpfs", full, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatalf("root is needed to mount: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(full, unix.MNT_DETACH) })
	dir, text := t.TempDir(), bytes.Repeat([]byte("0123456789abcdef"), 16<<10)
	source, target := filepath.Join(dir, "f"), filepath.Join(full, "f")
	if err := errors.Join(os.WriteFile(source, text, 0o600), os.WriteFile(target, []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), link(t, "mv"), source, full).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "No space left on device") {
		t.Errorf("%v: %s", err, out)
	}
	if kept, err := os.ReadFile(source); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("the source is not what it was: %d bytes, %v", len(kept), err)
	}
	if kept, err := os.ReadFile(target); err != nil || string(kept) != "old" {
		t.Errorf("the target is not what it was: %q, %v", kept, err)
	}
	if all, err := os.ReadDir(full); err != nil || len(all) != 1 {
		t.Errorf("something is left: %v, %v", all, err)
	}
	if out, err := exec.CommandContext(t.Context(), link(t, "cp"), source, filepath.Join(full, "g")).CombinedOutput(); err == nil {
		t.Errorf("cp says nothing of a full disk: %s", out)
	}
}
