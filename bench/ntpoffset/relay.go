package main

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	ntpwire "github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// A relay is a server at the end of a path: it passes on questions late, and answers too.
//
//	client ─► asked ─ out ─► server
//	       ◄─ asked ─ back ─◄
type relay struct {
	path    path
	asked   *net.UDPConn
	server  *net.UDPConn
	pauses  func() time.Duration // that the client left out so far: its servers are as far ahead
	mu      sync.Mutex
	askers  map[uint64]netip.AddrPort // by the transmit timestamps of their questions
	late    sync.WaitGroup            // packets on their way
	reading sync.WaitGroup
}

// maxAskers bounds questions without an answer.
const maxAskers = 4096

// newRelay opens a relay at an address of the servers' namespace.
func newRelay(n *wire.Network, at netip.AddrPort, p path, pauses func() time.Duration, seed uint64) (r *relay,
	err error) {
	r = &relay{path: p, pauses: pauses, askers: map[uint64]netip.AddrPort{}}
	err = wire.In(n.Server, func() (err error) {
		if r.asked, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(at)); err != nil {
			return err
		}
		r.server, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(serverAddr))
		return err
	})
	if err != nil {
		return r, errors.Join(err, r.close())
	}
	r.reading.Go(func() { r.questions(rand.New(rand.NewPCG(seed, 1))) })
	r.reading.Go(func() { r.answers(rand.New(rand.NewPCG(seed, 2))) })
	return r, nil
}

// questions passes them on, until the relay is closed.
func (r *relay) questions(chance *rand.Rand) {
	for {
		var b [ntpwire.Size]byte
		n, from, err := r.asked.ReadFromUDPAddrPort(b[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < ntpwire.Size {
			continue
		}
		r.mu.Lock()
		if len(r.askers) < maxAskers {
			r.askers[binary.BigEndian.Uint64(b[40:])] = from
		}
		r.mu.Unlock()
		r.pass(r.path.delay(chance), func() { _, _ = r.server.Write(b[:]) })
	}
}

// answers passes them back, each to who asked.
func (r *relay) answers(chance *rand.Rand) {
	for {
		var b [ntpwire.Size]byte
		n, err := r.server.Read(b[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < ntpwire.Size {
			continue
		}
		origin := binary.BigEndian.Uint64(b[24:])
		r.mu.Lock()
		to, ok := r.askers[origin]
		delete(r.askers, origin)
		r.mu.Unlock()
		if !ok {
			continue
		}
		ahead(b[:], r.pauses())
		r.pass(r.path.delay(chance), func() { _, _ = r.asked.WriteToUDPAddrPort(b[:], to) })
	}
}

// ahead adds to the times that an answer tells: when the server's clock was set, when the question came, and
// when the answer went.
func ahead(answer []byte, by time.Duration) {
	for _, field := range [][]byte{answer[16:24], answer[32:40], answer[40:48]} {
		t := ntpwire.Timestamp(binary.BigEndian.Uint64(field))
		binary.BigEndian.PutUint64(field, uint64(ntpwire.FromUnix(t.Unix(0)+int64(by))))
	}
}

// pass does something later. It is the kernel that waits: Go's timers may be a millisecond late.
func (r *relay) pass(after time.Duration, do func()) {
	r.late.Go(func() {
		t := unix.NsecToTimespec(int64(after))
		for errors.Is(unix.Nanosleep(&t, &t), unix.EINTR) {
		}
		do()
	})
}

func (r *relay) close() (err error) {
	for _, c := range []*net.UDPConn{r.asked, r.server} {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	r.reading.Wait()
	r.late.Wait()
	return err
}

// A site is four servers at the ends of paths of a kind.
type site struct{ relays []*relay }

// servers is how many there are.
const servers = 4

// newSite opens the relays of the nth client.
func newSite(n *wire.Network, nth int, p path, pauses func() time.Duration, seed uint64) (*site, error) {
	s := &site{}
	for i := range servers {
		at := netip.AddrPortFrom(address(nth, i), 123)
		r, err := newRelay(n, at, p, pauses, seed+uint64(nth*servers+i))
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.relays = append(s.relays, r)
	}
	return s, nil
}

// address is that of the ith server of the nth client, in network.
func address(nth, i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, byte(nth), byte(i + 1)}) }

func (s *site) close() (err error) {
	for _, r := range s.relays {
		err = errors.Join(err, r.close())
	}
	return err
}
