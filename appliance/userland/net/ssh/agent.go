package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
)

const agentHelp = `holds keys, for ssh to ask:
	-a SOCKET	where it is asked; else in a directory of its own
	-t LIFE	how long it keeps a key, if nothing else is said with the key
	-c, -s	says how to find it in words of csh, of sh
	-D	stays in the foreground
	-k	ends the one that SSH_AGENT_PID names
COMMAND: it is there as long as the command runs.
`

func runAgent(c *command.Call) {
	var err error
	switch {
	case c.Has('k'):
		err = endAgent(c)
	case len(c.Args) > 0:
		err = agentFor(c)
	case c.Has('D'):
		err = agentHere(c)
	default:
		err = agentBehind(c)
	}
	if err != nil {
		c.Fail(err)
	}
}

// variables say how to find an agent, in words of a shell.
func variables(c *command.Call, socket string, pid int) {
	form := "SSH_AUTH_SOCK=%s; export SSH_AUTH_SOCK;\nSSH_AGENT_PID=%d; export SSH_AGENT_PID;\necho Agent pid %[2]d;\n"
	if csh(c) {
		form = "setenv SSH_AUTH_SOCK %s;\nsetenv SSH_AGENT_PID %d;\necho Agent pid %[2]d;\n"
	}
	fmt.Fprintf(c.Stdout, form, socket, pid)
}

func csh(c *command.Call) bool {
	return c.Has('c') || !c.Has('s') && strings.HasSuffix(os.Getenv("SHELL"), "csh")
}

// endAgent is -k.
func endAgent(c *command.Call) error {
	text := os.Getenv("SSH_AGENT_PID")
	pid, err := strconv.Atoi(text)
	if text == "" {
		return errors.New("SSH_AGENT_PID not set, cannot kill agent")
	}
	if err != nil || pid <= 1 {
		return fmt.Errorf("SSH_AGENT_PID=%q: expected a process", text)
	}
	if err := unix.Kill(pid, unix.SIGTERM); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	form := "unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\necho Agent pid %d killed;\n"
	if csh(c) {
		form = "unsetenv SSH_AUTH_SOCK;\nunsetenv SSH_AGENT_PID;\necho Agent pid %d killed;\n"
	}
	fmt.Fprintf(c.Stdout, form, pid)
	return nil
}

// ownDirectory begins the names of directories that are made for a socket.
const ownDirectory = "ssh-agent-"

// socketPlace is where the agent will listen, and how that is taken away.
func socketPlace(c *command.Call) (socket string, remove func(), err error) {
	if socket, ok := c.Value('a'); ok {
		return socket, func() { removeOwn(filepath.Dir(socket)) }, nil
	}
	dir, err := os.MkdirTemp("", ownDirectory)
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, fmt.Sprintf("agent.%d", os.Getpid())), func() { removeOwn(dir) }, nil
}

// removeOwn removes a directory that was made for the socket of an agent, which is empty then.
func removeOwn(dir string) {
	if strings.HasPrefix(filepath.Base(dir), ownDirectory) {
		_ = os.Remove(dir) // another's is not empty, or stays empty
	}
}

// listen is for the user alone.
func listen(socket string) (net.Listener, error) {
	defer unix.Umask(unix.Umask(0o177))
	return net.Listen("unix", socket)
}

// newAgent is one of the options.
func newAgent(c *command.Call) (*keeper, error) {
	life := time.Duration(0)
	if text, ok := c.Value('t'); ok {
		var err error
		if life, err = client.Span(text); err != nil {
			return nil, fmt.Errorf("lifetime: %w", err)
		}
	}
	// Nobody else of the user's reads its memory, and no core has it.
	return newKeeper(life), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// openAgent is one of the options with its socket, of which remove leaves nothing.
func openAgent(c *command.Call) (k *keeper, l net.Listener, remove func(), err error) {
	k, err = newAgent(c)
	if err != nil {
		return nil, nil, nil, err
	}
	socket, remove, err := socketPlace(c)
	if err != nil {
		return nil, nil, nil, err
	}
	if l, err = listen(socket); err != nil {
		remove()
	}
	return k, l, remove, err
}

// agentHere serves until it is asked to end.
func agentHere(c *command.Call) error {
	k, l, remove, err := openAgent(c)
	if err != nil {
		return err
	}
	defer remove()
	variables(c, l.Addr().String(), os.Getpid())
	if err := c.Stdout.Flush(); err != nil {
		return err
	}
	return k.serve(c.Context, l)
}

// agentFor serves as long as a command runs, and ends as that does.
func agentFor(c *command.Call) error {
	k, l, remove, err := openAgent(c)
	if err != nil {
		return err
	}
	defer remove()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- k.serve(ctx, l) }()
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout.Underlying(), c.Stderr
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+l.Addr().String(),
		fmt.Sprintf("SSH_AGENT_PID=%d", os.Getpid()))
	err = cmd.Run()
	cancel()
	<-served
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	c.Exit(exit.ExitCode())
	if exit.ExitCode() < 0 {
		c.Exit(128 + int(exit.Sys().(interface{ Signal() unix.Signal }).Signal()))
	}
	return nil
}

// startPatience is for an agent in the background to be there.
const startPatience = 10 * time.Second

// agentBehind starts one in the background, and says how to find it.
func agentBehind(c *command.Call) error {
	if _, err := newAgent(c); err != nil {
		return err // it would say so to nobody
	}
	socket, remove, err := socketPlace(c)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(socket); err == nil {
		return fmt.Errorf("%s is there already", socket)
	}
	full, err := filepath.Abs(socket)
	if err != nil {
		return err
	}
	args := []string{"ssh-agent", "-D", "-a", full}
	if life, ok := c.Value('t'); ok {
		args = append(args, "-t", life)
	}
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: args, Dir: "/",
		SysProcAttr: &unix.SysProcAttr{Setsid: true}}
	if err := cmd.Start(); err != nil {
		remove()
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(startPatience); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			variables(c, socket, cmd.Process.Pid)
			return conn.Close()
		}
		select {
		case err := <-ended:
			remove()
			return fmt.Errorf("the agent has ended: %v; is %s a place for a socket?", err, socket)
		default:
		}
		if time.Now().After(end) {
			return err
		}
	}
}
