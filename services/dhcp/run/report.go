package run

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// How many events are logged.
const (
	logBurst = 200 // at once
	logRate  = 20  // a second in the long run
)

// A share is an address that two hosts, or two programs, have by one card.
type share struct {
	addr  netip.Addr
	until time.Time // the end of the lease that showed it
}

// maxShares bounds the cards of a subnet that are known to be shared.
const maxShares = 64

// share notes that a card is shared, and logs it once for as long as it lasts.
func (s *Service) share(now time.Time, of *lan, out *dhcp.Outcome) {
	c := of.counts
	if c.shared == nil {
		c.shared = make(map[lease.MAC]share)
	}
	maps.DeleteFunc(c.shared, func(_ lease.MAC, x share) bool { return !now.Before(x.until) })
	_, known := c.shared[out.MAC]
	if !known && len(c.shared) >= maxShares {
		return
	}
	c.shared[out.MAC] = share{out.Addr, now.Add(out.Life)}
	if !known {
		s.events.Warn("two hosts, or two programs of one, have one address by one card",
			slog.String("subnet", of.Name), slog.Any("addr", out.Addr), slog.String("mac", out.MAC.String()),
			slog.String("name", out.Name))
	}
}

// sharing are the sentences of status about cards that are shared.
func (s *Service) sharing(of *lan) (all []string) {
	now, n := s.clock.now(), 0
	for _, mac := range slices.SortedFunc(maps.Keys(of.counts.shared), func(a, b lease.MAC) int {
		return slices.Compare(a[:], b[:])
	}) {
		x := of.counts.shared[mac]
		if !now.Before(x.until) {
			continue
		}
		if n++; n <= toldClaims {
			all = append(all, fmt.Sprintf("Two hosts, or two programs of one, have %v by %s: each renews it, with client identifiers of their own.",
				x.addr, called(s.engine.NameOf(mac), mac)))
		}
	}
	if n > toldClaims {
		all = append(all, fmt.Sprintf("The same goes for %d more cards in %s.", n-toldClaims, of.Name))
	}
	return all
}

// report logs what a person wants to read later: new leases, refusals, addresses
// given back or found in use, and an exhausted pool, once.
func (s *Service) report(now time.Time, of *lan, out *dhcp.Outcome) {
	if out.Shared && out.Drop == 0 {
		s.share(now, of, out)
	}
	level, what := slog.LevelInfo, ""
	switch {
	case out.Drop == dhcp.DropNotSent:
		level, what = slog.LevelError, "reply not sent"
	case out.Drop == dhcp.DropNotBelieved:
		s.doubt(now, of, out.MAC)
	case out.Drop == dhcp.DropExhausted || out.Drop == dhcp.DropKept || out.ReplyType == packet.Offer:
		s.reportPool(now, of, out)
	case out.Type == 0 && len(out.Records) > 0:
		level, what, out.Asked = slog.LevelWarn, "in use", out.Addr
	case out.Drop != 0 || out.Type == packet.Inform || out.ReplyType == packet.ACK &&
		out.State == dhcp.Renewing:
	case out.ReplyType == packet.ACK:
		what = "leased"
	case out.ReplyType == packet.NAK:
		what = "refused"
	case out.Type == packet.Decline:
		level, what = slog.LevelWarn, "declined"
	case out.Type == packet.Release:
		what = "released"
	}
	if what == "" {
		return
	}
	args := []any{"subnet", of.Name, "addr", out.Asked, "mac", out.MAC.String(), "stage", out.Stage.String(),
		"why", out.Reason}
	if out.Name != "" {
		args = append(args, "name", out.Name)
	}
	if out.File != "" {
		args = append(args, "file", out.File)
	}
	if out.From != (lease.MAC{}) {
		args = append(args, "asked for by", out.From.String())
	}
	if out.Behind != (lease.MAC{}) {
		args = append(args, "card", out.Card.String(), "says it is", out.Behind.String())
	}
	s.events.Log(context.Background(), level, what, args...)
}

// doubt logs that a card is not believed any more, once for as long as a quarantine lasts.
func (s *Service) doubt(now time.Time, of *lan, mac lease.MAC) {
	c := of.counts
	told := func(mac lease.MAC) bool {
		t, ok := c.doubted[mac]
		return ok && now.Before(t.Add(dhcp.Quarantine))
	}
	if told(mac) {
		return
	}
	doubted := make(map[lease.MAC]time.Time)
	for _, x := range s.engine.Suspects(now, of.index) {
		if told(x.MAC) {
			doubted[x.MAC] = c.doubted[x.MAC]
			continue
		}
		doubted[x.MAC] = now
		s.events.Warn("not believed: it declines, or answers for, one address after the other",
			slog.String("subnet", of.Name), slog.String("mac", x.MAC.String()),
			slog.String("name", s.engine.NameOf(x.MAC)), slog.Int("in quarantine", x.Addrs))
	}
	c.doubted = doubted
}

// suspected are the sentences of status about cards that are not believed in a subnet.
func (s *Service) suspected(of *lan, suspects []lease.Suspect) (all []string) {
	for _, x := range suspects[:min(len(suspects), toldClaims)] {
		who := "a station that only answers pings"
		if x.MAC != (lease.MAC{}) {
			who = called(s.engine.NameOf(x.MAC), x.MAC)
		}
		all = append(all, fmt.Sprintf("%d addresses of %s are in quarantine because of %s, which answers for the addresses of others or declines its own, and is not believed any more.",
			x.Addrs, of.Name, who))
	}
	if n := len(suspects) - len(all); n > 0 {
		all = append(all, fmt.Sprintf("The same goes for %d more cards in %s.", n, of.Name))
	}
	return all
}
