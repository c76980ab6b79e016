package model

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// Clients is what the DHCP clients of one network get and are told.
type Clients struct {
	Pool      []AddrRange   // addresses for clients without a reservation, disjoint
	Exclude   []AddrRange   // addresses of Pool that nobody gets
	LeaseTime time.Duration // whole seconds
	// how long a stranger is looked for on an address before a new client is offered it; 0: not
	Probe         time.Duration
	RapidCommit   bool           // RFC 4039
	Router        netip.Addr     // their way out; zero: they are told none
	DNS           []netip.Addr   // IPv4 addresses of resolvers
	NTP           []netip.Addr   // IPv4 addresses of time servers
	Search        []string       // domains to look names up in; none: the site's domain alone
	MTU           uint16         // 0: not told
	Routes        []option.Route // further routes on the network
	CaptivePortal string         // URI of the API (RFC 8908) or of "there is none"; "": not told
	IPv6OnlyWait  time.Duration  // RFC 8925, whole seconds; 0: IPv4 is for everybody
	Options       []Option       // further ones, by code
}

// PoolSize returns how many addresses of Pool clients may get.
func (c Clients) PoolSize() int {
	size := 0
	for _, r := range c.Pool {
		size += r.Size()
	}
	for _, x := range disjoint(c.Exclude) {
		for _, r := range c.Pool {
			size -= r.Common(x).Size()
		}
	}
	return size
}

// Common returns the addresses that are in both ranges.
func (r AddrRange) Common(x AddrRange) AddrRange {
	both := AddrRange{r.First, r.Last}
	if both.First.Less(x.First) {
		both.First = x.First
	}
	if x.Last.Less(both.Last) {
		both.Last = x.Last
	}
	if both.Last.Less(both.First) {
		return AddrRange{}
	}
	return both
}

// disjoint returns ranges that together have the same addresses, in their order and
// each address once.
func disjoint(ranges []AddrRange) []AddrRange {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b AddrRange) int {
		return a.First.Compare(b.First)
	})
	var all []AddrRange
	for _, r := range sorted {
		if n := len(all); n > 0 && r.First.Compare(all[n-1].Last) <= 0 {
			if all[n-1].Last.Less(r.Last) {
				all[n-1].Last = r.Last
			}
			continue
		}
		all = append(all, r)
	}
	return all
}

// Relayed is a network that is not the appliance's own: it lies behind a router, and
// a relay agent there (RFC 1542) brings the messages of its DHCP clients here.
type Relayed struct {
	Name    string       // one label, unique among the LANs too
	Network netip.Prefix // masked
	Clients
}

// Subnet is a network whose DHCP clients the appliance serves: that of a LAN, or a
// Relayed one.
type Subnet struct {
	Name    string
	Network netip.Prefix // IPv4, masked
	Clients
}

// Subnets returns the LANs, then the relayed networks.
func (s *Site) Subnets() []Subnet {
	var all []Subnet
	for _, l := range s.LANs {
		all = append(all, Subnet{l.Name, l.IPv4.Masked(), l.Clients})
	}
	for _, r := range s.Relayed {
		all = append(all, Subnet(r))
	}
	return all
}

// Option is a DHCP option that has no key of its own.
type Option struct {
	Code   uint8
	Data   option.Bytes // as on the wire, 1 to 1024 bytes
	Always bool         // sent to clients that do not ask for it too
}

// String returns the option as a person reads it: `66 tftp-server "192.0.2.1"`.
func (o Option) String() string {
	code := fmt.Sprint(o.Code)
	d, _ := option.Define(code)
	text := code + " "
	if d.Name != code {
		text += d.Name + " "
	}
	if text += d.Format(o.Data); o.Always {
		text += ", always"
	}
	return text
}

// HostClient is what one host is told by DHCP beside what everybody on its network is.
type HostClient struct {
	LeaseTime time.Duration // 0: that of the network
	NoRouter  bool          // it is told no way out
	Router    netip.Addr    // its way out of the network that has this address; zero: everybody's
	Options   []Option      // by code; they go before those of the network
	Ports     []Port        // where it is plugged in, if it is known by that
}

// Port is a port of a switch or relay agent that says where a client is plugged in
// (RFC 3046). An empty part may be anything; one is there.
type Port struct {
	Circuit option.Bytes
	Remote  option.Bytes
}

// String returns the port in the form that site.toml has: `circuit "ge-7" remote "sw1"`.
func (p Port) String() string {
	text := ""
	for _, part := range []struct {
		name string
		id   option.Bytes
	}{{"circuit", p.Circuit}, {"remote", p.Remote}} {
		if len(part.id) > 0 {
			text += fmt.Sprintf(" %s %q", part.name, part.id.String())
		}
	}
	return text[min(1, len(text)):]
}

// AsksDHCP reports whether the host gets its addresses by DHCP.
func (h Host) AsksDHCP() bool { return len(h.MACs)+len(h.Ports) > 0 }

// AddrIn returns the host's address on an IPv4 network, the zero Addr if it has none.
func (h Host) AddrIn(network netip.Prefix) netip.Addr {
	for _, a := range h.Addrs {
		if network.Contains(a) {
			return a
		}
	}
	return netip.Addr{}
}
