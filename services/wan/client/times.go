package client

import (
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

const (
	infinity = 0xffffffff // RFC 2131 3.3
	// shortestLease: whoever gives less would have us ask all the time. udhcpc takes a
	// lease of 16 seconds for it, and so an address that is not its own.
	shortestLease = 10 * time.Second
	// defaultLease is that of an ACK without one, as udhcpc has it. RFC 2131 table 3
	// has none without.
	defaultLease = time.Hour
	// longestLease is more than any box runs, and can be computed with.
	longestLease = 10 * 365 * 24 * time.Hour
	// soonestRenew is the first T1 that is believed of a lease of two minutes or more.
	soonestRenew = 60 * time.Second
)

// times reads how long a lease is and when it is to be renewed: RFC 2131 4.4.5. It
// counts from when the request was sent, so that it never ends later than for the
// server.
func (r *reply) times(p *packet.Packet, asked time.Duration, rand func() uint64) {
	life, given := seconds(p, packet.OptionLeaseTime)
	switch {
	case life == wan.Never:
		r.term = wan.Term{Start: asked, Renew: wan.Never, Rebind: wan.Never, End: wan.Never}
		return
	case !given && p.Type() == packet.ACK:
		r.remark(wan.AboutTimes, "no lease time is sent: %s is taken", word(defaultLease))
		fallthrough
	case !given:
		life = defaultLease
	case life < shortestLease:
		text := fmt.Sprintf("a lease of %s is refused: %s is needed to renew it in time", word(life),
			word(shortestLease))
		r.err = &wan.Refusal{About: wan.AboutTimes, Text: text}
		return
	}
	life = min(life, longestLease)
	t1, t2 := r.renewals(p, life)
	// "T1 and T2 times SHOULD be chosen with some random fuzz": earlier, never later.
	if fuzz := min(t1/20, 5*time.Minute) / time.Millisecond; fuzz > 0 {
		t1 -= time.Duration(rand()%uint64(fuzz)) * time.Millisecond
	}
	r.term = wan.Term{Start: asked, Renew: asked + t1, Rebind: asked + t2, End: asked + life}
}

// renewals returns T1 and T2: the server's if they can be, else the RFC's.
func (r *reply) renewals(p *packet.Packet, life time.Duration) (t1, t2 time.Duration) {
	t1, has1 := seconds(p, packet.OptionRenewalTime)
	t2, has2 := seconds(p, packet.OptionRebindingTime)
	if !has1 {
		t1 = life / 2
	}
	if !has2 {
		t2 = life * 7 / 8
	}
	// "T1 MUST be earlier than T2, which, in turn, MUST be earlier than the time at
	// which the client's lease will expire."
	if t1 <= 0 || t1 >= t2 || t2 >= life {
		if has1 || has2 {
			r.remark(wan.AboutTimes, "T1 of %s and T2 of %s do not fit a lease of %s: a half and 7/8 of it are taken",
				word(t1), word(t2), word(life))
		}
		t1, t2 = life/2, life*7/8
	}
	if least := min(soonestRenew, life/2); t1 < least {
		r.remark(wan.AboutTimes, "T1 of %s is too soon: %s is taken", word(t1), word(least))
		t1, t2 = least, max(t2, life*7/8)
	}
	return t1, t2
}

func word(d time.Duration) string {
	if d == wan.Never {
		return "for ever"
	}
	return span.Text(d)
}

// seconds reads an option that is a time; wan.Never if it is infinite.
func seconds(p *packet.Packet, code uint8) (d time.Duration, ok bool) {
	n, ok := p.Uint32(code)
	if n == infinity {
		return wan.Never, true
	}
	return time.Duration(n) * time.Second, ok
}
