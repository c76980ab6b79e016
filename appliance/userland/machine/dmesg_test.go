package machine_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// as runs this test's program as a command.
func as(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink("/proc/self/exe", link); err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), own, args...)
	cmd.Args[0] = name
	cmd.Env = []string{"TZ=CET-1CEST,M3.5.0,M10.5.0/3", "LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	return cmd
}

// say writes into the kernel's log. Without the end of the line the kernel would wait for more of it.
func say(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile("/dev/kmsg", []byte(text+"\n"), 0); err != nil {
		t.Fatalf("root is needed to write to the kernel's log: %v", err)
	}
}

// TestDmesg: all messages are shown as busybox shows them, and with dates and by levels as util-linux does; of a date it
// leaves out the fractions of both its parts. The kernel may say something between the two: then they are asked again.
func TestDmesg(t *testing.T) {
	say(t, "<4>gatehouse-test: a warning")
	say(t, "<30>gatehouse-test: two\nlines")
	escaped := strings.NewReplacer("\x1b", `\x1b`, `\xc3\xa9`, "é") // of TestFollow, by another run
	for _, line := range []string{
		"busybox dmesg", "busybox dmesg -r", "busybox dmesg -s 20000", "/usr/bin/dmesg -S -T",
		"/usr/bin/dmesg -S -l warn", "/usr/bin/dmesg -S -l err,info --ctime",
	} {
		words := strings.Fields(line)
		args := words[2:] // -S: it is to read as we do, and not by records
		var difference string
		for range 20 {
			peer := exec.Command(words[0], words[1:]...)
			peer.Env = as(t, "dmesg").Env
			want, err1 := peer.Output()
			got, err2 := as(t, "dmesg", args...).Output()
			if err1 != nil || err2 != nil || len(got) == 0 {
				t.Fatalf("%s: %d bytes, %v, %v", line, len(got), err1, err2)
			}
			if difference = differing(string(got), escaped.Replace(string(want))); difference == "" {
				break
			}
		}
		if difference != "" {
			t.Errorf("%s: ours and its first line that differ:\n%s", line, difference)
		}
	}
}

// differing are the first lines that differ in more than two seconds; "" if there are none.
func differing(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	if len(x) != len(y) {
		return fmt.Sprintf("one has %d lines, the other %d", len(x), len(y))
	}
	for i := range x {
		at1, text1 := dated(x[i])
		at2, text2 := dated(y[i])
		if text1 != text2 || at1.Sub(at2).Abs() > 2*time.Second {
			return fmt.Sprintf("%q\n%q", x[i], y[i])
		}
	}
	return ""
}

// dated splits "[Sun Nov 29 20:18:01 2026] text".
func dated(line string) (time.Time, string) {
	stamp, text, _ := strings.Cut(line, "] ")
	if at, err := time.Parse("["+time.ANSIC, stamp); err == nil {
		return at, text
	}
	return time.Time{}, line
}

// TestFollow: who follows sees what was there and what comes, each once and in order, until he is interrupted; escape
// sequences that somebody had the kernel say do nothing.
func TestFollow(t *testing.T) {
	mark := fmt.Sprintf("gatehouse-test %d:", os.Getpid())
	say(t, mark+" 0")
	cmd := as(t, "dmesg", "-w")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer late.Stop()
	lines, seen := bufio.NewScanner(out), 0
	for seen < 100 && lines.Scan() {
		_, text, found := strings.Cut(lines.Text(), "] "+mark)
		if !found {
			continue
		}
		want := fmt.Sprintf(" %d", seen)
		if seen > 0 {
			want += ` \x1b[2J\ é`
		}
		if text != want {
			t.Fatalf("line %d is %q, want %q", seen, text, want)
		}
		seen++
		say(t, fmt.Sprintf("%s %d \x1b[2J\\ é", mark, seen))
	}
	if seen != 100 {
		t.Fatalf("it ended after %d lines", seen)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}
