package run

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// nowhere is a socket that keeps nothing.
type nowhere struct{ *wire }

func (nowhere) Send([]byte, netip.Addr) error { return nil }

// BenchmarkSolicited is one solicitation and its answer, without the kernel.
func BenchmarkSolicited(b *testing.B) {
	c := nowhere{&wire{closed: make(chan struct{})}}
	now := uptime()
	s, err := Open(radvd.Config{Links: []radvd.Link{link(prefix("2001:db8:1::/64"))}}, Options{
		Log: slog.New(slog.DiscardHandler), StateDir: b.TempDir(), Uptime: uptime, Rand: rand.Uint64,
		Open: func(string) (Conn, error) { return c, nil }, Look: func(string) radvd.LinkState { return radvd.LinkState{} },
	})
	if err != nil {
		b.Fatal(err)
	}
	s.o.Uptime = func() time.Duration { now += 600_000; return now }
	s.start()
	k := s.lans["home"]
	b.ReportAllocs()
	for i := range b.N {
		m := conn.Message{Kind: conn.IsSolicitation, From: netip.AddrFrom16([16]byte{0xfe, 0x80, 14: byte(i >> 8 & 7), 15: byte(i)})}
		s.receive("home", k, &m)
	}
	if got := s.status().LANs[0].Counts; got.Unicast != uint64(b.N) {
		b.Fatalf("%d asked, %+v", b.N, got)
	}
	if err := s.links.Close(); err != nil {
		b.Error(err)
	}
}
