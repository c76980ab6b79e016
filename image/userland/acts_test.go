package userland

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sandboxVariable tells the test's own program that it is process 1 of the sandbox, and where the sandbox is.
const sandboxVariable = "GATEHOUSE_TEST_SANDBOX"

// testAsked: who asks a command for help, or gives it an option that it does not have, changes nothing,
// whatever else he says. Each command runs in a box of its own namespaces, whose process 1 looks at all that
// there is to change before and after: files, mounts, its name, its network and what was sent there, its
// processes, its clock.
func (b built) testAsked(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestPrograms$")
	cmd.Env = append(os.Environ(), sandboxVariable+"="+b.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("commands were asked")) {
		t.Errorf("in a sandbox (needs root): %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// sandbox is process 1 of the sandbox.
type sandbox struct {
	t        *testing.T
	root     string
	work     string
	victim   *exec.Cmd // a process that somebody might kill
	requests chan os.Signal
	silence  *os.File // standard input that says nothing and does not end
}

func newSandbox(t *testing.T, programs string) *sandbox {
	s := &sandbox{t: t, root: t.TempDir(), work: "/tmp/work", requests: make(chan os.Signal, 1000)}
	s.must(unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
	s.must(unix.Mount("tmpfs", s.root, "tmpfs", 0, ""))
	for _, dir := range []string{"bin", "proc", "sys", "dev", "etc", "tmp/work/dir"} {
		s.must(os.MkdirAll(filepath.Join(s.root, dir), 0o755))
	}
	s.must(unix.Mount(programs, filepath.Join(s.root, "bin"), "", unix.MS_BIND, ""))
	s.must(unix.Mount("proc", filepath.Join(s.root, "proc"), "proc", 0, ""))
	s.must(unix.Mount("sysfs", filepath.Join(s.root, "sys"), "sysfs", unix.MS_RDONLY, ""))
	s.must(unix.Mknod(filepath.Join(s.root, "dev/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	s.must(unix.Sethostname([]byte("sandbox")))
	for _, capability := range []uintptr{unix.CAP_SYS_TIME, unix.CAP_SYS_MODULE, unix.CAP_SYSLOG} { // of the whole machine
		if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, capability, 0); errno != 0 {
			t.Fatal(errno)
		}
	}
	s.must(unix.Chroot(s.root))
	s.must(os.Chdir(s.work))
	s.must(os.WriteFile("file", []byte("content\n"), 0o644))
	silence, _, err := os.Pipe()
	s.must(err)
	s.silence = silence
	signal.Notify(s.requests)
	s.victim = exec.Command("/bin/sleep", "3600")
	s.must(s.victim.Start())
	return s
}

func (s *sandbox) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// names are all commands, by the links to the programs.
func (s *sandbox) names() []string {
	all, err := os.ReadDir("/bin")
	s.must(err)
	names := make([]string, 0, len(all))
	for _, link := range all {
		if link.Type() == fs.ModeSymlink {
			names = append(names, link.Name())
		}
	}
	if len(names) < 60 {
		s.t.Fatalf("there are %d commands: %q", len(names), names)
	}
	return names
}

// state is all that a command may change here, as text.
func (s *sandbox) state() string {
	var out strings.Builder
	s.must(filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == "/proc" || path == "/sys" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&out, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		return nil
	}))
	for _, file := range []string{"file", "/proc/self/mountinfo", "/proc/sys/kernel/hostname", "/proc/net/dev", "/proc/net/route", "/proc/net/arp"} {
		content, err := os.ReadFile(file)
		s.must(err)
		fmt.Fprintf(&out, "%s\n%s\n", file, content)
	}
	others, err := filepath.Glob("/proc/[0-9]*/exe")
	s.must(err)
	fmt.Fprintln(&out, others)
	var real, monotonic unix.Timespec
	s.must(unix.ClockGettime(unix.CLOCK_REALTIME, &real))
	s.must(unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic))
	fmt.Fprintln(&out, "clock", time.Duration(real.Nano()-monotonic.Nano()).Round(time.Minute)/(2*time.Minute))
	return out.String()
}

// ask runs a command, and says what it did beside answering.
func (s *sandbox) ask(name string, args ...string) (answer string, status int) {
	s.t.Helper()
	line := name + " " + strings.Join(args, " ")
	before := s.state()
	ctx, cancel := context.WithTimeout(s.t.Context(), guard)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/"+name, args...)
	cmd.Env = []string{"PATH=/bin", "HOME=/"}
	cmd.Stdin = s.silence
	cmd.WaitDelay = time.Second
	out, _ := cmd.CombinedOutput()
	answer, status = string(out), cmd.ProcessState.ExitCode()
	if ctx.Err() != nil {
		s.t.Errorf("%s waits for something\n%s", line, answer)
	}
	if strings.Contains(answer, "not permitted") || strings.Contains(answer, "ermission denied") {
		s.t.Errorf("%s tried what it may not\n%s", line, answer)
	}
	if after := s.state(); after != before {
		s.t.Errorf("%s has changed something. Before:\n%s\nafter:\n%s", line, before, after)
	}
	for len(s.requests) > 0 {
		if got := <-s.requests; got != unix.SIGCHLD && got != unix.SIGURG {
			s.t.Errorf("%s has asked process 1 for something: %v", line, got)
		}
	}
	return answer, status
}

// run asks all commands.
func (s *sandbox) run(names []string) {
	// To these each word is an operand, or nothing at all, by POSIX and by busybox.
	deaf := []string{"true", "false", "echo", "printf", "test", "[", "expr", "pwd", "dirname"}
	// These have an option -h of their own, and then they read.
	reads := []string{"grep", "egrep", "fgrep", "less", "od", "sh", "sort"}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "yes" }) // prints any word for ever
	for _, name := range names {
		for _, help := range []string{"--help", "-h"} {
			if help == "-h" && slices.Contains(reads, name) {
				continue
			}
			if answer, _ := s.ask(name, help); answer == "" && !slices.Contains(deaf, name) {
				s.t.Errorf("%s %s has no answer", name, help)
			}
		}
		const unknown = "--frobnicate"
		for _, operands := range [][]string{{}, {"file", "dir"}, {fmt.Sprint(s.victim.Process.Pid)}, {"127.0.0.1", "1"}} {
			answer, status := s.ask(name, append([]string{unknown}, operands...)...)
			if slices.Contains(deaf, name) {
				continue
			}
			if status == 0 || !strings.Contains(strings.ToLower(answer), "usage") && !strings.Contains(answer, "frobnicate") {
				s.t.Errorf("%s %s %q: status %d, and it does not say what is wrong:\n%s", name, unknown, operands, status, answer)
			}
		}
	}
	fmt.Printf("%d commands were asked\n", len(names))
}
