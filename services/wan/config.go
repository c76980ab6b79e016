package wan

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// Config is everything the client of a link is told. It is derived from the site by
// others, survives a round trip through JSON, and is checked by Check.
type Config struct {
	Link string // name of the link, for example "eth0" or "eth0.7"
	// MAC is the hardware address that the link sends from: its own, or the one that
	// the site gave it because a provider insists. The zero MAC: On fills it in.
	MAC MAC
	// ClientID is option 61: PlainID, NodeID, or what a provider wants; empty: none.
	ClientID option.Bytes `json:",omitzero"`
	// Identity is what On makes the ClientID of.
	Identity Identity `json:",omitzero"`
	// VendorClass is option 60, which some providers choose by; empty: none.
	VendorClass string `json:",omitzero"`
	HostName    string `json:",omitzero"` // option 12; empty: none
	// Options are further options that a provider insists on.
	Options []Option `json:",omitzero"`
	// Ask are further codes for the list of options that are asked for (option 55).
	Ask []uint8 `json:",omitzero"`
	// Broadcast asks for replies to everybody, for servers that cannot do otherwise.
	Broadcast bool `json:",omitzero"`
	// MaxMTU is the largest MTU that is taken from a provider: that of the link; 0: MaxMTU.
	MaxMTU uint16 `json:",omitzero"`
	// Probe is how long a new address is looked for on the link before it is used (RFC
	// 5227). 0: it is used unprobed.
	Probe time.Duration `json:",omitzero"`
	// LANs are the networks that are ours, and our addresses in them: no provider has a
	// say about these.
	LANs []LAN `json:",omitzero"`
	// Static4: the site itself says what the way out is over IPv4, and no server is asked.
	Static4 bool `json:",omitzero"`
	// IPv6 is what is asked for over IPv6; the zero value: nothing.
	IPv6 IPv6 `json:",omitzero"`
}

// A LAN is a network of the house.
type LAN struct {
	Name    string
	Network netip.Prefix
	Address netip.Addr // ours in it
}

// An Option is one option by number.
type Option struct {
	Code uint8
	Data option.Bytes // as on the wire
}

// MAC is an Ethernet address.
type MAC = ethernet.MAC

// PlainID returns the client identifier that most clients send: the type of the
// hardware and its address (RFC 2132 9.14).
func PlainID(m MAC) option.Bytes { return append(option.Bytes{1}, m[:]...) }

// NodeID returns the client identifier of RFC 4361: 255, an identifier of the link
// (IAID), and one of the machine, the same as in DHCPv6 (DUID, RFC 8415 11).
func NodeID(iaid uint32, duid []byte) option.Bytes {
	return append(option.Bytes{255, byte(iaid >> 24), byte(iaid >> 16), byte(iaid >> 8), byte(iaid)}, duid...)
}

// LinkLayerDUID returns the DUID of a machine with a card that stays in it: DUID-LL.
func LinkLayerDUID(m MAC) []byte { return append([]byte{0, 3, 0, 1}, m[:]...) }

// Static is what a site itself says of the way out.
type Static struct {
	// Addrs are the addresses on the link, the first for connections that begin here.
	Addrs   []netip.Prefix
	Gateway netip.Addr     `json:",omitzero"` // may be off link
	MTU     uint16         `json:",omitzero"`
	DNS     []netip.Addr   `json:",omitzero"`
	NTP     []netip.Addr   `json:",omitzero"`
	Domain  string         `json:",omitzero"`
	Search  []string       `json:",omitzero"`
	Routes  []option.Route `json:",omitzero"`
}

// Facts returns what the site says, as any source says it. Nothing is judged: the site
// was checked when it was read, and its word is law.
func (s *Static) Facts() (Facts, Term) {
	f := Facts{
		Addrs: s.Addrs, Gateway: s.Gateway, MTU: s.MTU, DNS: s.DNS, NTP: s.NTP, Domain: s.Domain,
		Search: s.Search,
	}
	f.OffLink = s.Gateway.IsValid() && !f.onLink(s.Gateway)
	for _, r := range s.Routes {
		f.Routes = append(f.Routes, Route{To: r.To, Via: r.Via, OffLink: r.Via.IsValid() && !f.onLink(r.Via)})
	}
	return f, Term{Source: FromSite, Renew: Never, Rebind: Never, End: Never}
}

// onLink reports whether a is a neighbour by one of the prefixes.
func (f *Facts) onLink(a netip.Addr) bool {
	for _, p := range f.Addrs {
		if p.Contains(a) && p.Addr() != a {
			return true
		}
	}
	return false
}
