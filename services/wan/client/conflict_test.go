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
	l.want("DISCOVER", "REQUEST asks 198.18.7.20 server 198.18.7.1", "probe 198.18.7.20 and gateway 198.18.7.1")
	l.do(l.c.Probed(l.now, ip("198.18.7.21"), Finding{Conflict: true, MAC: other})) // of another address
	l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{Conflict: true, MAC: card}))  // our own echo
	l.want("bound acknowledged 198.18.7.20/24 via 198.18.7.1", "announce 198.18.7.20")
	// The same address is not probed again.
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20", "renew extended 198.18.7.20/24 via 198.18.7.1")
	// Another one is, and the first is no more used meanwhile.
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, server, "198.18.7.22")
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20", "deconfig moved 198.18.7.20/24", "probe 198.18.7.22 and gateway 198.18.7.1")
	// A probe whose result never comes keeps nobody waiting for ever.
	l.pass(7 * time.Second)
	l.want("bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")
}

// TestProbeBeside: an offered address is looked for while its server is asked, and nobody waits twice.
func TestProbeBeside(t *testing.T) {
	for name, c := range map[string]struct {
		found Finding
		after time.Duration // from the finding to the ACK
		want  []string
	}{
		"nobody has it":   {Finding{Gateway: true}, 0, []string{"bound acknowledged 198.18.7.20/24 via 198.18.7.1", "announce 198.18.7.20"}},
		"another has it":  {Finding{Conflict: true, MAC: other}, 0, []string{"DECLINE asks 198.18.7.20 server 198.18.7.1", "leasefail in-use", "forget"}},
		"it is long past": {Finding{Gateway: true}, 10 * time.Second, []string{"probe 198.18.7.20 and gateway 198.18.7.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, probing)
			l.start()
			l.answer(packet.Offer, server, "198.18.7.20")
			l.do(l.c.Probed(l.now, ip("198.18.7.20"), c.found))
			l.want("DISCOVER", "REQUEST asks 198.18.7.20 server 198.18.7.1", "probe 198.18.7.20 and gateway 198.18.7.1")
			l.pass(c.after)
			l.log = nil
			l.answer(packet.ACK, server, "198.18.7.20")
			l.want(c.want...)
		})
	}
}

// TestCableIsBack: the gateway is asked for at once, by who has an address, and nobody has asked for it.
func TestCableIsBack(t *testing.T) {
	l := newLab(t, probing)
	l.start()
	l.do(l.c.Carrier(l.now, false))
	l.pass(10 * time.Second)
	l.log = nil
	l.do(l.c.Carrier(l.now, true))
	l.want("DISCOVER")
	l.lease("198.18.7.20")
	l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{}))
	l.do(l.c.Carrier(l.now, false))
	l.pass(10 * time.Second)
	l.log = nil
	l.do(l.c.Carrier(l.now, true))
	l.want("seek 198.18.7.1 from 198.18.7.20", "REQUEST asks 198.18.7.20")
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
