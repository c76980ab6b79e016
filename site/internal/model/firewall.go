package model

import (
	"net/netip"
	"slices"
)

// The firewall's names for what is no network of the site.
const (
	ZoneWAN = "wan" // the upstream link
	ZoneBox = "box" // the appliance itself
	ZoneAny = "any" // every zone, in rules
)

// Firewall is what the site says beside the defaults of a router: LANs reach WAN and the services of the
// appliance, and nobody else reaches anything.
type Firewall struct {
	// conversations that one source may have; 0: no bound; nil: a part of what there is room for
	Share      *int
	Masquerade []string       // names of the LANs whose IPv4 hosts have the appliance's address upstream
	Zones      []FirewallZone // the site's own, beside LANs and WAN
	Services   []Service      // the site's own, beside those of Services, in the order of the file
	Groups     []AddressSet   // in the order of the file
	Lists      []AddressSet   // read from files
	Rules      []FirewallRule // in the order of the file; the first that speaks of a conversation decides
	Forwards   []PortForward  //
	OneToOne   []OneToOne     //
}

// FirewallZone is some networks behind a LAN that are trusted in a way of their own.
type FirewallZone struct {
	Name     string
	LAN      string         // the name of the LAN that they are on or behind
	Networks []netip.Prefix // masked
}

// AddressSet is networks by one name.
type AddressSet struct {
	Name     string
	File     string         // that a list was read from, within the site; "" for a group
	Networks []netip.Prefix // masked, sorted, none within another
}

// FirewallRule speaks of conversations from any of From to any of To.
type FirewallRule struct {
	Name     string // unique among rules and forwards
	Deny     bool
	From, To []FirewallEnd
	Services []Service // none: everything
	Log      bool
	Rate     Rate   // of new conversations; zero: no bound
	Place    string // "site.toml:31"
}

// FirewallEnd is one side of conversations: any of Zones and, if there are Networks or Sets, any of these in
// it.
type FirewallEnd struct {
	Zones    []string       // names of LANs and zones, ZoneWAN, and in To also ZoneBox
	Networks []netip.Prefix // masked
	Sets     []string       // names of groups and lists
}

// Rate is a number of events per time, with a number that may come at once.
type Rate struct {
	Count uint32
	Per   string // "second", "minute" or "hour"; "" of the zero Rate
	Burst uint32
}

// PortForward makes a port of one host reachable at the appliance's IPv4 addresses in other zones, and in
// IPv6 at the host's own.
type PortForward struct {
	Name        string   // as that of a rule
	From        []string // zones
	Protos      []string // of "tcp", "udp" and "sctp"
	First, Last uint16   // ports that are offered
	Host        string   // as the site has it: a name or an address
	To          []netip.Addr
	ToPort      uint16 // of the host; 0: the same
	Zone        string // that the host is in
	Sources     FirewallEnd
	Log         bool
	Rate        Rate
	Place       string
}

// Flows are some ports of each protocol of a forward.
func (f PortForward) Flows(first, last uint16) []Flow {
	var flows []Flow
	for _, proto := range f.Protos {
		flows = append(flows, Flow{proto, first, last})
	}
	return flows
}

// OneToOne gives a host an IPv4 address of its own upstream.
type OneToOne struct {
	Outside netip.Addr
	Inside  netip.Addr // of Host
	Host    string
	Zone    string // that the host is in
	Place   string
}

// BoxServices are what the appliance serves on every LAN, and LAN hosts may use unless a rule denies it.
func (s *Site) BoxServices() []Service {
	own := s.boxServices()
	return slices.DeleteFunc(Services(), func(known Service) bool {
		return !slices.Contains(own, known.Name)
	})
}

func (s *Site) boxServices() []string {
	all := []string{"dhcp", "dns", "ssh", "ping"}
	if slices.ContainsFunc(s.LANs, LAN.HasIPv6) {
		all = append(all, "router-solicit", "dhcpv6")
	}
	if s.NTP.On() {
		all = append(all, "ntp")
	}
	return all
}

// Transit reports whether there is a further router on a LAN: its networks are reached through the appliance
// from the LAN that it is on.
func (s *Site) Transit(lan LAN) bool {
	return slices.ContainsFunc(s.Routes, func(r Route) bool {
		return lan.IPv4.Contains(r.Via) || lan.Has6(r.Via)
	})
}
