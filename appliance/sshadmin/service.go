package sshadmin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
)

// stopGrace is how long an orderly stop waits for sessions that were hung up.
const stopGrace = 3 * time.Second

// Options are what a Service needs besides its Config.
type Options struct {
	Log *slog.Logger
	// Changed tells that links may have changed; nil: they never do.
	Changed <-chan struct{}
	// Uptime is the time since the kernel started, CLOCK_BOOTTIME of clock_gettime(2).
	Uptime func() time.Duration
	// CardOf returns the card that answers for an address on a link, by its index; the zero MAC: that is not
	// known. Nil: no card is.
	CardOf func(link int, addr netip.Addr) (ethernet.MAC, error)
}

// A Service is the SSH server at all endpoints.
type Service struct {
	log       *slog.Logger
	changed   <-chan struct{}
	uptime    func() time.Duration
	cardOf    func(int, netip.Addr) (ethernet.MAC, error)
	gate      gate
	turned    turned
	strangers *ratelimit.Bucket // conversations that may begin
	failures  *slog.Logger      // bounded: a stranger decides how much there is to log
	links     *links.Keeper[*entrance]

	stop context.Context // ended: sessions are hung up
	end  context.CancelFunc

	reconfiguring sync.Mutex
	temporary     gossh.Signer // made when the box's own host key could not be used; nil: never
	active        atomic.Pointer[active]

	mu       sync.Mutex
	stopping bool // no session may begin any more
	sessions sync.WaitGroup
	running  map[*client]int // sessions
	forwards map[*client]int // connections through the box
	clients  map[*client]struct{}
	shut     map[string]error // endpoints that nobody can come in by, and why
}

// Open checks cfg and opens the endpoints, but for those whose link is not there. It
// returns an error when cfg cannot be served at all: an invalid field, no usable key, not
// one endpoint to listen on or to wait for. In place of a host key that cannot be used
// there is a temporary one. An endpoint that fails while
// another works is tried again, so one that is taken locks nobody out.
func Open(cfg sshcfg.Config, o Options) (*Service, error) {
	s := &Service{
		log: o.Log, changed: o.Changed, uptime: o.Uptime, cardOf: o.CardOf,
		failures:  slog.New(ratelimit.Handler(o.Log.Handler(), 10, 6*time.Second, time.Now)),
		strangers: ratelimit.NewBucket(strangersAtOnce, strangersEvery),
		clients:   make(map[*client]struct{}), running: make(map[*client]int),
		forwards: make(map[*client]int), shut: make(map[string]error),
	}
	next, err := s.activate(cfg)
	if err != nil {
		return nil, err
	}
	s.stop, s.end = context.WithCancel(context.Background())
	s.links = links.New(o.Log, s.took)
	s.use(next)
	if err := s.links.Set(s.openings(next)); err != nil && s.hopeless(len(next.endpoints())) {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// hopeless reports whether nobody can come in by any of the endpoints, and no link is
// waited for.
func (s *Service) hopeless(endpoints int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, why := range s.shut {
		if errors.Is(why, links.ErrAbsent) {
			return false
		}
	}
	return len(s.shut) == endpoints
}

// use makes a the configuration of all that begins from now on.
func (s *Service) use(a *active) {
	if a.temporary != "" {
		s.log.Error(a.temporary)
	}
	for _, err := range a.unused {
		s.log.Error("ssh " + err.Error())
	}
	s.gate.bound(a.MaxPending, a.MaxPendingPerSource)
	s.active.Store(a)
}

// Run calls drop, which gives up privileges, then ready, and serves until ctx ends; then
// it hangs up the sessions and returns nil. It may be called once.
func (s *Service) Run(ctx context.Context, drop, ready func() error) (err error) {
	defer func() { err = errors.Join(err, s.close()) }()
	if err := drop(); err != nil {
		return fmt.Errorf("ssh: drop privileges: %w", err)
	}
	if err := ready(); err != nil {
		return fmt.Errorf("ssh: %w", err)
	}
	s.links.Run(ctx, s.changed)
	return nil
}

// Reconfigure makes cfg the configuration: keys, limits and timeouts of logins to come,
// shell and environment of sessions to come, and the endpoints. Sessions that run go on,
// also those of keys that are not in it any more, and so do the endpoints that stay and
// all connections. With an error all is as before.
func (s *Service) Reconfigure(cfg sshcfg.Config) error {
	s.reconfiguring.Lock()
	defer s.reconfiguring.Unlock()
	next, err := s.activate(cfg)
	if err != nil {
		return err
	}
	before := s.active.Load()
	if err := s.links.Set(s.openings(next)); err != nil {
		return errors.Join(err, s.links.Set(s.openings(before)))
	}
	s.use(next)
	return nil
}

// close ends everything, orderly.
func (s *Service) close() error {
	s.end()
	err := s.links.Close()
	s.gate.evictAll()
	s.waitSessions()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		c.Conn.Close()
	}
	return err
}

// waitSessions waits until the sessions, hung up because s.stop ended, are over.
func (s *Service) waitSessions() {
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
