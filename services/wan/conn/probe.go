package conn

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

const (
	probes    = 3           // RFC 5227 1.1: PROBE_NUM
	probeWait = time.Second // PROBE_WAIT
	// A gateway that is heard shows how long an answer takes on this link. Whoever has the address gets
	// answerTimes as long for another probe, answerLeast at least: a station needs less than a millisecond.
	answerTimes = 3
	answerLeast = 10 * time.Millisecond
)

// A Finding is what was heard of an address that we want.
type Finding struct {
	// Conflict is the station that has it, or wants it too; zero: none.
	Conflict ethernet.MAC
	// Gateway is the station that has the gateway's address; zero: it was not heard.
	Gateway ethernet.MAC
}

// Probe looks for an address on the link before it is used, as RFC 5227 2.1.1 has it:
// three probes, spread over the time that is given, the first at once and the others each a random
// while into their third. Who uses the address answers, or says so by any other ARP message; who
// probes for it wants it, too. It returns at once when there is such a station.
//
// The gateway, unless it is the zero Addr, is asked for beside, by requests from nobody, which not
// every router answers. When it is heard, there is one more probe, and the look is over when an
// answer to it would be here. The time is nine seconds, and there is no gateway, where RFC 5227
// shall be met; above zero it may be anything.
func (l Link) Probe(ctx context.Context, addr, gateway netip.Addr, long time.Duration) (Finding, error) {
	p := search{link: l, addr: addr, gateway: gateway, start: time.Now()}
	var err error
	if p.own, err = ownCards(); err != nil {
		return Finding{}, err
	}
	filter := rawsocket.OfLink(l.Index).Accept(sender(), number(addr))
	if gateway.IsValid() {
		filter = filter.Accept(sender(), number(gateway))
	}
	filter = filter.Unless(sender(), 0).Accept(target(), number(addr))
	if p.socket, err = l.openARP(filter); err != nil {
		return Finding{}, err
	}
	// To close it is to wait until no processor uses it any more (packet_release in
	// net/packet/af_packet.c), which takes as long as the look itself.
	defer func() { go p.socket.Close() }()
	defer context.AfterFunc(ctx, func() { p.socket.Close() })()
	err = p.run(long)
	return p.found, ended(ctx, err)
}

// A search is a Probe under way.
type search struct {
	link          Link
	socket        *rawsocket.Packet
	addr, gateway netip.Addr
	own           []ethernet.MAC
	start         time.Time
	found         Finding
}

// run asks until it is over.
func (p *search) run(long time.Duration) error {
	third := long / probes
	early := min(third/4, probeWait)
	for i := 1; i <= probes; i++ {
		if err := p.ask(); err != nil {
			return err
		}
		until := time.Duration(i)*third + rand.N(early+1)
		if i == probes {
			until = long
		}
		err := listen(p.socket, p.start.Add(until), func(a ethernet.ARP) bool {
			return p.hear(a) || p.found.Gateway.IsUnicast()
		})
		switch {
		case err != nil || p.found.Conflict.IsUnicast():
			return err
		case p.found.Gateway.IsUnicast():
			return p.last(long)
		}
	}
	return nil
}

// last asks once more, and waits as long as an answer takes by what the gateway's took.
func (p *search) last(long time.Duration) error {
	took := time.Since(p.start)
	if err := p.ask(); err != nil {
		return err
	}
	until := min(long, took+max(answerTimes*took, answerLeast))
	return listen(p.socket, p.start.Add(until), p.hear)
}

// ask sends requests from nobody to everybody: for the address, and for a gateway that was not heard yet.
func (p *search) ask() error {
	for _, a := range []netip.Addr{p.addr, p.gateway} {
		if !a.IsValid() || a == p.gateway && p.found.Gateway.IsUnicast() {
			continue
		}
		if err := p.link.sendARP(p.socket, ethernet.Everybody(), netip.Addr{}, a); err != nil {
			return err
		}
	}
	return nil
}

// hear takes a message, and reports whether there is a conflict: RFC 5227 2.1.1.
func (p *search) hear(a ethernet.ARP) (conflict bool) {
	wanted := a.Sender.IsUnspecified() && a.Target == p.addr && a.Operation == ethernet.ARPRequest
	switch {
	case slices.Contains(p.own, a.SenderMAC): // a loop in the network gives us our own back
	case a.Sender == p.addr || wanted:
		p.found.Conflict = a.SenderMAC
		return true
	case a.Sender == p.gateway:
		p.found.Gateway = a.SenderMAC
	}
	return false
}
