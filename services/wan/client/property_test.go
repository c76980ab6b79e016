package client

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
	"unicode"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// A provider is the obvious server: it promises addresses, and a promise holds.
type provider struct {
	id        netip.Addr
	net       netip.Prefix
	next      uint8
	has       netip.Addr    // what it believes the client has
	until     time.Duration // until then
	life      time.Duration
	forgetful bool // knows nobody, and says nothing to those it does not know
}

// A mail is something on its way.
type mail struct {
	at time.Duration
	do func()
}

// A weather is the world around a client for some weeks: everything in it happens by
// chance, and some of it is checked whatever happens.
type weather struct {
	t    *testing.T
	r    *rand.Rand
	c    *Client
	true time.Duration // since the world began
	born time.Duration // when the machine started
	boot int
	// The machine.
	carrier  bool
	kept     *Lease
	used     netip.Addr
	badClock bool
	// The provider.
	p        *provider
	promised map[netip.Addr]time.Duration // by whomever, until when
	loss     float64
	nakRate  float64
	up       bool
	calm     time.Duration // since when everything is well
	mails    []mail
	heard    bool // something happened since the last message was sent
	lastSent time.Duration
	hasty    time.Duration   // when the provider last had short leases
	lost     time.Duration   // when an address was last taken back
	sends    []time.Duration // since the process was started
	counts   map[string]int
}

func (w *weather) now() Now {
	n := Now{Up: w.true - w.born, Wall: t0.Add(w.true)}
	if w.badClock {
		n.Wall = time.Unix(0, 0).Add(n.Up)
	}
	return n
}

func (w *weather) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("after %s: %s", w.true, fmt.Sprintf(format, args...))
}

func (w *weather) later(d time.Duration, do func()) {
	w.mails = append(w.mails, mail{w.true + d, do})
	slices.SortStableFunc(w.mails, func(a, b mail) int { return int(a.at - b.at) })
}

func (w *weather) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.r.Int64N(int64(most-least)))
}

// process starts the client anew.
func (w *weather) process() {
	cf := conf()
	if w.r.IntN(2) == 0 {
		cf.Probe = time.Second
	}
	c, err := New(cf, fmt.Sprint("boot-", w.boot), w.r.Uint64)
	if err != nil {
		w.t.Fatal(err)
	}
	w.c, w.mails, w.sends, w.heard = c, nil, nil, true
	w.do(c.Start(w.now(), w.kept, w.carrier))
}

func (w *weather) do(acts []Action) {
	stored := false
	for _, a := range acts {
		switch a := a.(type) {
		case Send:
			w.send(a)
		case Probe:
			w.probe(a)
		case Store:
			l := a.Lease
			w.kept, stored = &l, true
		case Forget:
			w.kept = nil
		case Event:
			w.event(a, stored)
		}
	}
	if w.used.IsValid() && w.promised[w.used] <= w.true {
		w.fail("%s is used, which was promised until %s", w.used, w.promised[w.used])
	}
	if w.c.Next() <= w.now().Up {
		w.fail("it wants to be called at %s", w.c.Next())
	}
}

func (w *weather) event(e Event, stored bool) {
	w.counts[string(e.Name)+" "+string(e.Cause)]++
	for _, r := range e.Text {
		if !unicode.IsPrint(r) {
			w.fail("%q", e.Text)
		}
	}
	if e.Name != Deconfig && len(e.Facts.Addrs) > 0 && e.Term.End <= w.now().Up {
		w.fail("%s %s of a lease that has ended", e.Name, e.Cause)
	}
	switch e.Name {
	case BoundTo:
		if w.used.IsValid() && e.Cause != Restarted {
			w.fail("bound to %v while %s is used", e.Facts.Addrs, w.used)
		}
		fallthrough
	case Renewed:
		if !stored && e.Cause != Restarted {
			w.fail("told before it was stored: %s", e.Text)
		}
		if e.Name == Renewed && w.used != e.Facts.Addrs[0].Addr() {
			w.fail("renewed %v while %s is used", e.Facts.Addrs, w.used)
		}
		w.used = e.Facts.Addrs[0].Addr()
	case Deconfig:
		if w.used != e.Facts.Addrs[0].Addr() {
			w.fail("deconfig of %v while %s is used", e.Facts.Addrs, w.used)
		}
		w.used, w.lost = netip.Addr{}, w.true
	}
}

// send holds RFC 2131 4.1 against a message, and lets it travel.
func (w *weather) send(s Send) {
	// Unless something was heard or done, the next message is at least four seconds
	// after, give or take one.
	if gap := w.true - w.lastSent; !w.heard && gap < 3*time.Second && s.Type != packet.Release {
		w.fail("%s %s after the message before", s.Type, gap)
	}
	w.heard, w.lastSent = false, w.true
	w.sends = append(w.sends, w.true)
	if n := len(w.sends); n > 16 && w.true-w.sends[n-17] < 30*time.Second {
		w.fail("17 messages in %s", w.true-w.sends[n-17])
	}
	// A provider with leases of half a minute wants to be asked all the time.
	if w.p.life < time.Minute {
		w.hasty = w.true
	}
	most := 400
	if w.hasty > 0 && w.true-w.hasty < 2*time.Hour {
		most = 1000
	}
	if n := len(w.sends); n > most && w.true-w.sends[n-most-1] < time.Hour {
		w.fail("%d messages in %s", most, w.true-w.sends[n-most-1])
	}
	if !w.carrier {
		w.fail("%s is sent without carrier", s.Type)
	}
	if w.r.Float64() < w.loss || !w.up {
		return
	}
	w.later(w.between(time.Millisecond, 300*time.Millisecond), func() { w.serve(s.Message) })
}

func (w *weather) probe(p Probe) {
	w.later(p.For, func() {
		w.heard = true
		f := Finding{Gateway: w.up || w.r.IntN(2) == 0} // a router may be there without its server
		if w.calm > w.true && w.r.IntN(20) == 0 {
			f.Conflict, f.MAC = true, wan.MAC{2, 0, 0, 0, 0, byte(w.r.IntN(200))}
		}
		w.do(w.c.Probed(w.now(), p.Addr, f))
	})
}

// serve is the provider's server.
func (w *weather) serve(msg []byte) {
	var q packet.Packet
	if err := q.Unmarshal(msg); err != nil {
		w.t.Fatal(err)
	}
	p := w.p
	asked := q.Addr(packet.OptionRequestedAddr)
	if !q.CIAddr.IsUnspecified() {
		asked = q.CIAddr
	}
	switch q.Type() {
	case packet.Discover:
		if !p.has.IsValid() || p.until <= w.true {
			p.next = p.next%200 + 2
			b := p.net.Addr().As4()
			b[3] = p.next
			p.has, p.until = netip.AddrFrom4(b), w.true+time.Minute
		}
		w.reply(&q, packet.Offer, p.has)
	case packet.Request:
		id := q.Addr(packet.OptionServerID)
		switch {
		case id.IsValid() && id != p.id:
		case w.r.Float64() < w.nakRate || asked != p.has || p.until <= w.true && w.r.IntN(2) == 0:
			if asked != p.has && p.forgetful && p.net.Contains(asked) {
				return // RFC 2131 4.3.2: "it MUST remain silent"
			}
			w.reply(&q, packet.NAK, asked)
		default:
			p.until = w.true + p.life
			w.promised[p.has] = max(w.promised[p.has], p.until)
			w.reply(&q, packet.ACK, p.has)
		}
	case packet.Decline, packet.Release:
		if asked == p.has {
			p.has = netip.Addr{}
		}
	}
}

func (w *weather) reply(q *packet.Packet, t packet.MessageType, a netip.Addr) {
	if w.r.Float64() < w.loss {
		return
	}
	p := &packet.Packet{Op: packet.BootReply, HType: packet.Ethernet, HLen: 6, XID: q.XID, CHAddr: q.CHAddr}
	opt(packet.OptionMessageType, byte(t))(p)
	addrs(packet.OptionServerID, w.p.id.String())(p)
	if t != packet.NAK {
		p.YIAddr = a
		lifetime(packet.OptionLeaseTime, uint32(w.p.life/time.Second))(p)
		addrs(packet.OptionSubnetMask, "255.255.255.0")(p)
		addrs(packet.OptionRouter, w.p.net.Addr().Next().String())(p)
	}
	from := w.p.id
	w.later(w.between(time.Millisecond, 2*time.Second), func() {
		w.heard = true
		if w.carrier {
			w.do(w.c.Receive(w.now(), p, from))
		}
	})
}

// newProvider is one that moved, or has lost its memory.
func (w *weather) newProvider() {
	n := w.r.IntN(4)
	lives := []time.Duration{30 * time.Second, 5 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
	w.p = &provider{
		id: netip.AddrFrom4([4]byte{198, 18, byte(n), byte(1 + w.r.IntN(2))}), life: lives[w.r.IntN(len(lives))],
		net: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(n), 0}), 24), next: uint8(w.r.IntN(200)), forgetful: w.r.IntN(2) == 0,
	}
}

// change has something happen.
func (w *weather) change() {
	w.heard = true
	switch n := w.r.IntN(100); {
	case n < 45:
		w.carrier = !w.carrier
		w.do(w.c.Carrier(w.now(), w.carrier))
	case n < 55:
		w.loss = []float64{0, 0, 0.1, 0.5, 0.9}[w.r.IntN(5)]
	case n < 60:
		w.nakRate = []float64{0, 0, 0.2, 1}[w.r.IntN(4)]
	case n < 70:
		w.up = !w.up
	case n < 75:
		w.newProvider()
	case n < 80:
		w.do(w.c.Renew(w.now()))
	case n < 82:
		w.do(w.c.Release(w.now()))
		w.do(w.c.Renew(w.now()))
	case n < 84 && w.used.IsValid():
		a, confirmed := w.used, !w.c.lease.Term.Unconfirmed
		for range 3 {
			w.do(w.c.Conflict(w.now(), a, wan.MAC{2, 0, 0, 0, 0, 1}))
			w.heard = true
		}
		if (w.used == a) != confirmed {
			w.fail("a rival for %s, whose lease is confirmed (%t), and now %s is used", a, confirmed, w.used)
		}
	case n < 92:
		w.counts["restart"]++
		w.process() // what is used stays in the kernel; the client says so again, or not
		if e := w.used; e.IsValid() && w.c.lease == nil {
			w.used = netip.Addr{}
		}
	default:
		w.counts["reboot"]++
		w.boot++
		w.true += w.between(5*time.Second, 3*time.Hour)
		w.born, w.used, w.lastSent = w.true, netip.Addr{}, w.true
		w.badClock = w.r.IntN(3) == 0
		w.up = w.up && w.r.IntN(2) == 0 // a power cut for all
		w.process()
	}
}

// run lets time pass until the given moment.
func (w *weather) run(until time.Duration) {
	for {
		at := until
		if next := w.c.Next(); next != wan.Never {
			at = min(at, w.born+next)
		}
		if len(w.mails) > 0 && w.mails[0].at <= at {
			m := w.mails[0]
			w.mails = w.mails[1:]
			w.true = max(w.true, m.at)
			m.do()
			continue
		}
		if at >= until {
			w.true = max(w.true, until)
			return
		}
		w.true = max(w.true, at)
		w.do(w.c.Tick(w.now()))
	}
}

// TestWeeks lets weeks pass. At no time is an address used that was not promised for
// that time; messages are never faster than RFC 2131 4.1 has them; and once everything is
// well, there is an address after the longest of its waits.
func TestWeeks(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(40) {
		w := &weather{t: t, r: rand.New(rand.NewPCG(seed, 13)), promised: map[netip.Addr]time.Duration{}, up: true, carrier: true, counts: counts}
		w.true = 30 * time.Second
		w.newProvider()
		w.process()
		for w.true < 21*24*time.Hour {
			w.calm = wan.Never
			for range w.r.IntN(30) {
				w.run(w.true + w.between(time.Second/10, []time.Duration{2 * time.Second, time.Minute, time.Hour, 24 * time.Hour}[w.r.IntN(4)]))
				w.change()
			}
			// Calm: the longest wait is that of a REQUEST that nobody answers, 61 seconds,
			// after that of a DISCOVER, 65, or after many failures, 80, and a probe.
			if !w.carrier {
				w.carrier, w.heard = true, true
				w.do(w.c.Carrier(w.now(), true))
			}
			w.loss, w.nakRate, w.up, w.calm = 0, 0, true, 0
			w.run(w.true + 4*time.Minute)
			if !w.used.IsValid() { // that of an old provider may have been refused just now
				w.run(w.lost + 4*time.Minute)
			}
			if !w.used.IsValid() {
				w.fail("seed %d: no address after four minutes in which all was well: %+v", seed, w.c.Status(w.now()))
			}
		}
	}
	for _, want := range []string{
		"bound acknowledged", "bound restarted", "bound silent", "renew extended", "deconfig expired", "deconfig refused",
		"deconfig in-use", "leasefail silent", "leasefail no-reply", "leasefail gateway-silent", "nak refused", "restart", "reboot",
	} {
		if counts[want] < 5 {
			t.Errorf("%s: only %d times: the weeks are dull. %v", want, counts[want], counts)
		}
	}
}
