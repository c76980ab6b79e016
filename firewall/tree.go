package firewall

import "time"

// A Table is a ruleset of one family: the root of the tree.
type Table struct {
	Name       string
	Family     Family   // of which packets
	Counters   []string // each counter that a rule names, once
	Helpers    []Helper // and each helper that a rule assigns
	Flowtables []Flowtable
	Sets       []Set
	Maps       []Map
	Chains     []Chain
}

// A Family is what packets a table is asked about.
type Family uint8

// The families.
const (
	Inet Family = iota // IPv4 and IPv6
	ARP
)

// A Flowtable is where the kernel keeps conversations that take a short cut from one device to another, past
// all rules (Documentation/networking/nf_flowtable.rst).
type Flowtable struct {
	Name    string
	Devices []string // they must exist when the table is loaded
}

// A Set is a named collection of keys; a [Match] asks whether a packet's fields are one of them.
type Set struct {
	Name     string
	Key      []Field // several: a concatenation
	Interval bool    // its values may be prefixes and ranges, which must not overlap
	Elements []Element

	// Kept says that the elements are not the tree's: whoever bans an address adds one, or the kernel does,
	// as a [Meter] wants it. A load makes the set if it is not there, and else leaves it as it is.
	Kept    bool
	Expires bool          // each element of a Kept set has a time to live
	Timeout time.Duration // of an element for which nobody said another; 0: for ever
	Dynamic bool          // a Meter fills it
	Size    uint32        // most elements; 0: no bound
}

// A Map gives each of its keys a verdict or an address: one lookup however many there are. [VerdictDispatch],
// [VerdictDNAT] and [VerdictSNAT] use it.
type Map struct {
	Name     string
	Key      []Field // what is looked up, in this order
	Data     []Kind  // what the elements have: KindIPv4, or KindIPv4 and KindPort; nil: verdicts
	Interval bool    // its keys may be ranges, which must not overlap
	Elements []Element
}

// An Element is a key of a Set or Map.
type Element struct {
	Key     []Value // one per field of the Set's or Map's key
	Verdict Verdict // of a Map without Data: accept, drop, jump or goto
	Data    []Value // of a Map with Data
}

// A Chain is a list of rules, tried from the top. Without Hook it is reached by jump, goto or a Map.
type Chain struct {
	Name  string
	Hook  *Hook
	Rules []TreeRule
}

// A Hook is where the kernel runs a chain.
type Hook struct {
	Type     ChainType
	Point    Point
	Priority int         // lower is earlier; the named ones are constants here
	Policy   VerdictKind // accept or drop: the fate of a packet that no rule decided
}

// A ChainType is what a hooked chain may do.
type ChainType string

// The chain types.
const (
	Filter ChainType = "filter"
	NAT    ChainType = "nat" // sees the first packet of a conversation only
)

// A Point is a place on a packet's way through the kernel.
type Point string

// The points, in the order a forwarded packet meets them.
const (
	Prerouting  Point = "prerouting"
	Input       Point = "input"
	Forwarding  Point = "forward"
	Output      Point = "output" // where what the appliance sends begins
	Postrouting Point = "postrouting"
)

// Priorities of hooks (include/uapi/linux/netfilter_ipv4.h). Conntrack sits at -200: Raw is before it, all
// others after.
const (
	PriorityRaw    = -300
	PriorityMangle = -150
	PriorityDstNAT = -100
	PriorityFilter = 0
	PrioritySrcNAT = 100
)

// A TreeRule gives its verdict to the packets that all its matches accept. Parts apply in the order of the
// fields.
type TreeRule struct {
	Matches []Match
	Meter   *Meter
	Learn   *Learn
	Limit   Rate // zero: none; above the rate the rule does not apply
	// non-empty: count what got this far in the counter of this name; several rules may share one
	Counter string
	Log     string // non-empty: hand the packet to NFLOG group [LogGroup] with this prefix
	// not zero: the conversation that the packet begins gets it, if it is of the helper's protocol
	Helper  Helper
	Verdict Verdict
	// what the rule is for: that of the policy's rule or forward, or a few words of what is always done
	Name   string
	Origin string // the line of the site that the rule comes from; "" for what is always done
}

// Comment is what the kernel keeps with the rule: its name and its origin, at most 127 bytes, no quote.
func (r TreeRule) Comment() string {
	if r.Origin == "" {
		return cut(r.Name, maxComment)
	}
	return cut(r.Name+" ("+r.Origin+")", maxComment)
}

// LogGroup is the NFLOG group (nfnetlink_log) that all rules log to. The prefix is the rule's name.
const LogGroup = 1

// A Meter counts packets by Key in a dynamic Set of the same key, and matches those above its rate.
type Meter struct {
	Set  string
	Key  Field
	Bits int  // of an address only the first ones; 0: all
	Link bool // per interface that they came by, which the Set's key begins with
	Rate Rate
}

// Fields are the key of m's Set.
func (m Meter) Fields() []Field {
	if m.Link {
		return []Field{IIFName, m.Key}
	}
	return []Field{m.Key}
}

// A Learn puts what a packet has of Key into a dynamic Set of the same key, or makes it young again there.
// The rule goes no further when the Set is full.
type Learn struct {
	Set string
	Key []Field
}

// A Match compares fields of a packet with values, or with the keys of a named set.
type Match struct {
	Fields []Field // several (a concatenation): only with Set
	Not    bool    // only with Set, or with one Value that is no range and not of bits
	Mask   uint32  // of TCPFlags: compare only these bits with the one Value; 0: all
	Bits   int     // of an address with Set: look up only the first bits; 0: all
	Values []Value // any of them; several only of kinds that are no names and no bits
	Set    string
}

// A Verdict is what happens to a packet.
type Verdict struct {
	Kind VerdictKind
	// of Jump and Goto a chain, of Dispatch, DNAT and SNAT a Map, of Offload a Flowtable, of Source an
	// address
	Target string
}

// A VerdictKind is a verdict without its target.
type VerdictKind uint8

// The verdicts. VerdictNone, VerdictOffload, VerdictClampMSS and VerdictNoTrack go on with the next rule.
const (
	VerdictNone        VerdictKind = iota
	VerdictAccept                  // the packet passes this hook
	VerdictDrop                    // and nobody is told
	VerdictRejectICMP              // and the sender gets ICMP or ICMPv6 "administratively prohibited"
	VerdictRejectReset             // and the sender gets a TCP reset; the rule must match TCP
	VerdictJump                    // go to the chain Target and come back
	VerdictGoto                    // go to the chain Target for good
	VerdictDispatch                // the verdict that the map Target has for this packet, if any
	VerdictMasquerade              // the source becomes the address of the outgoing interface
	// the IPv4 destination becomes what the map Target has for this packet, if anything
	VerdictDNAT
	VerdictSNAT     // and so the IPv4 source
	VerdictSource   // the source becomes the IPv4 address Target
	VerdictOffload  // the conversation takes the short cut of the flowtable Target from now on
	VerdictClampMSS // the MSS option of the packet becomes what fits its way
	VerdictNoTrack  // conntrack leaves the packet alone: its state is CTUntracked
	numVerdicts
)

// A Count is what a counter has counted.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"` // of whole IP packets
}
