package run

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/appliance/neighbours"
	"github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations/keep"
)

// A wire is a socket that keeps what is sent to everybody.
type wire struct {
	mu     sync.Mutex
	sent   [][]byte
	closed chan struct{}
}

func (w *wire) Each(func(*conn.Message)) error { <-w.closed; return net.ErrClosed }

func (w *wire) Send(octets []byte, _ netip.Addr) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, octets)
	return nil
}

func (w *wire) MAC() ethernet.MAC { return ethernet.MAC{2, 5: 1} }
func (w *wire) Local() netip.Addr { return netip.MustParseAddr("fe80::1") }
func (w *wire) Refused() uint64   { return 0 }
func (w *wire) Check() error      { return nil }
func (w *wire) Close() error      { close(w.closed); return nil }

// nobody is a kernel without neighbours.
type nobody chan struct{}

func (n nobody) Read() ([]neighbours.Entry, error) { <-n; return nil, os.ErrClosed }
func (n nobody) Ask() error                        { return nil }
func (n nobody) Close() error                      { close(n); return nil }

// last returns the router lifetime, in seconds, of the last one sent, and how many there were; -1: there is
// none.
func (w *wire) last() (lifetime, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n = len(w.sent); n == 0 {
		return -1, 0
	}
	b := w.sent[n-1]
	return int(b[6])<<8 | int(b[7]), n
}

// A lab is a service in virtual time, without DHCPv6, which no link here has.
type lab struct {
	*Service
	wires map[string]*wire // the last of each link
	stop  func()
}

func newLab(t *testing.T, dir string, conf ...radvd.Link) *lab {
	l := &lab{wires: map[string]*wire{}}
	began := time.Now()
	var err error
	l.Service, err = Open(radvd.Config{Links: conf}, Options{
		Log: slog.New(slog.DiscardHandler), StateDir: dir, Rand: rand.New(rand.NewPCG(1, 2)).Uint64,
		Uptime: func() time.Duration { return time.Minute + time.Since(began) },
		Wall:   time.Now, Neighbours: func() (keep.Neighbours, error) { return make(nobody), nil },
		Look: func(string) radvd.LinkState { return radvd.LinkState{} },
		Open: func(link string) (Conn, error) {
			if link == "absent" {
				return nil, links.ErrAbsent
			}
			l.wires[link] = &wire{closed: make(chan struct{})}
			return l.wires[link], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- l.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	<-ready
	l.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	synctest.Wait()
	return l
}

func on(name, lan string) radvd.Link {
	l := link(prefix("2001:db8:1::/64"))
	l.Name, l.Network, l.Other = name, lan, false
	return l
}

// TestEnd: the last word comes as soon as it may, and in the time that a service has to end.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, t.TempDir(), on("a", "one"), on("absent", "two"))
		if lifetime, n := l.wires["a"].last(); lifetime != 2700 || n != 1 {
			t.Errorf("at first %d, lifetime %d", n, lifetime)
		}
		began := time.Now()
		l.stop()
		if lifetime, n := l.wires["a"].last(); lifetime != 0 || n != 2 || time.Since(began) > 3*time.Second {
			t.Errorf("%d, lifetime %d, after %s", n, lifetime, time.Since(began))
		}
	})
}

// TestReconfigure: a LAN that is in the configuration no more is told so before its socket is closed; one on
// another link goes on there; what is refused changes nothing.
func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, t.TempDir(), on("a", "one"), on("b", "two"))
		a, b := l.wires["a"], l.wires["b"]
		if err := l.Reconfigure(radvd.Config{Links: []radvd.Link{on("c", "two")}}); err != nil {
			t.Fatal(err)
		}
		if lifetime, n := a.last(); lifetime != 0 || n != 2 {
			t.Errorf("the LAN that is gone: %d, lifetime %d", n, lifetime)
		}
		synctest.Wait()
		for _, w := range []*wire{a, b} {
			select {
			case <-w.closed:
			default:
				t.Error("a socket that nobody wants is open")
			}
		}
		time.Sleep(3 * time.Second)
		if lifetime, n := l.wires["c"].last(); lifetime != 2700 || n != 1 {
			t.Errorf("on another link: %d, lifetime %d", n, lifetime)
		}
		if err := l.Reconfigure(radvd.Config{Links: []radvd.Link{{}}}); err == nil || len(l.conf.Links) != 1 {
			t.Errorf("no link is taken: %v", err)
		}
		l.stop()
	})
}

// TestNotKept: where nothing can be stored hosts are told all the same, and the problem is said until it is
// over. A file that nobody can read is a start with nothing.
func TestNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "none")
		l := newLab(t, dir, on("a", "one"))
		l.mu.Lock()
		problems := l.problems()
		l.mu.Unlock()
		if _, n := l.wires["a"].last(); n != 1 || len(problems) != 1 || !strings.Contains(problems[0], "cannot be stored") {
			t.Errorf("%d sent, problems %q", n, problems)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		l.mu.Lock()
		problems = l.problems()
		l.mu.Unlock()
		if len(problems) > 0 {
			t.Errorf("problems %q", problems)
		}
		l.stop()
		kept, err := readKept(dir)
		if err != nil || len(kept) != 1 || kept[0].Hold < radvd.DefaultValid {
			t.Errorf("%+v, %v", kept, err)
		}
		if err := os.WriteFile(filepath.Join(dir, keptFile), []byte("[{]"), 0o600); err != nil {
			t.Fatal(err)
		}
		l = newLab(t, dir, on("a", "one"))
		if _, n := l.wires["a"].last(); n != 1 {
			t.Errorf("%d sent", n)
		}
		l.stop()
	})
}
