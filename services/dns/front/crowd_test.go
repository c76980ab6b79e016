package front

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/dns/generate"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
)

// slow takes its time for each answer.
type slow struct{ echo }

func (s slow) Respond(now time.Time, dst, msg []byte, from resolver.Sender) []byte {
	time.Sleep(2 * time.Millisecond)
	return s.echo.Respond(now, dst, msg, from)
}

// TestCrowd has a worker that does at most 500 a second asked for 10,000 by one client: the others have their
// answers, by IPv6 too, and that client is named. Afterwards all is as it was.
func TestCrowd(t *testing.T) {
	l := newLab(t, Limits{})
	_ = l.sockets.Close()
	addAddr(l.client, "eth0", "192.0.2.66/24")
	if err := l.router.Do(func() (err error) {
		o := l.options(Limits{})
		o.Worker = func() Worker { return slow{} }
		l.sockets, err = Listen("lan", o)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	l.sockets.Serve()
	defer l.sockets.Close()
	g := l.flooder("192.0.2.66")
	defer g.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	flood.Go(func() { _, _ = g.Pace(ctx, 10000) })
	defer flood.Wait()
	defer cancel()
	l.waitFor("dropped", func(s Stats) bool { return s.Crowded > 1000 })
	polite4, polite6 := l.dial("udp4", "192.0.2.10", "192.0.2.1:53"), l.dial("udp6", "", "[2001:db8::1]:53")
	for i := range 20 {
		for _, conn := range []net.Conn{polite4, polite6} {
			if !asksAgain(t, conn, uint16(i)) {
				t.Errorf("question %d of %s is not answered", i, conn.LocalAddr())
			}
		}
	}
	cancel()
	flood.Wait()
	s := l.sockets.Stats()
	if len(s.Crowds) != 1 || s.Crowds[0].Client != netip.MustParseAddr("192.0.2.66") || s.Crowds[0].Dropped != s.Crowded {
		t.Errorf("of %d dropped these lost most: %+v", s.Crowded, s.Crowds)
	}
	for i := range 5 {
		if !asksAgain(t, polite4, uint16(100+i)) {
			t.Errorf("question %d after the flood is not answered", i)
		}
	}
	if after := l.sockets.Stats(); after.Crowded > s.Crowded+crowdPlaces {
		t.Errorf("after the flood, %d more were dropped", after.Crowded-s.Crowded)
	}
}

// flooder asks from an address of the client.
func (l *lab) flooder(from string) (g *generate.Generator) {
	l.t.Helper()
	if err := l.client.Do(func() (err error) {
		g, err = generate.New(generate.Options{Server: netip.MustParseAddrPort("192.0.2.1:53"),
			From: []netip.Addr{netip.MustParseAddr(from)}, Queries: [][]byte{question(l.t, 1, "flood.")}})
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
	return g
}

// asksAgain asks as clients do, four times, and reports whether there is an answer.
func asksAgain(t *testing.T, conn net.Conn, id uint16) bool {
	t.Helper()
	answer := make([]byte, 512)
	for range 4 {
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		if _, err := conn.Write(question(t, id, "polite.")); err != nil {
			t.Fatal(err)
		}
		for {
			n, err := conn.Read(answer)
			if err != nil {
				break
			}
			if n > 2 && answer[0] == byte(id>>8) && answer[1] == byte(id) {
				return true
			}
		}
	}
	return false
}
