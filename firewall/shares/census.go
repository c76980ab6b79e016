package shares

import (
	"math/bits"
	"net/netip"
)

// A Card is the hardware address of a host on a LAN.
type Card [6]byte

// A Source is somebody who begins conversations, as far as one can be told from another: an IPv4 address, a
// card on a LAN with all of its IPv6 addresses, an IPv6 address there whose card is not known, or else an
// IPv6 /64 (RFC 6177: who has one address there has all). Either Prefix or Card is set.
type Source struct {
	Prefix netip.Prefix
	Card   Card
}

// A Conversation is what counts of one.
type Conversation struct {
	Source  netip.Addr // who began it
	Phase   Phase
	Packets uint64 // of both sides so far
}

// A Phase is how much a conversation is worth to its ends. When some are to go, those of the first phase go
// first, and of one phase those of the fewest packets.
type Phase uint8

// The phases.
const (
	Ended      Phase = iota // TCP that both sides have closed
	Unanswered              // it has not gone both ways for some time
	Going
	numPhases
)

// maxAddrs is how many addresses of a source are noted.
const maxAddrs = 64

const sourceBits = 64 // of an IPv6 address

// Places say whose an address is.
type Places struct {
	Own  map[netip.Addr]bool // the appliance's
	Card map[netip.Addr]Card // of hosts on LANs
	LANs []netip.Prefix      // IPv6 networks that several hosts share
}

// source is whose conversations those of an address are.
func (p Places) source(a netip.Addr) Source {
	if a.Is4() {
		return Source{Prefix: netip.PrefixFrom(a, a.BitLen())}
	}
	if c, ok := p.Card[a]; ok {
		return Source{Card: c}
	}
	bits := sourceBits
	for _, lan := range p.LANs {
		if lan.Contains(a) {
			bits = a.BitLen()
		}
	}
	return Source{Prefix: netip.PrefixFrom(a.WithZone(""), bits).Masked()}
}

// A Census is who has how many conversations. Its size grows with the number of sources.
type Census struct {
	places     Places
	total, own int
	sources    map[Source]*held
}

type held struct {
	count int
	ended int // of count
	addr  netip.Addr
	addrs []netip.Addr // of IPv6, when there is something to refuse
}

// NewCensus begins one.
func NewCensus(p Places) *Census { return &Census{places: p, sources: map[Source]*held{}} }

// Add counts a conversation.
func (c *Census) Add(conversation Conversation) {
	a := conversation.Source.Unmap()
	c.total++
	if a.IsLoopback() || c.places.Own[a] {
		c.own++
		return
	}
	s := c.places.source(a)
	h := c.sources[s]
	if h == nil {
		h = &held{addr: a}
		c.sources[s] = h
	}
	h.count++
	if conversation.Phase == Ended {
		h.ended++
	}
	if a.Is6() && h.count >= Little && len(h.addrs) < maxAddrs && !h.has(a) {
		h.addrs = append(h.addrs, a)
	}
}

func (h *held) has(a netip.Addr) bool {
	for _, known := range h.addrs {
		if known == a {
			return true
		}
	}
	return false
}

// counts are what the sources have.
func (c *Census) counts() []int {
	all := make([]int, 0, len(c.sources))
	for _, h := range c.sources {
		all = append(all, h.count)
	}
	return all
}

// A Cut chooses which conversations go: so many of each source, the least of them first. All are added, and
// then asked for one by one.
type Cut struct {
	places Places
	excess map[Source]int
	ranks  map[Source]*[numRanks]int // how many conversations there are of each rank
}

const (
	packetRanks = 16
	numRanks    = int(numPhases) * packetRanks
)

// NewCut begins one.
func NewCut(p Places, excess map[Source]int) *Cut {
	return &Cut{places: p, excess: excess, ranks: map[Source]*[numRanks]int{}}
}

// rank is the lower the less a conversation is worth: within a phase by the logarithm of its packets.
func (c Conversation) rank() int {
	return int(min(c.Phase, numPhases-1))*packetRanks + min(bits.Len64(c.Packets), packetRanks-1)
}

// Add takes note of a conversation.
func (c *Cut) Add(conversation Conversation) {
	s := c.places.source(conversation.Source.Unmap())
	if c.excess[s] == 0 {
		return
	}
	if c.ranks[s] == nil {
		c.ranks[s] = &[numRanks]int{}
	}
	c.ranks[s][conversation.rank()]++
}

// Done is to be called between Add and Goes: it makes of the numbers of conversations how many of each rank
// go.
func (c *Cut) Done() {
	for s, ranks := range c.ranks {
		left := c.excess[s]
		for i, n := range ranks {
			ranks[i] = min(n, left)
			left -= ranks[i]
		}
	}
}

// Goes reports whether a conversation is one of those that go.
func (c *Cut) Goes(conversation Conversation) bool {
	ranks := c.ranks[c.places.source(conversation.Source.Unmap())]
	if ranks == nil || ranks[conversation.rank()] == 0 {
		return false
	}
	ranks[conversation.rank()]--
	return true
}
