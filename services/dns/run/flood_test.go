package run

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// A forger sends questions from addresses that are not its own.
type forger struct {
	fd   int
	from func() netip.Addr
	to   netip.Addr
	b    []byte
}

// newForger returns one at the client.
func (l *lab) newForger(to string, from func() netip.Addr) *forger {
	l.t.Helper()
	f := &forger{from: from, to: netip.MustParseAddr(to)}
	domain := unix.AF_INET
	if f.to.Is6() {
		domain = unix.AF_INET6
	}
	if err := l.client.Do(func() (err error) {
		f.fd, err = unix.Socket(domain, unix.SOCK_RAW, unix.IPPROTO_RAW) // with headers of ours: raw(7)
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { unix.Close(f.fd) })
	return f
}

// send sends a question for a name by chance.
func (f *forger) send() error {
	const port = 53
	q, err := new(dns.Msg).SetQuestion(fmt.Sprintf("r%x.flood.lab.", rand.Uint64()), dns.TypeA).Pack()
	if err != nil {
		return err
	}
	from, be := f.from(), binary.BigEndian
	udp := be.AppendUint16(nil, uint16(1024+rand.IntN(60000)))
	udp = be.AppendUint16(be.AppendUint16(be.AppendUint16(udp, port), uint16(8+len(q))), 0)
	udp = append(udp, q...)
	if f.to.Is4() {
		b := append(f.b[:0], 0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0) // length, id and sum are the kernel's
		b = append(append(append(b, from.AsSlice()...), f.to.AsSlice()...), udp...)
		f.b = b
		return unix.Sendto(f.fd, b, 0, &unix.SockaddrInet4{Addr: f.to.As4()})
	}
	pseudo := append(append(from.AsSlice(), f.to.AsSlice()...), 0, 0, 0, 0, 0, 0, 0, unix.IPPROTO_UDP)
	be.PutUint32(pseudo[32:], uint32(len(udp)))
	be.PutUint16(udp[6:], checksum(append(pseudo, udp...)))
	b := append(f.b[:0], 0x60, 0, 0, 0, 0, 0, unix.IPPROTO_UDP, 64)
	be.PutUint16(b[4:], uint16(len(udp)))
	f.b = append(append(append(b, from.AsSlice()...), f.to.AsSlice()...), udp...)
	return unix.Sendto(f.fd, f.b, 0, &unix.SockaddrInet6{Addr: f.to.As16()})
}

// checksum is that of RFC 1071, not zero (RFC 8200 8.1).
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	if sum == 0xffff {
		return 0xffff
	}
	return ^uint16(sum)
}

// oneOf returns addresses of a list by chance.
func oneOf(all []netip.Addr) func() netip.Addr {
	return func() netip.Addr { return all[rand.IntN(len(all))] }
}

// hostsOf are n addresses of a network: in IPv4 one after the other, in IPv6 by chance.
func hostsOf(network string, first, n int) (all []netip.Addr) {
	p := netip.MustParsePrefix(network)
	for i := range n {
		if p.Addr().Is4() {
			b := p.Addr().As4()
			b[3] = byte(first + i)
			all = append(all, netip.AddrFrom4(b))
			continue
		}
		b := p.Addr().As16()
		binary.BigEndian.PutUint64(b[8:], rand.Uint64())
		all = append(all, netip.AddrFrom16(b))
	}
	return all
}

// TestFloods has names by chance asked for 10,000 times a second, by one client, by 200, by addresses that
// are nobody's, in IPv4 and in a /64: the names of the house are answered at once all the while, those
// outside to who asks again as clients do, and the process stays small.
func TestFloods(t *testing.T) {
	l := newNetwork(t)
	l.fake("192.0.2.101", nil, after(20*time.Millisecond, good))
	l.conf.Upstream = servers.Config{Servers: []servers.Server{server("192.0.2.101", "")}}
	l.client.AddAddr("eth0", "192.168.32.51/24")
	crowd := hostsOf("192.168.32.0/24", 54, 200)
	for _, a := range crowd {
		l.client.AddAddr("eth0", a.String()+"/32")
	}
	p := l.startProcess()
	p.ready()
	for _, c := range []struct {
		name, to string
		from     []netip.Addr
	}{
		{"one client", "192.168.32.1", crowd[:1]},
		{"200 clients", "192.168.32.1", crowd},
		{"forged, IPv4", "192.168.32.1", slices.Concat(hostsOf("192.168.32.0/24", 2, 40), hostsOf("198.51.100.0/24", 1, 200))},
		{"forged, IPv6", "fd00:32::1", hostsOf("fd00:32::/64", 0, 400)},
	} {
		f := l.newForger(c.to, oneOf(c.from))
		done := make(chan struct{})
		var flood sync.WaitGroup
		sent := 0
		flood.Go(func() {
			for tick := time.Tick(time.Millisecond); ; <-tick {
				for range 10 {
					if err := f.send(); err == nil { // the kernel may be short of memory for a moment
						sent++
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
		took := l.meanwhile(t, c.name)
		close(done)
		flood.Wait()
		st := p.status()
		t.Logf("%s: %d questions; local names in %s (median), %s (p99), %s (most); %v; memory %.1f MB", c.name, sent,
			took[len(took)/2], took[len(took)*99/100], took[len(took)-1], st.Answers.Outcomes, float64(p.memory())/1e6)
		if n := st.Links[1].Unsent.NoRoom; n > 0 {
			t.Errorf("%s: for %d replies there was no room behind those for addresses that are nobody's", c.name, n)
		}
		if sent < 2000 {
			t.Errorf("%s: %d questions are no flood", c.name, sent)
		}
		if p99 := took[len(took)*99/100]; p99 > 500*time.Millisecond { // 5 ms, but for what else this machine does
			t.Errorf("%s: local names took %s", c.name, p99)
		}
	}
	if m := p.memory(); m > 80<<20 {
		t.Errorf("it took %.1f MB", float64(m)/1e6)
	}
}

// meanwhile asks for a name of the house all the time, and now and then for one outside, as often as a client
// does until there is an answer. It returns how long the local ones took, in order.
func (l *lab) meanwhile(t *testing.T, what string) []time.Duration {
	t.Helper()
	const tries, wait = 4, 3 * time.Second // resolv.conf(5) has 5 s
	var outside sync.WaitGroup
	var took []time.Duration
	lost := 0
	for i := range 200 {
		if i%20 == 0 {
			outside.Go(func() {
				name := fmt.Sprintf("n%x.lab.", rand.Uint64())
				for range tries {
					if m, _ := l.exchange(t, "192.168.32.51", name, dns.TypeA, wait); result(m) == "NOERROR" {
						return
					}
				}
				t.Errorf("%s: another client is not answered for %s", what, name)
			})
		}
		m, d := l.exchange(t, "192.168.32.51", "web.home.example.", dns.TypeA, 2*time.Second)
		if result(m) != "NOERROR" {
			lost++
		}
		took = append(took, d)
		time.Sleep(5 * time.Millisecond)
	}
	outside.Wait()
	if lost > 2 {
		t.Errorf("%s: %d of %d local names were not answered", what, lost, len(took))
	}
	slices.Sort(took)
	return took
}
