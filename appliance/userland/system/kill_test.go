package system

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// kill runs Kill.
func kill(t *testing.T, args ...string) (stdout, stderr string, status int) {
	var out, errs bytes.Buffer
	status = Kill(t.Context(), append([]string{"kill"}, args...), &out, &errs)
	return out.String(), errs.String(), status
}

// child starts a program that waits, as the leader of a process group.
func child(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestKillChildren(t *testing.T) {
	// Whoever listens for a signal does not hand it on as ignored, as nohup(1) does.
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP)
	defer signal.Stop(hangUps)
	for options, want := range map[string]syscall.Signal{
		"": syscall.SIGTERM, "-9": syscall.SIGKILL, "-KILL": syscall.SIGKILL, "-SIGKILL": syscall.SIGKILL, "-s TERM": syscall.SIGTERM,
		"-s sigint": syscall.SIGINT, "-n 1": syscall.SIGHUP, "-hup": syscall.SIGHUP, "--": syscall.SIGTERM, "-15 --": syscall.SIGTERM,
	} {
		a, b := child(t), child(t)
		// The second is meant as a group.
		args := append(strings.Fields(options), fmt.Sprint(a.Process.Pid), fmt.Sprint(-b.Process.Pid))
		if _, stderr, status := kill(t, append([]string{"-0"}, args[len(args)-2:]...)...); status != exitOK {
			t.Errorf("kill -0: %d, %s", status, stderr)
		}
		if stdout, stderr, status := kill(t, args...); status != exitOK || stdout+stderr != "" {
			t.Errorf("kill %q: %d, %s%s", args, status, stdout, stderr)
			a.Process.Kill()
			b.Process.Kill()
		}
		for _, cmd := range []*exec.Cmd{a, b} {
			cmd.Wait() // its error says what is looked at below
			if got := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(); got != want {
				t.Errorf("kill %q: %v, want %v", args, got, want)
			}
		}
		pid := fmt.Sprint(a.Process.Pid) // no longer a process
		if _, stderr, status := kill(t, "-0", pid); status != exitFailed || stderr != "kill: ("+pid+"): no such process\n" {
			t.Errorf("kill of nobody: %d, %s", status, stderr)
		}
	}
}

func TestKillUsage(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", "expected the number of a process\n"},
		{"-9", "expected the number of a process\n"},
		{"-s", "option -s needs a signal\n"},
		{"-FOO 2147483647", "FOO: no such signal; kill -l lists them\n"},
		{"-65 2147483647", "65: no such signal; kill -l lists them\n"},
		{"2147483647 0", "0: expected the number of a process, or -N for process group N\n"},
		{"-9 -1", "-1: expected the number of a process, or -N for process group N\n"},
		{"-9 4294967297", "4294967297: expected the number of a process, or -N for process group N\n"},
		{"sshd", "sshd: expected the number of a process, or -N for process group N\n"},
	} {
		stdout, stderr, status := kill(t, strings.Fields(tt.args)...)
		if status != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "kill: "+tt.want+"usage: kill") {
			t.Errorf("kill %s: %d, %s%s", tt.args, status, stdout, stderr)
		}
	}
}

func TestKillList(t *testing.T) {
	if stdout, _, status := kill(t, "-l"); status != exitOK || !strings.HasPrefix(stdout, "1) HUP\n2) INT\n") || !strings.Contains(stdout, "\n9) KILL\n") {
		t.Errorf("%d, %s", status, stdout)
	}
	for args, want := range map[string]string{"9": "KILL\n", "KILL": "9\n", "sigterm 1": "15\nHUP\n", "137": "KILL\n"} {
		if stdout, stderr, status := kill(t, append([]string{"-l"}, strings.Fields(args)...)...); status != exitOK || stdout != want {
			t.Errorf("kill -l %s: %d, %q, %s", args, status, stdout, stderr)
		}
	}
	if _, stderr, status := kill(t, "-l", "nine"); status != exitUsage || stderr != "kill: nine: no such signal; kill -l lists them\n" {
		t.Errorf("kill -l nine: %d, %s", status, stderr)
	}
	// The names are those of the kill that everybody has.
	out, err := exec.Command("bash", "-c", "for i in $(seq 1 31); do kill -l $i; done").Output()
	if err != nil {
		t.Fatalf("bash: %v", err)
	}
	for i, name := range strings.Fields(string(out)) {
		if stdout, _, _ := kill(t, "-l", fmt.Sprint(i+1)); stdout != name+"\n" {
			t.Errorf("signal %d: %q, bash says %s", i+1, stdout, name)
		}
	}
}
