package dhcp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A said is one message and what became of it, with all that was before it.
type said struct {
	conf    *Config
	sub     *Subnet
	now     time.Time
	in, out message // out is empty unless there is a reply
	o       *Outcome
	book    *book
}

// A rule is something that the RFCs, or our own promises, demand of every reply.
type rule struct {
	says  string
	holds func(x *said) bool
}

// rules is the list: what is checked of each reply, whatever was asked.
func rules() []rule {
	return slices.Concat(rulesOfSilence(), rulesOfTheHeader(), rulesOfOptions(), rulesOfTheAgent(), rulesOfAddresses(), rulesOfTheLease(), rulesOfTheWay())
}

func rulesOfSilence() []rule {
	return []rule{
		{"2131 2: only a BOOTREQUEST is answered", func(x *said) bool { return x.in.raw[0] == 1 }},
		{"2131 2: only Ethernet cards are answered", func(x *said) bool { return x.in.raw[1] == 1 && x.in.raw[2] == 6 && x.in.mac().IsUnicast() }},
		{"2131 4.3: DISCOVER, REQUEST and INFORM are answered, and in kind", func(x *said) bool {
			return x.in.is(packet.Discover) && (x.offer() || x.lease() && x.out.has(80)) || x.in.is(packet.Request) && (x.lease() || x.nak()) || x.told()
		}},
		{"2131 4.3.2: a REQUEST that names another server is not answered", func(x *said) bool {
			return !x.in.is(packet.Request) || !x.named() || x.renewing() || x.ours(x.in.optionAddr(54))
		}},
		{"2131 4.3.2: INIT-REBOOT of a client without record, on its own network, is not answered", func(x *said) bool {
			return !x.in.is(packet.Request) || x.renewing() || x.named() || x.book.heardOf(x) ||
				!x.sub.Prefix.Contains(x.in.optionAddr(50))
		}},
		{"4039 3: rapid commit only where it is switched on, and asked for", func(x *said) bool {
			return x.out.has(80) == (x.in.is(packet.Discover) && x.lease()) && (!x.out.has(80) || x.in.has(80) && x.sub.RapidCommit && len(x.out.options[80]) == 0)
		}},
	}
}

func rulesOfTheHeader() []rule {
	return []rule{
		{"2131 table 3: op, htype, hlen, hops, secs", func(x *said) bool {
			return bytes.Equal(x.out.raw[:4], []byte{2, 1, 6, 0}) && bytes.Equal(x.out.raw[8:10], []byte{0, 0})
		}},
		{"2131 table 3: xid, giaddr and chaddr are the client's", func(x *said) bool {
			return bytes.Equal(x.out.xid(), x.in.xid()) && x.out.giaddr() == x.in.giaddr() && bytes.Equal(x.out.chaddr(), x.in.chaddr())
		}},
		{"2131 table 3: flags are the client's; 4.3.2: a relayed NAK is for broadcast", func(x *said) bool {
			if x.nak() && x.relayed() {
				return x.out.flags() == x.in.flags()|0x8000
			}
			return x.out.flags() == x.in.flags()
		}},
		{"2131 table 3: ciaddr is 0 in OFFER and NAK, the client's or 0 in ACK", func(x *said) bool {
			return x.out.ciaddr().IsUnspecified() || x.acked() && x.out.ciaddr() == x.in.ciaddr() && (x.told() || x.out.ciaddr() == x.out.yiaddr())
		}},
		{"2131 table 3: a NAK has no siaddr and no file", func(x *said) bool {
			return !x.nak() || x.out.siaddr().IsUnspecified() && len(bytes.Trim(x.out.raw[44:236], "\x00")) == 0 || x.out.has(52)
		}},
		{"2131 4.1: every reply has at least 300 bytes, and no more than the client takes", func(x *said) bool {
			return len(x.out.raw) >= 300 && len(x.out.raw) <= x.most()
		}},
		{"2131 4.1, 3396: options can be read by everybody", func(x *said) bool { return x.out.wellFormed() }},
	}
}

func rulesOfOptions() []rule {
	return []rule{
		{"2131 table 3: a server identifier, always, and one of ours", func(x *said) bool { return x.ours(x.out.optionAddr(54)) }},
		{"2131 table 3: options that a server MUST NOT send", func(x *said) bool {
			return !x.out.has(50) && !x.out.has(55) && !x.out.has(57)
		}},
		{"2131 table 3: a NAK says why and nothing else", func(x *said) bool {
			return !x.nak() || x.out.has(56) && !slices.ContainsFunc(x.out.order, func(c byte) bool { return !slices.Contains([]byte{52, 53, 54, 56, 61, 82}, c) })
		}},
		{"2132 3.3: a mask, the network's, and before the router", func(x *said) bool {
			mask, ok := x.out.number(1)
			return x.nak() || ok && mask == ^uint32(0)<<(32-x.sub.Prefix.Bits()) &&
				(!x.out.has(3) || slices.Index(x.out.order, 1) < slices.Index(x.out.order, 3))
		}},
		{"6842 3: the client identifier comes back as it was, if there is room", func(x *said) bool {
			id, sent := x.in.options[61]
			back, got := x.out.options[61]
			return got && sent && bytes.Equal(id, back) || !got && (!sent || !x.room(encoded(id)+x.agentRoom()))
		}},
		{"8925 3.3: option 108 only to those who ask for it", func(x *said) bool {
			return !x.out.has(108) || bytes.IndexByte(x.in.options[55], 108) >= 0
		}},
		{"3442: with routes, the way out is among them if it is told at all", func(x *said) bool {
			return !x.out.has(121) || !x.out.has(3) || bytes.Contains(x.out.options[121], append([]byte{0}, x.out.options[3]...))
		}},
		{"nobody is told a name that it gave itself", func(x *said) bool {
			return !x.out.has(12) || slices.ContainsFunc(x.conf.Hosts, func(h Host) bool { return h.Name == string(x.out.options[12]) && h.asks() })
		}},
	}
}

func rulesOfTheAgent() []rule {
	return []rule{
		{"3046 2.2: what the agent said comes back as it was, if there is room", func(x *said) bool {
			said, sent := x.in.options[82]
			back, got := x.out.options[82]
			return got && sent && bytes.Equal(said, back) || !got && (!sent || !x.room(encoded(said)))
		}},
		{"3046 2.2: it is the last option", func(x *said) bool {
			return !x.out.has(82) || x.out.has(52) || x.out.order[len(x.out.order)-1] == 82
		}},
	}
}

func rulesOfAddresses() []rule {
	return []rule{
		{"2131 table 3: NAK and ACK of an INFORM give no address", func(x *said) bool {
			return x.offer() || x.lease() || x.out.yiaddr().IsUnspecified()
		}},
		{"two hosts behind one card are two clients", func(x *said) bool {
			pair := [2]lease.MAC{x.in.mac(), {}}
			if x.client() != x.in.mac() {
				pair[1] = lease.MAC(x.in.options[61][1:])
			}
			is, known := x.book.cards[x.o.MAC]
			x.book.cards[x.o.MAC] = pair
			return !known || is == pair
		}},
		{"an address is of the pool, or the client's own", func(x *said) bool { return !x.gives() || x.mayHave(x.out.yiaddr()) }},
		{"2131 4.3.1: what another has a lease of is not given", func(x *said) bool {
			l := x.book.leases[x.out.yiaddr()]
			return !x.gives() || !l.Running(x.now) || l.MAC == x.client() || x.conf.sameHost(l.MAC, x.client()) || x.o.Name != "" && x.o.Name == l.Name
		}},
		{"2131 4.3.3: what was declined is not given", func(x *said) bool {
			l := x.book.leases[x.out.yiaddr()]
			return !x.gives() || l.State != lease.Declined || !x.now.Before(l.Until)
		}},
		{"2131 4.3.1: who has a lease is offered that", func(x *said) bool {
			had, ok := x.book.of(x.client(), x.sub.Prefix, x.now)
			return !x.offer() || !ok || x.out.yiaddr() == had || x.conf.host(x.client()) != nil || x.relayed()
		}},
		{"2131 4.3.2: who asks for an address gets that one or none", func(x *said) bool {
			if !x.in.is(packet.Request) || !x.lease() {
				return true
			}
			if x.renewing() {
				return x.out.yiaddr() == x.in.ciaddr()
			}
			return x.out.yiaddr() == x.in.optionAddr(50)
		}},
		{"2131 4.3.2: who is on the wrong network is refused", func(x *said) bool {
			return !x.in.is(packet.Request) || x.nak() || x.sub.Prefix.Contains(x.out.yiaddr())
		}},
	}
}

func rulesOfTheLease() []rule {
	return []rule{
		{"2131 table 3: a lease time in OFFER and ACK, but not of an INFORM, nor in NAK", func(x *said) bool {
			return x.out.has(51) == (x.offer() || x.lease()) && (x.out.has(51) || !x.out.has(58) && !x.out.has(59))
		}},
		{"2131 4.4.5: T1 before T2 before the end", func(x *said) bool {
			t1, _ := x.out.number(58)
			t2, _ := x.out.number(59)
			life, ok := x.out.number(51)
			return !ok || 0 < t1 && t1 < t2 && t2 < life
		}},
		{"2131 4.3.1: the lease time is what was asked for, within bounds", func(x *said) bool {
			life, ok := x.out.number(51)
			most := uint32(x.longest() / time.Second)
			if asked, wish := x.in.number(51); wish && asked > 0 {
				most = min(most, max(asked, uint32(MinLeaseTime/time.Second)))
			}
			return !ok || life == most
		}},
		{"2131 3.1.4: an ACK, and only an ACK, gives a lease, that lasts as long as the client is told", func(x *said) bool {
			n := len(x.o.Records)
			if !x.lease() {
				return n == 0
			}
			life, _ := x.out.number(51)
			l := x.o.Records[max(0, n-1):]
			return n > 0 && l[0].State == lease.Bound && l[0].Addr == x.out.yiaddr() && l[0].MAC == x.client() &&
				!l[0].Until.Before(x.now.Add(time.Duration(life)*time.Second))
		}},
		{"what else changes are leases that the client gives up", func(x *said) bool {
			for _, l := range x.o.Records[:max(0, len(x.o.Records)-1)] {
				if l.State != lease.Free || l.MAC != x.client() {
					return false
				}
			}
			return true
		}},
	}
}

func rulesOfTheWay() []rule {
	return []rule{{"2131 4.1: where the reply goes", func(x *said) bool {
		switch to := x.o.To; {
		case x.relayed():
			return to == Destination{Via: Relay, IP: x.in.giaddr()}
		case x.nak():
			return to == Destination{Via: Broadcast}
		case x.told() || x.lease() && x.renewing() && (!x.in.has(50) && !x.named() || x.sub.Relayed): // and not to what it only claims
			return to == Destination{Via: Routed, IP: x.in.ciaddr()} && x.sub.Prefix.Contains(to.IP)
		case x.in.flags()&0x8000 != 0:
			return to == Destination{Via: Broadcast}
		default:
			return to == Destination{Via: Direct, IP: x.out.yiaddr(), MAC: x.in.mac()}
		}
	}}}
}

// client is what the client is known by: its card, or for a host without one, by RFC 2132 9.14, a name that
// no other pair of cards has.
func (x *said) client() lease.MAC {
	card, id := x.in.mac(), x.in.options[61]
	if len(id) != 7 || id[0] != 1 || x.conf.host(card) != nil || lease.MAC(id[1:]) == card || !lease.MAC(id[1:]).IsUnicast() {
		return card
	}
	return x.o.MAC
}

// named reports whether a server is named: 0.0.0.0 is none.
func (x *said) named() bool {
	return x.in.has(54) && !bytes.HasPrefix(x.in.options[54], make([]byte, 4))
}

// renewing reports whether a REQUEST is of the states RENEWING and REBINDING: by table 4 of RFC 2131 it has
// ciaddr and neither 50 nor 54. What has one of them, 50 the same as ciaddr, is taken for one.
func (x *said) renewing() bool {
	return x.in.is(packet.Request) && !x.in.ciaddr().IsUnspecified() && (!x.in.has(50) || !x.named() && x.in.optionAddr(50) == x.in.ciaddr())
}

func (x *said) relayed() bool { return !x.in.giaddr().IsUnspecified() }
func (x *said) offer() bool   { return x.out.is(packet.Offer) }
func (x *said) nak() bool     { return x.out.is(packet.NAK) }
func (x *said) acked() bool   { return x.out.is(packet.ACK) }
func (x *said) told() bool    { return x.acked() && x.in.is(packet.Inform) }
func (x *said) lease() bool   { return x.acked() && !x.in.is(packet.Inform) }
func (x *said) gives() bool   { return x.offer() || x.lease() }

// most is how long a reply may be: what the client takes, without IP and UDP headers.
func (x *said) most() int {
	if b := x.in.options[57]; len(b) >= 2 {
		return max(548, min(int(binary.BigEndian.Uint16(b)), 1500)-28)
	}
	return 548
}

// room reports whether n bytes of options surely fit, besides those that tell what
// the reply is, overload and End.
func (x *said) room(n int) bool { return 240+3+6+n+3+1 <= x.most() }

// agentRoom is what the agent's option takes, if it is to come back.
func (x *said) agentRoom() int {
	if !x.in.has(82) {
		return 0
	}
	return encoded(x.in.options[82])
}

// ours reports whether a is a server identifier of this server: an address of its own,
// or what the agent wants it to be called (RFC 5107).
func (x *said) ours(a netip.Addr) bool {
	if x.relayed() {
		for b := x.in.options[82]; len(b) >= 2 && len(b) >= 2+int(b[1]); b = b[2+int(b[1]):] {
			if b[0] == 11 && bytes.Equal(b[2:2+int(b[1])], a.AsSlice()) {
				return true
			}
		}
	}
	return a.IsValid() && slices.ContainsFunc(x.conf.Subnets, func(s Subnet) bool { return s.Address == a })
}

// longest is the longest lease that the client may have.
func (x *said) longest() time.Duration {
	for _, h := range x.conf.Hosts {
		if h.Name == x.o.Name && h.LeaseTime > 0 || slices.Contains(h.MACs, x.client()) && h.LeaseTime > 0 {
			return h.LeaseTime
		}
	}
	return x.sub.LeaseTime
}

// mayHave reports whether the client may ever get a.
func (x *said) mayHave(a netip.Addr) bool {
	for _, h := range x.conf.Hosts {
		if slices.Contains(h.Addrs, a) {
			return slices.Contains(h.MACs, x.client()) || len(h.Ports) > 0 && x.o.Name == h.Name
		}
	}
	s := x.sub
	nobodys := slices.Concat([]netip.Addr{s.Address, s.Router, s.Prefix.Addr(), lastAddr(s.Prefix)}, s.DNS, s.NTP)
	return s.Prefix.Contains(a) && !slices.Contains(nobodys, a) && slices.ContainsFunc(s.Pool, func(r lease.Range) bool { return !a.Less(r.First) && !r.Last.Less(a) })
}

// host returns the host that has the card.
func (c *Config) host(m lease.MAC) *Host {
	if i := slices.IndexFunc(c.Hosts, func(h Host) bool { return slices.Contains(h.MACs, m) }); i >= 0 {
		return &c.Hosts[i]
	}
	return nil
}

func (c *Config) sameHost(a, b lease.MAC) bool { return c.host(a) != nil && c.host(a) == c.host(b) }

// A book is what an obvious server would remember: the last record of each address.
type book struct {
	leases map[netip.Addr]lease.Lease
	cards  map[lease.MAC][2]lease.MAC
	ever   map[lease.MAC]bool // cards with any record, or that were once behind a port
}

func newBook() *book {
	return &book{map[netip.Addr]lease.Lease{}, map[lease.MAC][2]lease.MAC{}, map[lease.MAC]bool{}}
}

func (b *book) write(records []lease.Lease) {
	for _, l := range records {
		b.leases[l.Addr] = l
		b.ever[l.MAC] = true
	}
}

// heardOf reports whether the server may know the client: by a lease, or as a host, also by the port.
func (b *book) heardOf(x *said) bool {
	return x.relayed() || b.ever[x.client()] || x.conf.host(x.client()) != nil || x.o.Name != ""
}

// of returns the running lease of a card in a network, if it has exactly one.
func (b *book) of(m lease.MAC, in netip.Prefix, now time.Time) (addr netip.Addr, ok bool) {
	n := 0
	for a, l := range b.leases {
		if l.MAC == m && l.Running(now) && in.Contains(a) {
			addr, n = a, n+1
		}
	}
	return addr, n == 1
}

// check holds all rules against what was said, and writes what was decided into the book.
func (x *said) check() (err error) {
	defer func() {
		x.book.write(x.o.Records)
		if len(x.in.raw) >= 240 && x.relayed() {
			x.book.ever[x.client()] = true
		}
	}()
	if len(x.o.Reply) == 0 {
		return x.checkSilence()
	}
	if x.o.Drop != 0 {
		return fmt.Errorf("dropped because %s, and answered", x.o.Reason)
	}
	if x.in, _ = readMessage(x.in.raw); x.in.options == nil {
		return errors.New("an answer to what is no message")
	}
	if x.out, err = readMessage(x.o.Reply); err != nil {
		return fmt.Errorf("the answer: %w", err)
	}
	for _, r := range rules() {
		if !r.holds(x) {
			return fmt.Errorf("broken is: %s\nasked %x\n%q\nanswered %x\n%q", r.says, x.in.raw, Describe(x.in.raw), x.out.raw, Describe(x.out.raw))
		}
	}
	return nil
}

// checkSilence checks what has no reply: that it changes nothing, but for what a
// client gives back.
func (x *said) checkSilence() error {
	if x.o.Drop != 0 && (len(x.o.Records) > 0 || x.o.Reason == "") {
		return fmt.Errorf("dropped because %q, with records %v", x.o.Reason, x.o.Records)
	}
	for _, l := range x.o.Records {
		want := map[packet.MessageType]lease.State{packet.Release: lease.Free, packet.Decline: lease.Declined}
		state, may := want[x.o.Type]
		had := x.book.leases[l.Addr]
		if !may || l.State != state || l.MAC != x.o.MAC || had.MAC != l.MAC || !had.Running(x.now) {
			return fmt.Errorf("%s in silence wrote %+v, before it was %+v", x.o.Type, l, had)
		}
	}
	return nil
}
