package run

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// lately is how long ago a lease began that is told as new: the hour in the sentence.
const lately = time.Hour

// nearlyFull reports whether so little of a pool is left that who has it is told. What is on offer is no use.
func nearlyFull(n lease.Stats) bool {
	return n.Size > 0 && n.Size-n.Bound-n.Declined <= n.Size/lease.KeptFor
}

// filledBy says in a sentence who asked for the leases of a pool, "" if there are none.
func (s *Service) filledBy(of *lan) string {
	now := s.clock.now()
	return origins(s.engine.Origins(now, now.Add(-lately), of.index), of.Interface)
}

func origins(o lease.Origins, link string) string {
	if o.Leases == 0 {
		return ""
	}
	known, text := o.Leases-o.Unknown, ""
	switch {
	case known == 0:
		return fmt.Sprintf("Who asked for its %d leases is not known before they are renewed.", o.Leases)
	case 2*o.ByMost > known, o.ByMost > 1 && o.Unknown > 0:
		text = fmt.Sprintf("%d of its %d leases were asked for by %s", o.ByMost, o.Leases, who(o.Most, link))
	case o.ByMost > 1:
		text = fmt.Sprintf("Its %d leases are of as many cards, and no more than %d were asked for by one, %s",
			o.Leases, o.ByMost, who(o.Most, link))
	case o.Unknown > 0:
		text = fmt.Sprintf("Its %d leases: %d asked for by the cards themselves", o.Leases,
			known-o.ByMost)
	default:
		text = fmt.Sprintf("Its %d leases are of as many cards that asked for themselves", o.Leases)
	}
	text += fmt.Sprintf("; %d began within the last hour", o.New)
	if o.Unknown > 0 {
		text += fmt.Sprintf(", and who asked for %d is not known before they are renewed", o.Unknown)
	}
	return text + "."
}

// who names a sender.
func who(by lease.Sender, link string) string {
	switch {
	case !by.Agent.IsValid():
		return fmt.Sprintf("the card %s on %s", by.MAC, link)
	case by.Circuit == "":
		return fmt.Sprintf("the relay agent %v", by.Agent)
	}
	return fmt.Sprintf("the relay agent %v for its port %s", by.Agent, strconv.QuoteToASCII(by.Circuit))
}

// filled are the sentences of status about a pool that is full, or nearly so because of one card.
func (s *Service) filled(of *lan, n lease.Stats) (all []string) {
	now := s.clock.now()
	o := s.engine.Origins(now, now.Add(-lately), of.index)
	switch {
	case of.counts.exhausted && n.Free() == 0:
		all = append(all, fmt.Sprintf("The pool of %s has no free address for new clients: of %d, %d are leased, %d on offer and %d in quarantine.",
			of.Name, n.Size, n.Bound, n.Offered, n.Declined))
	case nearlyFull(n) && lease.Much*o.ByMost > n.Size && !o.Most.Agent.IsValid():
		all = append(all, fmt.Sprintf("The pool of %s is nearly full: of %d addresses, %d are leased; the others are kept from the card that has most.",
			of.Name, n.Size, n.Bound))
	default:
		return nil
	}
	if text := origins(o, of.Interface); text != "" {
		all[0] += " " + text
	}
	return all
}

// attend has the frames of a LAN looked at while half of its pool is leased, and until only a third is: it
// costs all that is forwarded from there a little, and who has it is of interest when it may become full.
func (s *Service) attend(of *lan, n lease.Stats) {
	if of.sockets == nil || of.sockets.conn == nil || n.Size == 0 {
		return
	}
	on := 2*n.Bound >= n.Size
	if !on && 3*n.Bound >= n.Size {
		return
	}
	err := of.sockets.conn.Watch(on)
	if err != nil && !errors.Is(err, net.ErrClosed) && !of.counts.unwatched {
		of.counts.unwatched = true
		s.log.Warn("which cards ask cannot be seen", "subnet", of.Name, "error", err.Error())
	}
}

// reportPool logs when a pool runs out, or a card has so much of it that the rest is for others; and when it
// is no longer so.
func (s *Service) reportPool(now time.Time, of *lan, out *dhcp.Outcome) {
	c, n := of.counts, s.engine.Stats(now, of.index)
	s.attend(of, n)
	switch {
	case out.Drop == dhcp.DropExhausted && !c.exhausted:
		c.exhausted = true
		s.log.Error("the pool has no free address", "subnet", of.Name, "first refused", out.MAC.String(),
			"who has it", s.filledBy(of))
	case out.Drop == dhcp.DropKept && !c.kept:
		c.kept = true
		s.log.Warn("the last addresses of the pool are kept from a card that has much of it",
			slog.String("subnet", of.Name), slog.String("who has it", s.filledBy(of)))
	case out.Drop == 0:
		c.kept = c.kept && nearlyFull(n)
		if c.exhausted && n.Free() > 0 {
			c.exhausted = false
			s.log.Info("the pool has free addresses again", "subnet", of.Name)
		}
	}
}
