package machine_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestDmesg: all messages are shown as busybox shows them, and with dates and by levels as util-linux does;
// of a date it leaves out the fractions of both its parts. The kernel goes on to speak: the first that the
// peer shows may be forgotten by then, and the last that we show be new.
func TestDmesg(t *testing.T) {
	say(t, "<4>gatehouse-test: a warning")
	say(t, "<30>gatehouse-test: two\nlines")
	escaped := strings.NewReplacer("\x1b", `\x1b`, `\xc3\xa9`, "é") // of TestFollow, by another run
	for _, line := range []string{
		"busybox dmesg", "busybox dmesg -r", "busybox dmesg -s 20000", "/usr/bin/dmesg -S -T",
		"/usr/bin/dmesg -S -l warn", "/usr/bin/dmesg -S -l err,info --ctime",
	} {
		words := strings.Fields(line)
		peer := exec.Command(words[0], words[1:]...)
		peer.Env = as(t, "dmesg").Env
		want, err1 := peer.Output()
		got, err2 := as(t, "dmesg", words[2:]...).Output() // -S: it is to read as we do, and not by records
		if err1 != nil || err2 != nil {
			t.Fatal(line, err1, err2)
		}
		if !overlap(lines(escaped.Replace(string(want))), lines(string(got))) {
			t.Errorf("%s: no part of ours begins as the end of its:\n%.300s…\n%.300s…", line, got, want)
		}
	}
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// overlap reports whether b begins with what a ends with, which is at least half of it.
func overlap(a, b []string) bool {
	for skip := range len(a)/2 + 1 {
		if rest := a[skip:]; len(rest) <= len(b) && slices.EqualFunc(rest, b[:len(rest)], alike) {
			return true
		}
	}
	return false
}

// alike reports whether two lines differ by two seconds at most.
func alike(a, b string) bool {
	at1, text1 := dated(a)
	at2, text2 := dated(b)
	return text1 == text2 && at1.Sub(at2).Abs() <= 2*time.Second
}

// dated splits "[Sun Nov 29 20:18:01 2026] text".
func dated(line string) (time.Time, string) {
	stamp, text, _ := strings.Cut(line, "] ")
	if at, err := time.Parse("["+time.ANSIC, stamp); err == nil {
		return at, text
	}
	return time.Time{}, line
}

// TestFollow: who follows sees what was there and what comes, each once and in order, until he is
// interrupted; escape sequences that somebody had the kernel say do nothing.
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
	shown, seen := bufio.NewScanner(out), 0
	for seen < 100 && shown.Scan() {
		_, text, found := strings.Cut(shown.Text(), "] "+mark)
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
