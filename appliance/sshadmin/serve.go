package sshadmin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
)

const (
	// stopGrace is how long an orderly stop waits for sessions that were hung up.
	stopGrace = 3 * time.Second
	// maxAuthTries bounds the attempts of one connection, as sshd does.
	maxAuthTries = 6
)

// server is what all connections share.
type server struct {
	cfg      Config
	log      *slog.Logger
	keys     keyring
	gate     gate
	failures *slog.Logger // bounded: a stranger decides how much there is to log

	stop context.Context // ended: sessions are hung up

	mu       sync.Mutex
	stopping bool // no session may begin any more
	sessions sync.WaitGroup
}

// Serve listens at every endpoint of cfg and serves until ctx ends; then it hangs
// up the sessions and returns nil. It calls ready once logins are possible, but for
// interfaces that are not there. It returns an error when cfg cannot be served at
// all: an invalid field, no usable key, no host key, not one endpoint to listen on
// or to wait for. An endpoint that fails while another works is tried again, so a
// missing interface locks nobody out. changed tells that interfaces may have
// changed: one that was replaced by another of its name is listened on again.
func Serve(ctx context.Context, cfg Config, changed <-chan struct{}, log *slog.Logger, ready func()) error {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return err
	}
	keys, bad := parseKeys(cfg.AuthorizedKeys)
	for _, err := range bad {
		log.Error("ssh " + err.Error())
	}
	if len(keys) == 0 {
		return errors.New("ssh: no usable authorized key, so nobody could log in")
	}
	hostKey, err := readHostKey(cfg.HostKeyFile)
	if err != nil {
		return err
	}
	s := &server{
		cfg: cfg, log: log, keys: keys, stop: ctx,
		gate:     gate{max: cfg.MaxPending, perSource: cfg.MaxPendingPerSource},
		failures: slog.New(ratelimit.Handler(log.Handler(), 10, 6*time.Second, time.Now)),
	}
	return s.serve(s.transport(hostKey), changed, ready)
}

// transport returns the SSH server of the library, set up to do the handshake
// and the login, and to leave session channels to this package: its own session
// handler rewrites line ends of a terminal's output, agrees to agent forwarding,
// and cannot pass a signal on.
func (s *server) transport(hostKey gossh.Signer) *ssh.Server {
	return &ssh.Server{
		Version:                  "Gatehouse",
		HostSigners:              []ssh.Signer{hostKey},
		HandshakeTimeout:         s.cfg.LoginTimeout,
		ServerConfigCallback:     s.handshake,
		PublicKeyHandler:         s.mayTry,
		ConnectionFailedCallback: s.failed,
		Handler:                  func(ssh.Session) {}, // never reached: no session of the library
		ChannelHandlers:          map[string]ssh.ChannelHandler{"session": s.session},
		RequestHandlers:          map[string]ssh.RequestHandler{},
		SubsystemHandlers:        map[string]ssh.SubsystemHandler{},
	}
}

// serve runs transport on every endpoint until s.stop ends.
func (s *server) serve(transport *ssh.Server, changed <-chan struct{}, ready func()) error {
	d := s.entrances(transport)
	if err := d.tend(); err != nil {
		return err
	}
	if ready != nil {
		ready()
	}
	d.keep(changed)
	s.gate.evictAll()
	s.waitSessions()
	if err := transport.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("ssh: %w", err)
	}
	return nil
}

// beginSession counts one more running session; false when the server stops.
func (s *server) beginSession() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping {
		s.sessions.Add(1)
	}
	return !s.stopping
}

// waitSessions waits until the sessions, hung up because s.stop ended, are over.
func (s *server) waitSessions() {
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	over := make(chan struct{})
	go func() {
		s.sessions.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(stopGrace):
	}
}
