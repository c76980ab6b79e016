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
)

const (
	// stopGrace is how long an orderly stop waits for sessions that were hung up.
	stopGrace = 3 * time.Second
	// retryListen is the pause before an endpoint that failed is tried again.
	retryListen = 10 * time.Second
	// maxAuthTries bounds the attempts of one connection, as sshd does.
	maxAuthTries = 6
)

// server is what all connections share.
type server struct {
	cfg      Config
	log      *slog.Logger
	keys     keyring
	gate     gate
	failures rateLimit

	stop context.Context // ended: sessions are hung up

	mu       sync.Mutex
	stopping bool // no session may begin any more
	sessions sync.WaitGroup
}

// Serve listens at every endpoint of cfg and serves until ctx ends; then it hangs
// up the sessions and returns nil. It calls ready once logins are possible. It
// returns an error when cfg cannot be served at all: an invalid field, no usable
// key, no host key, not one endpoint to listen on. An endpoint that fails while
// another works is tried again, so a missing interface locks nobody out.
func Serve(ctx context.Context, cfg Config, log *slog.Logger, ready func()) error {
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
		failures: rateLimit{burst: 10, every: 6 * time.Second},
	}
	return s.serve(s.transport(hostKey), ready)
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
func (s *server) serve(transport *ssh.Server, ready func()) error {
	listening := make([]net.Listener, len(s.cfg.Listen))
	var errs []error
	for i, e := range s.cfg.Listen {
		l, err := listen(s.stop, e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		listening[i] = l
		s.log.Info("ssh listens", "address", l.Addr().String(), "interface", e.Interface)
	}
	if len(errs) == len(s.cfg.Listen) {
		return errors.Join(errs...)
	}
	for _, err := range errs {
		s.log.Error("ssh endpoint is tried again", "every", retryListen, "cause", err)
	}
	var accepting sync.WaitGroup
	for i, e := range s.cfg.Listen {
		accepting.Go(func() { s.accept(transport, e, listening[i]) })
	}
	if ready != nil {
		ready()
	}
	accepting.Wait()
	s.gate.evictAll()
	s.waitSessions()
	if err := transport.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("ssh: %w", err)
	}
	return nil
}

// accept serves one endpoint until s.stop ends. l is nil when listening failed.
func (s *server) accept(transport *ssh.Server, e Endpoint, l net.Listener) {
	for s.stop.Err() == nil {
		if l != nil {
			end := context.AfterFunc(s.stop, func() { l.Close() })
			err := transport.Serve(door{l, &s.gate})
			end()
			if s.stop.Err() != nil {
				return
			}
			s.log.Error("ssh endpoint failed", "address", e.Address, "cause", err)
		}
		select {
		case <-s.stop.Done():
			return
		case <-time.After(retryListen):
		}
		l, _ = listen(s.stop, e) // its error was logged the first time
	}
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
