package client

import (
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

func probing(c *wan.Config) { c.Probe = time.Second }

// lease has an address given, which is then probed.
func (l *lab) lease(addr string, changes ...change) {
	l.t.Helper()
	l.answer(packet.Offer, server, addr, changes...)
	l.pass(time.Second)
	l.answer(packet.ACK, server, addr, changes...)
}

func TestProbe(t *testing.T) {
	l := newLab(t, probing)
	l.start()
	l.lease("198.18.7.20")
	l.want("DISCOVER", "REQUEST asks 198.18.7.20 server 198.18.7.1", "probe 198.18.7.20")
	l.do(l.c.Probed(l.now, ip("198.18.7.21"), Finding{Conflict: true, MAC: other})) // of another address
	l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{Conflict: true, MAC: card}))  // our own echo
	l.want("bound acknowledged 198.18.7.20/24 via 198.18.7.1", "announce 198.18.7.20")
	// The same address is not probed again.
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20", "renew extended 198.18.7.20/24 via 198.18.7.1")
	// Another one is, and the first is used meanwhile: it is ours until it ends.
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, server, "198.18.7.22")
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20", "probe 198.18.7.22")
	if l.used != "198.18.7.20" {
		t.Errorf("%q is used", l.used)
	}
	// A probe whose result never comes keeps nobody waiting for ever.
	l.pass(7 * time.Second)
	l.want("deconfig moved 198.18.7.20/24", "bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")
}

// TestMoved: what a server gives in place of a lease is another station's; the lease ends while that is looked
// for; the cable is pulled out, and the server asked again.
func TestMoved(t *testing.T) {
	asked := func() *lab {
		l := newLab(t, probing)
		l.start()
		l.lease("198.18.7.20")
		l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{}))
		l.pass(59 * time.Minute)
		l.log = nil
		return l
	}
	l := asked()
	l.answer(packet.ACK, server, "198.18.7.22")
	l.want("probe 198.18.7.22")
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{Conflict: true, MAC: other}))
	l.want("deconfig moved 198.18.7.20/24", "DECLINE asks 198.18.7.22 server 198.18.7.1", "leasefail in-use", "forget")
	l.pass(13 * time.Second)
	l.want("DISCOVER")

	l = asked()
	l.pass(58 * time.Second)
	l.log = nil
	l.answer(packet.ACK, server, "198.18.7.22")
	l.pass(2 * time.Second)
	l.want("probe 198.18.7.22", "deconfig moved 198.18.7.20/24")
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{}))
	l.want("bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")

	l = asked()
	l.answer(packet.ACK, server, "198.18.7.22")
	l.do(l.c.Carrier(l.now, false))
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{}))
	l.do(l.c.Carrier(l.now, true))
	l.want("probe 198.18.7.22", "REQUEST asks 198.18.7.20")
	l.answer(packet.ACK, server, "198.18.7.22")
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{}))
	l.want("probe 198.18.7.22", "deconfig moved 198.18.7.20/24", "bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")
}

func TestDecline(t *testing.T) {
	l := newLab(t, probing)
	l.start()
	l.lease("198.18.7.20")
	l.log = nil
	l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{Conflict: true, MAC: other}))
	l.want("DECLINE asks 198.18.7.20 server 198.18.7.1", "leasefail in-use", "forget")
	l.pass(9900 * time.Millisecond)
	l.want()
	l.pass(4 * time.Second)
	l.want("DISCOVER")
}

// TestProxyARP: a station that answers for everything is believed twice.
func TestProxyARP(t *testing.T) {
	l := newLab(t, probing)
	l.start()
	for _, a := range []string{"198.18.7.20", "198.18.7.21", "198.18.7.22"} {
		l.lease(a)
		l.log = nil
		l.do(l.c.Probed(l.now, ip(a), Finding{Conflict: true, MAC: other}))
		if l.used == "" {
			l.pass(15 * time.Second)
		}
	}
	l.want("bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")
	l.hasRemark(wan.AboutProbe, "station 00:16:3e:00:00:09 answers for every address")
}

// TestDefend is RFC 5227 2.4 (b).
func TestDefend(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	hit := func() { l.do(l.c.Conflict(l.now, ip("198.18.7.20"), other)) }
	hit()
	l.pass(11 * time.Second)
	hit()
	l.do(l.c.Conflict(l.now, ip("198.18.7.20"), card))
	l.do(l.c.Conflict(l.now, ip("198.18.7.99"), other))
	l.want("announce 198.18.7.20", "announce 198.18.7.20")
	l.pass(9 * time.Second)
	hit()
	l.want("deconfig in-use 198.18.7.20/24", "DECLINE asks 198.18.7.20 server 198.18.7.1", "leasefail in-use", "forget")
	l.pass(14 * time.Second)
	l.want("DISCOVER")
}

// TestByHand: an impatient person is no storm.
func TestByHand(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.pass(time.Minute)
	l.do(l.c.Renew(l.now))
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20")
	n := len(l.sent)
	for range 600 {
		l.do(l.c.Renew(l.now))
		l.pass(100 * time.Millisecond)
	}
	if n := len(l.sent) - n; n < 13 || n > 15 {
		t.Errorf("%d messages in a minute", n)
	}
	l.answer(packet.ACK, server, "198.18.7.20")
	l.log = nil
	l.do(l.c.Release(l.now))
	l.do(l.c.Release(l.now))
	l.do(l.c.Carrier(l.now, false))
	l.do(l.c.Carrier(l.now, true))
	l.pass(24 * time.Hour)
	l.want("RELEASE to 198.18.7.1 ciaddr 198.18.7.20 server 198.18.7.1", "deconfig by-hand 198.18.7.20/24", "forget", "forget")
}
