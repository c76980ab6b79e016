package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
)

// A session is this program on the guest, which loads rules when it is told to.
type session struct {
	cmd     *exec.Cmd
	input   io.WriteCloser
	answers *bufio.Reader
}

// login copies this program to the guest, whose file systems hold no programs but the image's, and starts it
// there.
func (s *space) login(ctx context.Context, img vmtest.Image) (*session, error) {
	program := filepath.Join(img.Dir, "rules")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./bench/firewall")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // the guest has no libc
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	ssh := func(command string) *exec.Cmd {
		return exec.CommandContext(ctx, "ip", "netns", "exec", s.name, "ssh", "-F", "none", "-i", img.Key,
			"-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile="+
				filepath.Join(img.Dir, "known_hosts"), "-o", "StrictHostKeyChecking=accept-new", "-o",
			"LogLevel=ERROR", "-o", "ConnectTimeout=5", "-o", "ConnectionAttempts=60", "admin@"+lanOwn,
			command)
	}
	file, err := os.Open(program)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	install := ssh("mkdir /run/bench && mount -t tmpfs tmpfs /run/bench && cat > /run/bench/rules && chmod 700 /run/bench/rules")
	install.Stdin = file
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy the program to the guest: %w: %s", err, out)
	}
	return start(ssh("/run/bench/rules -rules"))
}

// start runs the program on the guest until it is closed.
func start(cmd *exec.Cmd) (_ *session, err error) {
	session := &session{cmd: cmd}
	if session.input, err = session.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := session.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	session.answers = bufio.NewReader(out)
	session.cmd.Stderr = os.Stderr
	return session, session.cmd.Start()
}

// ask sends a word and waits until it is answered by "ok".
func (s *session) ask(word string) error {
	if _, err := fmt.Fprintln(s.input, word); err != nil {
		return err
	}
	answer, err := s.answers.ReadString('\n')
	if err == nil && answer != "ok\n" {
		err = errors.New(strings.TrimSpace(answer))
	}
	return err
}

func (s *session) close() {
	s.input.Close()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}
