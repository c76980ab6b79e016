package firewall

import (
	"net/netip"
	"slices"
)

// Box is the name by which [Endpoint.Zones] in [Rule.To] mean the appliance itself. No [Zone] may carry it.
const Box = "box"

// A Policy says who may start a conversation with whom. The first of Rules that speaks of a conversation
// decides, then Forwards, then Defaults; what none of them allows is refused, in IPv4 as in IPv6. Replies to
// what is allowed always pass. The appliance itself may send anything but private sources to the outside. Its
// JSON form round-trips.
type Policy struct {
	Zones      []Zone       `json:"zones"`
	Sets       []AddressSet `json:"sets,omitempty"`
	Rules      []Rule       `json:"rules,omitempty"`
	Forwards   []Forward    `json:"forwards,omitempty"`
	Defaults   []Rule       `json:"defaults,omitempty"`
	OneToOne   []OneToOne   `json:"one_to_one,omitempty"`
	Masquerade []Masquerade `json:"masquerade,omitempty"`
	// OwnKnown says that [Zone.Own] of all zones, and what is outside in OneToOne, are all IPv4 addresses of
	// the appliance, and as lasting as the policy: what is to it is compared with them in place of a look
	// into the routes.
	OwnKnown bool `json:"own_known,omitempty"`
	// Log bounds each rule that logs; zero: nothing is logged.
	Log Rate `json:"log,omitzero"`
	// Flood bounds the TCP conversations that one source outside may start; zero: no bound.
	Flood Rate `json:"flood,omitzero"`
	// Share is how many conversations one source should have at most: an IPv4 address, an IPv6 /64, and of a
	// host on a LAN in IPv6 its card. Zero: no bound.
	Share uint32 `json:"share,omitempty"`
	// Neighbours bound who is a neighbour of the appliance.
	Neighbours Neighbours `json:"neighbours,omitzero"`
}

// A Zone is a set of networks that are trusted alike: whole interfaces, or some networks behind interfaces of
// another zone.
type Zone struct {
	Name       string   `json:"name"`       // letters, digits and '-', starting with a letter; never [Box]
	Interfaces []string `json:"interfaces"` // kernel names; they need not exist yet
	// Networks, if there are any, make a zone of only these networks behind Interfaces, which are then those
	// of another zone without Networks. Of one interface no two zones' networks overlap.
	Networks []netip.Prefix `json:"networks,omitempty"`
	// of a zone with Networks the same as that of its interfaces' zone
	Refuse Refusal `json:"refuse"`
	// Own are the appliance's addresses here as far as they are known beforehand.
	Own []netip.Addr `json:"own,omitempty"`
	// OnLink are the IPv4 networks of the link, and single addresses that are on it all the same. ARP by
	// others is refused; none: they are not known yet. Outside they are those of IPv6 too; on LANs all of
	// IPv6 that no route leads elsewhere is taken for it.
	OnLink []netip.Prefix `json:"on_link,omitempty"`
	// Direct are those of OnLink, of a zone of one interface, that have no part behind another link or
	// router: a source in one of them is compared with it in place of a look into the routes.
	Direct []netip.Prefix `json:"direct,omitempty"`
	// Routed are the networks behind further routers on its link, of a zone of one interface. Between these
	// and the link the appliance may see half of a conversation only. What lies there by another link is left
	// out.
	Routed []netip.Prefix `json:"routed,omitempty"`
	// Outside is a zone of strangers: what starts there is held against Bogons and [Policy.Flood], and no
	// private source leaves through it.
	Outside bool `json:"outside,omitempty"`
	// Bogons are networks that no stranger can be in; see [Martians] and [SpecialPurpose].
	Bogons []netip.Prefix `json:"bogons,omitempty"`
	// RouterAdverts accepts RAs from routers of this zone (RFC 4861, 4.2): a WAN that configures itself from
	// them.
	RouterAdverts bool `json:"router_adverts,omitempty"`
	// DHCP and DHCPv6 accept the answers to a client of ours in this zone, which belong to no conversation:
	// they come to everybody, or before there is an address (RFC 2131, 4.1; RFC 8415, 18.2.10).
	DHCP   bool `json:"dhcp,omitempty"`
	DHCPv6 bool `json:"dhcpv6,omitempty"`
	// Tunnels are those of Interfaces that are tunnels or PPP: the MSS that TCP announces is lowered to what
	// fits the way through them (RFC 4459, 3.2), they take no short cut, and no client of ours asks for
	// addresses there.
	Tunnels []string `json:"tunnels,omitempty"`
}

// cards are the interfaces of z but tunnels.
func (z Zone) cards() []string {
	return slices.DeleteFunc(slices.Clone(z.Interfaces),
		func(i string) bool { return slices.Contains(z.Tunnels, i) })
}

// Shortcuts are the interfaces that a flowtable may join: those of whole zones but tunnels, whose packets
// have a further header to get.
func (p Policy) Shortcuts() []string {
	var names []string
	for _, z := range p.Zones {
		if len(z.Networks) == 0 {
			names = append(names, z.cards()...)
		}
	}
	return names
}

// A Refusal is how a zone is told that its packet was not allowed.
type Refusal string

// The refusals. The zero value is an error, so that nobody gets one by forgetting the other.
const (
	Drop Refusal = "drop" // silence: for a zone of strangers
	// TCP reset, else ICMP "administratively prohibited": programs of our own hosts fail at once
	Reject Refusal = "reject"
)

// An AddressSet is networks of either family by one name. They may overlap.
type AddressSet struct {
	Name     string         `json:"name"` // as that of a [Rule]
	Networks []netip.Prefix `json:"networks"`
	// Live sets can be replaced while the rules stay; they may be empty.
	Live bool `json:"live,omitempty"`
}

// A Rule speaks of the conversations from one place to another.
type Rule struct {
	// Name is unique among rules and forwards: letters, digits, '-' and '.', starting with a letter, at most
	// 80. It names the counter, which outlives a reload, and the lines of the log.
	Name   string     `json:"name"`
	Action Action     `json:"action"`
	From   []Endpoint `json:"from"` // any of them
	// any of them; zones may include [Box], and the zones of From
	To []Endpoint `json:"to"`
	// any of them; none: everything, but towards [Box] it must be spelt out
	Services []Service `json:"services,omitempty"`
	// of Allow: new conversations; above it the rule does not speak of them. Zero: no bound
	Rate   Rate   `json:"rate,omitzero"`
	Log    bool   `json:"log,omitempty"`
	Origin string `json:"origin,omitempty"` // the line of the site it comes from
}

// An Action is what a [Rule] says.
type Action string

// The actions. The zero value is an error.
const (
	Allow Action = "allow"
	Deny  Action = "deny" // as the zone of the source wants it: by [Drop] or [Reject]
)

// An Endpoint is one side of conversations: any of Zones and, if there are Addresses or Sets, any of these in
// it.
type Endpoint struct {
	Zones     []string       `json:"zones"`
	Addresses []netip.Prefix `json:"addresses,omitempty"` // masked; of either family
	Sets      []string       `json:"sets,omitempty"`      // names of [Policy.Sets]
}

// A Forward makes a service of one host reachable from other zones: in IPv4 at the appliance's own addresses,
// whose port it takes over, in IPv6 at the host's own address. It allows what it translates.
type Forward struct {
	Name   string    `json:"name"`   // as that of a [Rule]
	From   []string  `json:"from"`   // zones where it is offered
	Protos []Proto   `json:"protos"` // that have ports, each once
	Ports  PortRange `json:"ports"`
	// To are the host's addresses: at most one IPv4 address.
	To []netip.Addr `json:"to"`
	// ToPort is the host's port, 0: the same. Only of a single port.
	ToPort uint16 `json:"to_port,omitempty"`
	// Zone is where the host is.
	Zone string `json:"zone"`
	// Hairpin are zones of ours that may use the outside address too. They reach what is no [Zone.Own] of a
	// zone that is not Outside.
	Hairpin []string `json:"hairpin,omitempty"`
	// Sources, if any, are who may use it.
	Sources Sources `json:"sources,omitzero"`
	Rate    Rate    `json:"rate,omitzero"`
	Log     bool    `json:"log,omitempty"`
	Origin  string  `json:"origin,omitempty"`
}

// Sources are the addresses of an [Endpoint] without its zones. Empty: everybody.
type Sources struct {
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Sets      []string       `json:"sets,omitempty"`
}

// A OneToOne gives a host an IPv4 address of its own outside, in both directions. What may reach the host
// there is for rules to allow, by the host's own address.
type OneToOne struct {
	Outside netip.Addr `json:"outside"`
	Inside  netip.Addr `json:"inside"`
	Zone    string     `json:"zone"`              // where Outside is
	Host    string     `json:"host"`              // the zone that Inside is in
	Hairpin []string   `json:"hairpin,omitempty"` // zones of ours that may use Outside too
	Origin  string     `json:"origin,omitempty"`
}

// A Masquerade gives IPv4 conversations from any zone of From to zone To the address of the interface they
// leave by. Private sources that it does not translate never leave through To.
type Masquerade struct {
	From []string `json:"from"`
	To   string   `json:"to"`
	// Address is that address, if it is the only one and as lasting as the policy: the kernel then need not
	// look for it at each beginning. It does not end such conversations when the address goes; whoever takes
	// it away does.
	Address netip.Addr `json:"address,omitzero"`
}

// A Rate is a token bucket: Count per unit of time on average, Burst at once. The zero Rate means none.
type Rate struct {
	Count uint32 `json:"count"`
	Per   Unit   `json:"per"`
	Burst uint32 `json:"burst"`
}

// A Unit is the time that a [Rate] counts in.
type Unit string

// The units.
const (
	Second Unit = "second"
	Minute Unit = "minute"
	Hour   Unit = "hour"
)

// Seconds is the length of u, 0 for none of the units.
func (u Unit) Seconds() int {
	return map[Unit]int{Second: 1, Minute: 60, Hour: 3600}[u]
}
