package run

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// An Exchange is one message and what became of it: what it asked, what it was taken
// for, what it got, and why this address or why nothing.
type Exchange struct {
	Time   time.Time `json:"time"`
	Subnet string    `json:"subnet"`
	MAC    lease.MAC `json:"mac"`
	// that it asks from, if it has none of its own: MAC is a name then
	Card   lease.MAC     `json:"card,omitzero"`
	From   lease.MAC     `json:"from,omitzero"`   // the card that sent the frame, if that is another
	Type   string        `json:"type"`            // DISCOVER, REQUEST, …
	State  string        `json:"state,omitempty"` // of a REQUEST: SELECTING, …
	Stage  string        `json:"stage"`           // what it was taken for: PXE, iPXE, system, …
	Arch   string        `json:"arch,omitempty"`  // for the stages that have one
	Class  string        `json:"class,omitempty"` // what it says it is: its vendor class, option 60, escaped
	Calls  string        `json:"calls,omitempty"` // what it calls itself: option 12, escaped
	Agent  netip.Addr    `json:"agent,omitzero"`  // the relay agent that it came through
	Port   dhcp.Port     `json:"port,omitzero"`   // where that says it is plugged in
	Asked  netip.Addr    `json:"asked,omitzero"`
	Server netip.Addr    `json:"server,omitzero"` // whose offer it takes, or whom it tells: option 54
	Says   []string      `json:"says"`            // its options, as dhcp.DescribeOptions has them
	Reply  string        `json:"reply,omitempty"` // OFFER, ACK, NAK; empty: silence
	Addr   netip.Addr    `json:"addr,omitzero"`
	Life   time.Duration `json:"life_ns,omitzero"` // the lease time
	Name   string        `json:"name,omitempty"`
	File   string        `json:"file,omitempty"`
	Told   []string      `json:"told,omitempty"`      // the options of the reply
	Drop   string        `json:"drop,omitempty"`      // the reason as a key
	Filled string        `json:"filled_by,omitempty"` // who asked for the leases of a full pool
	Reason string        `json:"reason"`              // the reason as a phrase
}

// Bounds of what is remembered: a few exchanges of each card, of the cards that asked
// last. Cards that nobody knows are apart, so that a flood of them pushes out no other.
const (
	perCard      = 8
	MaxKnown     = 512 // cards of hosts, and those that have or had a lease
	MaxStrangers = 128 // others
)

// history is the last exchanges of the last cards.
type history struct {
	cards            map[lease.MAC]*cardHistory
	known, strangers cards
}

// cards are some cards in the order in which they were heard of last.
type cards struct {
	first, last *cardHistory // first: heard of just now
	len, max    int
}

type cardHistory struct {
	mac        lease.MAC
	in         *cards
	prev, next *cardHistory
	exchanges  [perCard]exchange
	count      int // all there were
}

type exchange struct {
	time   time.Time
	subnet string
	number int          // of its card
	out    dhcp.Outcome // without Records and Reply; Says and Told are its own
}

func newHistory() history {
	return history{cards: make(map[lease.MAC]*cardHistory), known: cards{max: MaxKnown},
		strangers: cards{max: MaxStrangers}}
}

func (h *history) add(now time.Time, subnet string, out *dhcp.Outcome) {
	to := &h.strangers
	if out.Known || len(out.Records) > 0 {
		to = &h.known
	}
	c := h.cards[out.MAC]
	switch {
	case c != nil:
		c.in.remove(c)
	case to.len < to.max:
		c = new(cardHistory)
	default: // the memory of the one that was silent longest is used again
		c = to.last
		to.remove(c)
		delete(h.cards, c.mac)
		c.count = 0
	}
	if to.len == to.max { // a stranger became known
		delete(h.cards, to.last.mac)
		to.remove(to.last)
	}
	c.mac = out.MAC
	h.cards[c.mac] = c
	to.push(c)
	c.add(now, subnet, out)
}

func (c *cardHistory) add(now time.Time, subnet string, out *dhcp.Outcome) {
	e := &c.exchanges[c.count%perCard]
	c.count++
	says, told := append(e.out.Says[:0], out.Says...), append(e.out.Told[:0], out.Told...)
	e.time, e.subnet, e.number, e.out = now, subnet, c.count, *out
	e.out.Records, e.out.Reply, e.out.Says, e.out.Told = nil, nil, says, told
}

func (l *cards) push(c *cardHistory) {
	c.in, c.prev, c.next = l, nil, l.first
	if l.first != nil {
		l.first.prev = c
	} else {
		l.last = c
	}
	l.first = c
	l.len++
}

func (l *cards) remove(c *cardHistory) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.last = c.prev
	}
	l.len--
}

// maxRecent bounds one answer.
const maxRecent = 512

// A Which says which exchanges are wanted: those that are all it says.
type Which struct {
	MAC  *lease.MAC `json:"mac,omitempty"`
	Addr netip.Addr `json:"addr,omitzero"`  // asked for, or given
	Name string     `json:"name,omitempty"` // that the client calls itself, or has
}

func (w *Which) matches(out *dhcp.Outcome) bool {
	switch {
	case w.MAC != nil && !slices.Contains([]lease.MAC{out.MAC, out.Card, out.Behind, out.From}, *w.MAC),
		w.Addr.IsValid() && w.Addr != out.Asked && w.Addr != out.Addr:
		return false
	}
	return w.Name == "" || strings.EqualFold(w.Name, out.Name) ||
		strings.EqualFold(w.Name, escape(dhcp.OptionOf(out.Says, packet.OptionHostName)))
}

// exchanges returns the latest of what is remembered, oldest first.
func (s *Service) exchanges(which Which) []Exchange {
	found := []*exchange{}
	for _, c := range s.history.cards {
		for i := range min(c.count, perCard) {
			if e := &c.exchanges[i]; which.matches(&e.out) {
				found = append(found, e)
			}
		}
	}
	slices.SortFunc(found, func(a, b *exchange) int {
		return cmp.Or(a.time.Compare(b.time), slices.Compare(a.out.MAC[:], b.out.MAC[:]),
			cmp.Compare(a.number, b.number))
	})
	all, ahead, filled := []Exchange{}, s.clock.ahead(), map[string]string{}
	for _, l := range s.lans {
		if nearlyFull(s.engine.Stats(s.clock.now(), l.index)) {
			filled[l.Name] = s.filledBy(l)
		}
	}
	for _, e := range found[max(0, len(found)-maxRecent):] {
		x := e.describe()
		x.Time = x.Time.Add(ahead)
		if e.out.Drop == dhcp.DropExhausted || e.out.Drop == dhcp.DropKept {
			x.Filled = filled[x.Subnet]
		}
		all = append(all, x)
	}
	return all
}

// describe returns e for people and their programs.
func (e *exchange) describe() Exchange {
	out := &e.out
	x := Exchange{
		Time: e.time, Subnet: e.subnet, MAC: out.MAC, Type: out.Type.String(),
		State: out.State.String(), Stage: out.Stage.String(), Asked: out.Asked, Agent: out.Agent,
		Says:  dhcp.DescribeOptions(out.Says),
		Class: escape(dhcp.OptionOf(out.Says, packet.OptionVendorClass)),
		Calls: escape(dhcp.OptionOf(out.Says, packet.OptionHostName)), Addr: out.Addr, Name: out.Name,
		File: out.File, From: out.From, Drop: out.Drop.String(), Reason: out.Reason,
	}
	if out.Stage == dhcp.StagePXE || out.Stage == dhcp.StageHTTP || out.Stage == dhcp.StageIPXE {
		x.Arch = out.Arch.String()
	}
	if out.Drop == 0 && out.ReplyType != 0 {
		x.Reply, x.Life, x.Told = out.ReplyType.String(), out.Life, dhcp.DescribeOptions(out.Told)
	}
	if out.MAC != out.Card && out.Type != 0 {
		x.Card = out.Card
	}
	if b := dhcp.OptionOf(out.Says, packet.OptionServerID); len(b) == 4 {
		x.Server = netip.AddrFrom4([4]byte(b))
	}
	if out.Agent.IsValid() {
		x.Port = dhcp.PortOf(out.Says)
	}
	return x
}

// escape writes what is not printable ASCII as Go does: "\x1b".
func escape(b []byte) string {
	quoted := strconv.QuoteToASCII(string(b))
	return quoted[1 : len(quoted)-1]
}
