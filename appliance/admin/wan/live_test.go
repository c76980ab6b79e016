package wan_test

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	facts "github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// A provider is a link with a DHCP server at its other end, which gives one address.
type provider struct {
	links.Socket
	in     chan []byte
	closed chan struct{}
	silent atomic.Bool
}

func (p *provider) Read() (run.Message, error) {
	select {
	case m := <-p.in:
		return run.Message{Payload: m, From: addr(server)}, nil
	case <-p.closed:
		return run.Message{}, net.ErrClosed
	}
}

func (p *provider) Send(_ context.Context, m client.Send, _ run.Way) error {
	typ, known := map[packet.MessageType]packet.MessageType{packet.Discover: packet.Offer, packet.Request: packet.ACK}[m.Type]
	if !known || p.silent.Load() {
		return nil
	}
	var q packet.Packet
	if err := q.Unmarshal(m.Message); err != nil {
		return err
	}
	s := addr(server).As4()
	reply := packet.Packet{Op: packet.BootReply, HType: q.HType, HLen: q.HLen, XID: q.XID, CHAddr: q.CHAddr, YIAddr: addr("198.51.100.23"),
		Options: []packet.Option{
			{Code: packet.OptionMessageType, Data: []byte{byte(typ)}}, {Code: packet.OptionServerID, Data: s[:]},
			{Code: packet.OptionLeaseTime, Data: []byte{0, 1, 81, 128}}, {Code: packet.OptionSubnetMask, Data: []byte{255, 255, 255, 0}},
			{Code: packet.OptionRouter, Data: []byte{198, 51, 100, 1}}, {Code: packet.OptionMTU, Data: []byte{0, 100}},
		}}
	out, _ := reply.Append(nil, 1500)
	p.in <- out
	return nil
}

func (p *provider) Probe(context.Context, client.Probe) (client.Finding, error) {
	return client.Finding{}, nil
}
func (p *provider) Seek(context.Context, client.Seek) error { return nil }

func (p *provider) Announce(context.Context, netip.Addr, int) error { return nil }
func (p *provider) Watch(ctx context.Context, _ netip.Addr, _ func(facts.MAC)) error {
	<-ctx.Done()
	return ctx.Err()
}
func (p *provider) MAC() facts.MAC { return facts.MAC{2, 0, 0, 0, 0, 1} }
func (p *provider) Check() error   { return nil }
func (p *provider) Close() error   { close(p.closed); return nil }

// TestLive asks the service itself: what it says is understood, and what comes of a wish is noticed.
func TestLive(t *testing.T) {
	p := &provider{in: make(chan []byte, 16), closed: make(chan struct{})}
	var later atomic.Int64 // what its clock is ahead, so that nobody waits for RFC 2131 4.1
	started := time.Now()
	s, err := run.Open(facts.Config{Link: "eth0"}, run.Options{
		Log: slog.New(slog.DiscardHandler), StateDir: t.TempDir(), Boot: "boot", Changed: make(chan struct{}), Rand: func() uint64 { return 4 },
		Uptime: func() time.Duration { return time.Minute + time.Since(started) + time.Duration(later.Load()) },
		Wall:   func() (time.Time, bool) { return now, true },
		Open:   func(string) (run.Conn, error) { return p, nil },
		Carrier: func(ctx context.Context, _ string, tell func(bool)) error {
			tell(true)
			<-ctx.Done()
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-ready
	b := &box{route: answering()}
	b.start(t)
	admintest.Serve(t, b.env.RunDir, "wan", s.Methods())
	b.env.Patience = 30 * time.Second // it ends by itself
	follow(t, b, p, &later)
}

// follow has the lease renewed, given back, and asked for in vain.
func follow(t *testing.T, b *box, p *provider, later *atomic.Int64) {
	t.Helper()
	renew := func() { later.Add(int64(time.Minute)) }
	for _, step := range []struct {
		line string
		do   func()
		want []string
		err  bool
	}{
		{"renew", renew, []string{"renew: server 198.51.100.2 renewed 198.51.100.23/24: the lease holds for another 1d\nleft out: an MTU of 100 is ignored"}, false},
		{"", nil, []string{"has a lease (BOUND)", "lease       of server 198.51.100.2, had for ", "end         in 1d\n", "mtu   an MTU of 100 is ignored"}, false},
		{"why", nil, []string{"eth0 has 198.51.100.23 because server 198.51.100.2 gave it ", "left out   an MTU of 100 is ignored"}, false},
		{"release", nil, []string{"deconfig: 198.51.100.23 was given back", "Nothing is asked for until"}, false},
		{"", nil, []string{"There is no way out by eth0.", "(RELEASED)", "! there is no address; it was released"}, true},
		{"why", nil, []string{"eth0 has no address because its lease was given back by hand"}, false},
		{"renew", renew, []string{"bound: 198.51.100.23/24 from server 198.51.100.2"}, false},
		{"renew", func() { renew(); p.silent.Store(true); b.env.Patience = 20 * time.Millisecond },
			[]string{"It has come to no end within 20ms, and goes on: 198.51.100.23/24"}, true},
		{"why", nil, []string{"1 REQUEST sent without an answer, the next in "}, false},
	} {
		if step.do != nil {
			waitForIdle(t, b)
			step.do()
		}
		out, err := command(t, b.env, step.line)
		for _, want := range step.want {
			flat := strings.Join(strings.Fields(out), " ")
			if !strings.Contains(flat, strings.Join(strings.Fields(want), " ")) {
				t.Errorf("%s: no %q in\n%s", step.line, want, out)
			}
		}
		if (err != nil) != step.err {
			t.Errorf("%s: %v\n%s", step.line, err, out)
		}
	}
}

// waitForIdle waits until the client has a lease, or has been told not to.
func waitForIdle(t *testing.T, b *box) {
	t.Helper()
	for range 10000 {
		st, err := wan.Ask(t.Context(), b.env.RunDir)
		if err != nil {
			t.Fatal(err)
		}
		if c := st.Client; c != nil && (c.State == client.Bound || c.State == client.Released) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it has not come to rest")
}
