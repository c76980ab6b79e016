package sshadmin

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"

	gossh "golang.org/x/crypto/ssh"
)

// maxAgent bounds the programs of a session that ask the client's agent at the same time.
const maxAgent = 8

// An agent is a socket by which the programs of a session reach the agent of their client
// (draft-ietf-sshm-ssh-agent).
type agent struct {
	dir    string // its own, which only root may enter
	socket net.Listener
	open   opener
	end    context.CancelFunc
}

// opener opens a channel of the client's connection.
type opener func(kind string, data []byte) (gossh.Channel, <-chan *gossh.Request, error)

// newAgent listens until close is called.
func newAgent(open opener) (*agent, error) {
	dir, err := os.MkdirTemp("", "ssh-agent-")
	if err != nil {
		return nil, err
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		os.Remove(dir) // the first error is the one to tell
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	a := &agent{dir: dir, socket: socket, open: open, end: end}
	go a.serve(ctx)
	return a, nil
}

// path is what SSH_AUTH_SOCK says.
func (a *agent) path() string { return filepath.Join(a.dir, "socket") }

func (a *agent) close() {
	a.end()
	a.socket.Close() // removes it
	os.Remove(a.dir)
}

func (a *agent) serve(ctx context.Context) {
	places := make(chan struct{}, maxAgent)
	for {
		conn, err := a.socket.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no room for another file: there may be later
			pause(ctx, acceptPause)
			continue
		}
		select {
		case places <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		go func() {
			defer func() { <-places }()
			a.ask(ctx, conn.(*net.UnixConn))
		}()
	}
}

// ask lets one program talk with the agent.
func (a *agent) ask(ctx context.Context, conn *net.UnixConn) {
	defer conn.Close()
	ended := context.AfterFunc(ctx, func() { conn.Close() })
	defer ended()
	ch, requests, err := a.open("auth-agent@openssh.com", nil)
	if err != nil {
		return // the client has none after all
	}
	splice(ch, requests, conn)
}
