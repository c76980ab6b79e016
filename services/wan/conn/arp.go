package conn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

const (
	announceInterval = 2 * time.Second // RFC 5227 1.1: ANNOUNCE_INTERVAL
	// Requests are not sent faster than one a second to one address: RFC 1122 2.3.2.1.
	seekTries, seekEvery = 3, time.Second
	// SilentAfter is how long Seek waits in all.
	SilentAfter = seekTries * seekEvery
	// watchEvery is how often Watch tells at most.
	watchEvery = time.Second
	// arpPause is how long nothing is read after a message that changed nothing: a flood of
	// such costs little.
	arpPause = time.Millisecond
	// arpBuffer holds a few dozen messages, of those few that a filter lets through.
	arpBuffer = 32 << 10
)

// ErrSilent is that nobody on the link answers for an address.
var ErrSilent = errors.New("nobody on the link answers for it")

// sender and target load the addresses of an ARP message.
func sender() bpf.Instruction { return bpf.LoadAbsolute{Off: ethernet.ARPSender, Size: 4} }
func target() bpf.Instruction { return bpf.LoadAbsolute{Off: ethernet.ARPTarget, Size: 4} }

func number(a netip.Addr) uint32 { a4 := a.As4(); return binary.BigEndian.Uint32(a4[:]) }

// ownCards are the hardware addresses of this machine.
func ownCards() (all []ethernet.MAC, err error) {
	ifaces, err := net.Interfaces()
	for _, i := range ifaces {
		if len(i.HardwareAddr) == len(ethernet.MAC{}) {
			all = append(all, ethernet.MAC(i.HardwareAddr))
		}
	}
	return all, err
}

// Announce says that an address is ours now, so many times, two seconds apart: RFC 5227
// 2.3 has it twice for a new address, and 2.4 once to defend one.
func (l Link) Announce(ctx context.Context, addr netip.Addr, times int) error {
	s, err := l.open("ARP", rawsocket.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range times {
		if i > 0 {
			select {
			case <-time.After(announceInterval):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := l.sendARP(s, ethernet.Everybody(), addr, addr); err != nil {
			return err
		}
	}
	return nil
}

// A Question is who has an address.
type Question struct {
	Target netip.Addr
	From   netip.Addr // our address; the zero Addr: we have none, and some do not answer
	// MAC is who had it last, and is asked alone at first: what moved without a word is
	// so told from what is as it was. Zero: everybody is asked.
	MAC ethernet.MAC
}

// An Answer is who has it.
type Answer struct {
	MAC  ethernet.MAC
	Took time.Duration // since the last request was sent
}

// Seek asks who has an address, three times at most, once a second. Nobody is ErrSilent.
func (l Link) Seek(ctx context.Context, q Question) (a Answer, err error) {
	s, err := l.openARP(rawsocket.OfLink(l.Index).Accept(sender(), number(q.Target)))
	if err != nil {
		return a, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	for i := range seekTries {
		to := q.MAC
		if i > 0 || !to.IsUnicast() {
			to = ethernet.Everybody()
		}
		if err := l.sendARP(s, to, q.From, q.Target); err != nil {
			return a, ended(ctx, err)
		}
		sent := time.Now()
		err := listen(s, sent.Add(seekEvery), func(m ethernet.ARP) (enough bool) {
			if m.SenderMAC.IsUnicast() && m.SenderMAC != l.MAC {
				a = Answer{m.SenderMAC, time.Since(sent)}
			}
			return a.MAC.IsUnicast()
		})
		if err != nil || a.MAC.IsUnicast() {
			return a, ended(ctx, err)
		}
	}
	return a, fmt.Errorf("link %s: %s: %w", l.Name, q.Target, ErrSilent)
}

// Watch tells of stations that say to have an address of ours, once a second at most, until
// ctx ends or a socket cannot be opened. It does not notice that the link is gone: that is
// what Check is for.
func (l Link) Watch(ctx context.Context, addr netip.Addr, tell func(by ethernet.MAC)) error {
	own, err := ownCards()
	if err != nil {
		return err
	}
	for {
		by, err := l.overhear(ctx, addr, own)
		if err != nil {
			return err
		}
		tell(by)
		select { // what comes meanwhile is of the same conflict
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// overhear waits for the next station that says to have an address.
func (l Link) overhear(ctx context.Context, addr netip.Addr, own []ethernet.MAC) (by ethernet.MAC,
	err error) {
	s, err := l.openARP(rawsocket.OfLink(l.Index).Accept(sender(), number(addr)))
	if err != nil {
		return by, err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	err = listen(s, time.Time{}, func(a ethernet.ARP) (enough bool) {
		by = a.SenderMAC
		return !slices.Contains(own, by)
	})
	return by, ended(ctx, err)
}

func (l Link) openARP(f rawsocket.Filter) (*rawsocket.Packet, error) {
	return l.open("ARP", rawsocket.Options{Protocol: rawsocket.ARP, Filter: f, Buffer: arpBuffer})
}

// sendARP sends a request.
func (l Link) sendARP(s *rawsocket.Packet, to ethernet.MAC, from, target netip.Addr) error {
	a := ethernet.ARP{Operation: ethernet.ARPRequest, SenderMAC: l.MAC, Sender: from, Target: target}
	if err := s.Send(to, rawsocket.ARP, a.Append(nil)); err != nil {
		return fmt.Errorf("ARP: %w", links.On(l.Name, err))
	}
	return nil
}

// listen hands messages to heard until it has enough or until a moment; the zero Time:
// never.
func listen(s *rawsocket.Packet, until time.Time, heard func(ethernet.ARP) (enough bool)) error {
	s.Deadline(until)
	var b [128]byte
	for {
		r, err := s.Read(b[:])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		if a, ok := ethernet.ReadARP(b[:r.Len]); ok && heard(a) {
			return nil
		}
		time.Sleep(arpPause)
	}
}

// ended says why it ended: a socket that was closed was so because of ctx.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
