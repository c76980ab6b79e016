package run

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
)

// A provider is a link with a DHCP server at its other end.
type provider struct {
	mu      sync.Mutex
	absent  bool
	silent  bool
	carrier bool
	addr    netip.Addr
	conns   []*wires
	sent    []packet.MessageType
	rival   func(wan.MAC) // another station says to have the address that is watched
	times   []int         // of announcements
}

// Wires are the sockets on that link.
type wires struct {
	p      *provider
	in     chan []byte
	closed chan struct{}
}

func (p *provider) open(string) (Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.absent {
		return nil, links.ErrAbsent
	}
	c := &wires{p: p, in: make(chan []byte, 16), closed: make(chan struct{})}
	p.conns = append(p.conns, c)
	return c, nil
}

var server = netip.MustParseAddr("192.0.2.1")

func (c *wires) Read() (Message, error) {
	select {
	case m := <-c.in:
		return Message{m, server, wan.MAC{2, 0, 0, 0, 0, 9}}, nil
	case <-c.closed:
		return Message{}, net.ErrClosed
	}
}

func (c *wires) Send(_ context.Context, m client.Send, by Way) error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.sent = append(c.p.sent, m.Type)
	var q packet.Packet
	if err := q.Unmarshal(m.Message); err != nil {
		return err
	}
	var typ packet.MessageType
	switch m.Type {
	case packet.Discover:
		typ = packet.Offer
	case packet.Request:
		typ = packet.ACK
	default:
		return nil
	}
	if c.p.silent {
		return nil
	}
	s, a := server.As4(), []byte{255, 255, 255, 0}
	reply := packet.Packet{Op: packet.BootReply, HType: q.HType, HLen: q.HLen, XID: q.XID, CHAddr: q.CHAddr, YIAddr: c.p.addr, Options: []packet.Option{
		{Code: packet.OptionMessageType, Data: []byte{byte(typ)}}, {Code: packet.OptionServerID, Data: s[:]},
		{Code: packet.OptionLeaseTime, Data: []byte{0, 0, 14, 16}}, {Code: packet.OptionSubnetMask, Data: a}, {Code: packet.OptionRouter, Data: s[:]},
	}}
	out, _ := reply.Append(nil, 1500)
	c.in <- out
	return nil
}

func (c *wires) Probe(ctx context.Context, p client.Probe) (client.Finding, error) {
	select {
	case <-time.After(p.For):
		return client.Finding{Gateway: true}, nil
	case <-ctx.Done():
		return client.Finding{}, ctx.Err()
	}
}

func (c *wires) Seek(context.Context, client.Seek) error { return nil }

func (c *wires) Announce(_ context.Context, _ netip.Addr, times int) error {
	c.p.set(func() { c.p.times = append(c.p.times, times) })
	return nil
}

func (c *wires) Watch(ctx context.Context, _ netip.Addr, tell func(wan.MAC)) error {
	c.p.set(func() { c.p.rival = tell })
	<-ctx.Done()
	return ctx.Err()
}

func (c *wires) MAC() wan.MAC { return wan.MAC{2, 0, 0, 0, 0, 1} }

// watchCarrier looks at the carrier, and at whether there is a link.
func (p *provider) watchCarrier(ctx context.Context, _ string, tell func(bool)) error {
	for {
		p.mu.Lock()
		up := p.carrier && !p.absent
		p.mu.Unlock()
		tell(up)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *wires) Check() error {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if c.p.absent || c != c.p.conns[len(c.p.conns)-1] {
		return links.ErrAbsent
	}
	return nil
}

func (c *wires) Close() error { close(c.closed); return nil }

// did returns what was sent since the last call.
func (p *provider) did() []packet.MessageType {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

func (p *provider) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// A lab is a service, in virtual time.
type lab struct {
	t *testing.T
	*Service
	provider *provider
	dir      string
	changed  chan struct{}
	stop     func()

	mu      sync.Mutex
	reports []Report
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, dir: t.TempDir(), provider: &provider{carrier: true, addr: netip.MustParseAddr("192.0.2.10")}}
	l.start()
	return l
}

// start starts the service, and follows it.
func (l *lab) start() {
	l.t.Helper()
	l.changed = make(chan struct{}, 1)
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var err error
	l.Service, err = Open(wan.Config{Link: "eth0"}, Options{
		Log: slog.New(slog.DiscardHandler), StateDir: l.dir, Boot: "boot", Changed: l.changed, Open: l.provider.open, Carrier: l.provider.watchCarrier,
		Uptime: func() time.Duration { return time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) + time.Minute },
		Wall: func() (time.Time, bool) {
			return begin.Add(time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))), true
		},
		Rand: func() uint64 { return 4 },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- l.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	<-ready
	go l.answerFollow(ctx, nil, func(v any) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.reports = append(l.reports, v.(Report))
		return nil
	})
	l.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	}
}

// last returns the last report, and how many have come since the last call.
func (l *lab) last() (r Report, n int) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n = len(l.reports); n > 0 {
		r = l.reports[n-1]
	}
	l.reports = nil
	return r, n
}

func (l *lab) bound(what, addr string) {
	l.t.Helper()
	r, n := l.last()
	if n == 0 || r.Facts == nil || r.Facts.Addrs[0].String() != addr || r.Facts.Gateway != server {
		l.t.Errorf("%s: %d reports, the last %+v", what, n, r)
	}
}

func TestBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		time.Sleep(time.Second)
		l.bound("at once, as nobody is to be looked for on the link", "192.0.2.10/24")
		if got := l.provider.did(); !slices.Equal(got, []packet.MessageType{packet.Discover, packet.Request}) {
			t.Errorf("sent %v", got)
		}
		if kept, err := l.readLease(); err != nil || kept == nil {
			t.Errorf("kept: %+v, %v", kept, err)
		}
		if p := l.ask(t).Problems; len(p) > 0 {
			t.Errorf("problems %q", p)
		}

		// A renewal of the same is told once, with its term, and a look of a day finds the lease in use.
		time.Sleep(24 * time.Hour)
		l.bound("a day later", "192.0.2.10/24")

		// Started again it is there at once, and nobody is told that it was not.
		l.stop()
		l.provider.set(func() { l.provider.silent = true })
		l.start()
		r, n := l.last()
		if n == 0 || r.Facts == nil {
			t.Errorf("after a restart: %d reports, %+v", n, r)
		}

		// It ends when the server is silent, and no sooner.
		time.Sleep(59*time.Minute + 50*time.Second - 35*time.Minute)
		if st := l.ask(t); !st.Client.Held {
			t.Errorf("taken back too early: %+v", st.Client)
		}
		time.Sleep(time.Hour)
		if r, n := l.last(); n == 0 || r.Facts != nil {
			t.Errorf("an hour of silence: %d reports, %+v", n, r)
		}
		l.stop()
	})
}

// TestMoved: another address in place of the one before is one report: there is never none.
func TestMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		if err := l.Reconfigure(wan.Config{Link: "eth0", Probe: time.Second}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		l.bound("bound", "192.0.2.10/24")
		l.provider.set(func() { l.provider.addr = netip.MustParseAddr("192.0.2.11") })
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		for _, r := range l.reports {
			if r.Facts == nil {
				t.Error("it was said that there is no address")
			}
		}
		l.bound("moved", "192.0.2.11/24")
		l.stop()
	})
}

// TestLinkGoesAndComes: a card that is pulled out and put in again is asked on within a second.
func TestLinkGoesAndComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		time.Sleep(30 * time.Second)
		l.bound("bound", "192.0.2.10/24")
		l.provider.did()
		l.provider.set(func() { l.provider.absent = true })
		l.changed <- struct{}{}
		time.Sleep(5 * time.Second)
		if st := l.ask(t); !st.Absent || !st.Client.Held {
			t.Errorf("without its link: %+v", st)
		}
		l.provider.set(func() { l.provider.absent, l.provider.addr = false, netip.MustParseAddr("192.0.2.11") })
		l.changed <- struct{}{}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := l.provider.did(); len(got) == 0 || got[0] != packet.Request {
			t.Errorf("sent %v", got)
		}
		l.stop()
	})
}

// ask asks for the status as a command does.
func (l *lab) ask(t *testing.T) (st Status) {
	t.Helper()
	err := l.Methods()["status"](t.Context(), nil, func(v any) error {
		b, err := json.Marshal(v)
		return errors.Join(err, json.Unmarshal(b, &st))
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestNotKept: a disk that does not take the lease keeps nobody from the Internet, and is a problem.
func TestNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, dir: filepath.Join(t.TempDir(), "none"), provider: &provider{carrier: true, addr: netip.MustParseAddr("192.0.2.10")}}
		if err := os.WriteFile(l.dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		l.start()
		time.Sleep(30 * time.Second)
		l.bound("bound", "192.0.2.10/24")
		if st := l.ask(t); len(st.Problems) != 1 {
			t.Errorf("problems %q", st.Problems)
		}
		l.stop()
	})
}

// TestRival: another station with the address is a problem for a person, and the address stays.
func TestRival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		time.Sleep(30 * time.Second)
		var rival func(wan.MAC)
		l.provider.set(func() { rival = l.provider.rival })
		for range 3 {
			rival(wan.MAC{2, 0, 0, 0, 0, 7})
			time.Sleep(2 * time.Second)
		}
		l.bound("with a rival", "192.0.2.10/24")
		const want = "station 02:00:00:00:00:07 uses the address 192.0.2.10 too, heard 3 times, last 2s ago: what is for " +
			"the box may go there; by the lease it is the box's, so it is kept and defended"
		if st := l.ask(t); !slices.Equal(st.Problems, []string{want}) {
			t.Errorf("problems %q", st.Problems)
		}
		l.provider.set(func() {
			if !slices.Equal(l.provider.times, []int{2, 1}) {
				t.Errorf("it was announced %v times", l.provider.times)
			}
		})
		time.Sleep(10 * time.Minute)
		if st := l.ask(t); len(st.Problems) > 0 {
			t.Errorf("after ten minutes problems %q", st.Problems)
		}
		l.stop()
	})
}

// TestReconfigure: another configuration of the same card changes nothing that was told; one of another link
// begins anew.
func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		time.Sleep(30 * time.Second)
		l.bound("bound", "192.0.2.10/24")
		if err := l.Reconfigure(wan.Config{Link: "eth0", VendorClass: "box"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		l.bound("told something else", "192.0.2.10/24")
		if err := l.Reconfigure(wan.Config{}); err == nil {
			t.Error("no link is taken")
		}
		l.provider.set(func() { l.provider.addr = netip.MustParseAddr("192.0.2.12") })
		if err := l.Reconfigure(wan.Config{Link: "eth1"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		l.bound("on another link", "192.0.2.12/24")
		l.stop()
	})
}
