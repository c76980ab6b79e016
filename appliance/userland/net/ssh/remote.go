package ssh

import (
	"errors"
	"io"

	"golang.org/x/crypto/ssh"
)

// A remote is a command at another machine, which is talked with.
type remote struct {
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
}

func start(c *ssh.Client, command string, stderr io.Writer) (*remote, error) {
	s, err := c.NewSession()
	if err != nil {
		return nil, err
	}
	r := &remote{session: s}
	s.Stderr = stderr
	if r.in, err = s.StdinPipe(); err == nil {
		r.out, err = s.StdoutPipe()
	}
	if err == nil {
		err = s.Start(command)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return r, nil
}

// end says that nothing more comes, and waits for the end of the command.
func (r *remote) end() error {
	_ = r.in.Close() // the command may have ended
	_, _ = io.Copy(io.Discard, r.out)
	err := r.session.Wait()
	_ = r.session.Close()
	return err
}
