package nft_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A netns is the name of a network namespace that lives as long as its test.
type netns string

// newNetns makes a namespace without any interface that is up. Its name is this process's own.
func newNetns(t *testing.T, name string) netns {
	t.Helper()
	ns := netns(fmt.Sprintf("gh%d-%s", os.Getpid(), name))
	command(t, "", "ip", "netns", "add", string(ns))
	t.Cleanup(func() { command(t, "", "ip", "netns", "del", string(ns)) })
	return ns
}

// do runs f on a thread inside the namespace; sockets that f opens stay in it, commands that f starts run in it.
func (ns netns) do(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		fd, err := unix.Open("/run/netns/"+string(ns), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			defer unix.Close(fd)
			err = unix.Setns(fd, unix.CLONE_NEWNET)
		}
		if err != nil {
			done <- fmt.Errorf("enter %s (these tests need root): %w", ns, err)
			return
		}
		f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// run runs a command line in the namespace and returns what it printed.
func (ns netns) run(t *testing.T, line string) string {
	t.Helper()
	var out string
	ns.do(t, func() { out = command(t, "", strings.Fields(line)...) })
	return out
}

// command runs a command with input; the test is over when it fails.
func command(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
