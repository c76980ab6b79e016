package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// session runs the command at the other machine, or a shell, and returns its status.
func (r *run) session(ctx context.Context) (status int, err error) {
	s, err := r.client.NewSession()
	if err != nil {
		return failed, err
	}
	defer s.Close()
	r.environment(s)
	r.lendAgent(s)
	t, err := r.terminal(s)
	if err != nil {
		return failed, err
	}
	input, err := s.StdinPipe()
	if err != nil {
		return failed, err
	}
	lost := func(err error) {
		r.lost = fmt.Errorf("write error: %w", err)
		r.client.Close()
	}
	s.Stdout, s.Stderr = &output{w: r.Stdout.Underlying(), lost: lost},
		&output{w: r.Stderr, lost: func(error) {}}
	if err := r.begin(s); err != nil {
		return failed, err
	}
	restore := t.raw(ctx, s)
	defer restore()
	go r.feed(input, t)
	err = s.Wait()
	restore()
	return r.status(ctx, t, err)
}

// begin has the other machine start what is wanted.
func (r *run) begin(s *ssh.Session) error {
	if r.words == "" {
		return s.Shell()
	}
	return s.Start(r.words)
}

// status is that of the program, by how the session has ended.
func (r *run) status(ctx context.Context, t *terminal, err error) (int, error) {
	var exit *ssh.ExitError
	var missing *ssh.ExitMissingError
	switch {
	case r.lost != nil:
		return failed, r.lost
	case ctx.Err() != nil:
		return failed, nil
	case errors.As(err, &exit) && exit.Signal() != "":
		return failed, fmt.Errorf("the command was ended by the signal %s", printable.Cut(exit.Signal(), 64))
	case errors.As(err, &exit):
		if t != nil {
			r.say(client.Normal, "Connection to %s closed.", r.to.Host)
		}
		return exit.ExitStatus() & 0xff, nil
	case errors.As(err, &missing):
		// The server has closed the session, or the connection is gone.
		return failed, r.ended(ctx, err)
	case err == nil && t != nil:
		r.say(client.Normal, "Connection to %s closed.", r.to.Host)
	}
	if err != nil {
		return failed, err
	}
	return 0, nil
}

// environment sends variables; servers take what they like.
func (r *run) environment(s *ssh.Session) {
	for _, name := range r.Send {
		if value, ok := os.LookupEnv(name); ok {
			_ = s.Setenv(name, value)
		}
	}
	for _, word := range r.Set {
		if name, value, ok := strings.Cut(word, "="); ok {
			_ = s.Setenv(name, value)
		}
	}
}

// lendAgent has programs of the session ask the agent here. That it may not is no reason to end.
func (r *run) lendAgent(s *ssh.Session) {
	if !r.Forward || r.Agent == "" {
		return
	}
	err := agent.ForwardToRemote(r.client, r.Agent)
	if err == nil {
		err = agent.RequestAgentForwarding(s)
	}
	if err != nil {
		r.say(client.Verbose, "The agent is not forwarded: %v", err)
	}
}

// output is a stream of the session. Where nothing can be written any more, the session ends: its server
// would wait.
type output struct {
	w    io.Writer
	lost func(error)
	once sync.Once
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.once.Do(func() { o.lost(err) })
	}
	return n, err
}

// connectThrough is -W.
func (r *run) connectThrough() (int, error) {
	conn, err := r.client.Dial("tcp", r.through)
	if err != nil {
		return failed, fmt.Errorf("%s: %s", r.through, printable.Cut(err.Error(), 1024))
	}
	go func() {
		_, _ = io.Copy(conn, r.Stdin)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite() // the other end may be gone
	}()
	if _, err := io.Copy(r.Stdout.Underlying(), conn); err != nil {
		return failed, err
	}
	conn.Close() // it has ended already
	return 0, nil
}
