package stations

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// Bounds of claims.
const (
	maxClaims  = 256
	toldClaims = 5 // in Problems
	// after who claims was last seen: longer than it takes to be asked for again
	claimMemory = 15 * time.Minute
	claimAgain  = 10 * time.Minute // before the same claim is news again
)

// A Claim is that a machine answers for an address that is another's: of the one whose hardware address it is
// made of, or that was seen with it before.
//
//	┌ claimed ───────────────────┐ its machine answers ┌ quiet ──────────────────────┐
//	│ told; anew after ten       ├────────────────────►│ whose it is is remembered   │
//	│ minutes without            │◄────────────────────┤                             │
//	└──┬─────────────────────────┘ another does again  └──┬──────────────────────────┘
//	   │ who claims it is not seen, or for an hour         │ for an hour
//	   │ nobody else was, if the address is of no card     │
//	   └──────────────────► forgotten ◄────────────────────┘
//
// A host with another card, or one that takes over for one that has failed, looks the same.
type Claim struct {
	Addr    netip.Addr
	Network string
	Holder  ethernet.MAC // whose it is
	MAC     ethernet.MAC // who answers for it
	// Made: the address has the holder's hardware address in it.
	Made bool
}

// spot is an address on a LAN: link-local ones are on each.
type spot struct {
	network string
	addr    netip.Addr
}

type claim struct {
	Claim
	active      bool
	since, last time.Duration // when it began, and was last seen
	told        time.Duration
}

// judgeClaim holds an observation against what is known, before that changes by it.
func (t *Table) judgeClaim(now time.Duration, o Observation) {
	at := spot{o.Network, o.Addr}
	c := t.claims[at]
	switch {
	case c != nil && o.MAC == c.Holder:
		c.active = c.active && !o.Confirmed
		return
	case c != nil && o.MAC == c.MAC && !o.Confirmed:
		if c.active {
			c.last = now
		}
		return
	case !o.Confirmed:
		return
	case c == nil:
		holder, made := t.holder(at)
		if holder == (ethernet.MAC{}) || holder == o.MAC || len(t.claims) >= maxClaims {
			return
		}
		c = &claim{Claim: Claim{Addr: o.Addr, Network: o.Network, Holder: holder, MAC: o.MAC, Made: made},
			told: now - claimAgain}
		t.claims[at] = c
	}
	begins := !c.active || c.MAC != o.MAC
	c.active, c.MAC, c.last = true, o.MAC, now
	if !begins {
		return
	}
	c.since = now
	if now-c.told >= claimAgain && len(t.news) < maxClaims {
		c.told = now
		t.news = append(t.news, c.Claim)
	}
}

// holder returns whose an address is, the zero MAC: nobody's.
func (t *Table) holder(at spot) (mac ethernet.MAC, made bool) {
	if card, ok := cardIn(at.addr); ok {
		if m := t.machines[card]; m != nil && m.network == at.network {
			return card, true
		}
	}
	if at.addr.IsLinkLocalUnicast() {
		return t.locals[at], false
	}
	if e := t.entries[at.addr]; e != nil {
		return e.MAC, false
	}
	return mac, false
}

// cardIn returns the hardware address that an address is made of, if it is: modified EUI-64.
func cardIn(a netip.Addr) (m ethernet.MAC, ok bool) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], interfaceID(a))
	m = ethernet.MAC{b[0] ^ 2, b[1], b[2], b[5], b[6], b[7]}
	return m, b[3] == 0xff && b[4] == 0xfe && m.IsUnicast()
}

// takeLocal notes who had a link-local address first.
func (t *Table) takeLocal(o Observation) {
	at := spot{o.Network, o.Addr}
	if _, taken := t.locals[at]; !taken && len(t.locals) < maxMachines {
		t.locals[at] = o.MAC
	}
}

// tickClaims ends those that are over, and forgets link-local addresses of machines that are forgotten.
func (t *Table) tickClaims(now time.Duration) {
	for at, c := range t.claims {
		if !c.over(now) {
			continue
		}
		if c.active && !c.Made && at.addr.IsLinkLocalUnicast() {
			t.locals[at] = c.MAC
		}
		delete(t.claims, at)
	}
	for at, mac := range t.locals {
		if m := t.machines[mac]; m == nil || m.network != at.network {
			delete(t.locals, at)
		}
	}
}

// over reports whether it is to be forgotten.
func (c *claim) over(now time.Duration) bool {
	if !c.active {
		return now-c.last >= fight
	}
	return now-c.last >= claimMemory || !c.Made && now-c.since >= fight
}

// News returns the claims that have begun since it was last called.
func (t *Table) News() []Claim {
	all := t.news
	t.news = nil
	return all
}

// claimProblems says what is claimed now; addresses that are fought for are told of elsewhere.
func (t *Table) claimProblems(now time.Duration, fought []netip.Addr) (all []string) {
	var active []Claim
	for _, c := range t.claims {
		if c.active && !c.over(now) && !slices.Contains(fought, c.Addr) {
			active = append(active, c.Claim)
		}
	}
	slices.SortFunc(active, func(a, b Claim) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Network, b.Network))
	})
	for i, c := range active {
		if i == toldClaims {
			return append(all, fmt.Sprintf("For %d more IPv6 addresses other cards answer than those that have them.", len(active)-i))
		}
		all = append(all, c.String())
	}
	return all
}

// String is a sentence.
func (c Claim) String() string {
	made := ""
	if c.Made {
		made = ", of which it is made"
	}
	return fmt.Sprintf("%s on %s belongs to the card %s%s, and the card %s answers for it.", c.Addr,
		c.Network, c.Holder, made, c.MAC)
}
