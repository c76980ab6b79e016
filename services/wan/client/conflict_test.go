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
	// Another one is, and the first is used meanwhile: it is ours until it ends.
	l.pass(30 * time.Minute)
	l.answer(packet.ACK, server, "198.18.7.22")
	l.want("REQUEST to 198.18.7.1 ciaddr 198.18.7.20", "probe 198.18.7.22 and gateway 198.18.7.1")
	if l.used != "198.18.7.20" {
		t.Errorf("%q is used", l.used)
	}
	// A probe whose result never comes keeps nobody waiting for ever.
	l.pass(7 * time.Second)
	l.want("deconfig moved 198.18.7.20/24", "bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")
}

// TestMoved: what a server gives in place of a lease is another station's; the lease ends while that is
// looked for; the cable is pulled out, and the server asked again.
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
	l.want("probe 198.18.7.22 and gateway 198.18.7.1")
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{Conflict: true, MAC: other}))
	l.want("deconfig moved 198.18.7.20/24", "DECLINE asks 198.18.7.22 server 198.18.7.1", "leasefail in-use", "forget")
	l.pass(13 * time.Second)
	l.want("DISCOVER")

	l = asked()
	l.pass(58 * time.Second)
	l.log = nil
	l.answer(packet.ACK, server, "198.18.7.22")
	l.pass(2 * time.Second)
	l.want("probe 198.18.7.22 and gateway 198.18.7.1", "deconfig moved 198.18.7.20/24")
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{}))
	l.want("bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")

	l = asked()
	l.answer(packet.ACK, server, "198.18.7.22")
	l.do(l.c.Carrier(l.now, false))
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{}))
	l.do(l.c.Carrier(l.now, true))
	l.want("probe 198.18.7.22 and gateway 198.18.7.1", "seek 198.18.7.1 from 198.18.7.20", "REQUEST asks 198.18.7.20")
	l.answer(packet.ACK, server, "198.18.7.22")
	l.do(l.c.Probed(l.now, ip("198.18.7.22"), Finding{}))
	l.want("probe 198.18.7.22 and gateway 198.18.7.1", "deconfig moved 198.18.7.20/24", "bound acknowledged 198.18.7.22/24 via 198.18.7.1", "announce 198.18.7.22")
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

const defence = "announce 198.18.7.20 station 00:16:3e:00:00:09 uses our address 198.18.7.20 too: it is defended"

// hit has another station say to have the address in use.
func (l *lab) hit() { l.do(l.c.Conflict(l.now, ip("198.18.7.20"), other)) }

// TestDefend is RFC 5227 2.4 (c): a lease that was confirmed is kept, whatever is announced on the link, and
// defended once each ten seconds at most.
func TestDefend(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.hit()
	l.pass(2 * time.Second)
	l.hit() // the second announcement of a host that did not probe
	l.want(defence)
	l.pass(7900 * time.Millisecond)
	l.hit()
	l.do(l.c.Conflict(l.now, ip("198.18.7.20"), card)) // our own
	l.do(l.c.Conflict(l.now, ip("198.18.7.99"), other))
	l.want()
	for range 60 {
		l.pass(100 * time.Millisecond)
		l.hit()
	}
	l.want("announce 198.18.7.20")
	if r := l.c.Status(l.now).Rival; r == nil || r.MAC != other || r.Times != 63 || r.Last-r.First != 15900*time.Millisecond {
		t.Errorf("the rival is %+v", r)
	}
	l.pass(rivalFor - time.Second)
	l.hit()
	l.want("announce 198.18.7.20") // it was said not long ago
	l.pass(rivalFor)
	if r := l.c.Status(l.now).Rival; r != nil {
		t.Errorf("after ten minutes of silence the rival is %+v", r)
	}
	l.hit()
	l.want(defence)
}

// TestDefendUnconfirmed is RFC 5227 2.4 (b): what no server has confirmed may be another's by now.
func TestDefendUnconfirmed(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.do(l.c.Carrier(l.now, false))
	l.do(l.c.Carrier(l.now, true))
	l.pass(time.Second)
	l.log = nil
	l.hit()
	l.want(defence)
	l.pass(time.Second)
	l.hit()
	l.want("deconfig in-use 198.18.7.20/24", "forget")
	if l.c.Status(l.now).Rival != nil {
		t.Error("there is a rival for an address that is not used")
	}
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
