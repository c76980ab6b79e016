package zone

import "net/netip"

// Config is everything a Table is told about the house. It is derived from the site
// by others, survives a round trip through JSON, and is checked by Build.
//
// Names are as in a master file (RFC 1035 5.1), without its escapes: with a dot at the
// end they are whole, without one they are in Domain, and "@" is Domain itself. They
// have letters, digits, hyphens and underscores, and are the same in any case.
type Config struct {
	// Domain is the domain of the house, without a dot at the end: "home.example".
	Domain string
	// Router is what the router is called, and its address on each network. Its name
	// is the name server of the house.
	Router Host
	Hosts  []Host
	// Networks are the networks of the house: it owns the names of their addresses,
	// and only they have leases.
	Networks []netip.Prefix
	Records  []Record  `json:",omitzero"`
	Services []Service `json:",omitzero"`
	// Elsewhere are domains that others answer for although they are in the house or
	// special: "lab.home.example.", "168.192.in-addr.arpa.". The more exact name wins.
	Elsewhere []string `json:",omitzero"`
	// Serial is the zones' serial number (RFC 1912 2.2). Nobody transfers the zones.
	Serial uint32 `json:",omitzero"`
	// How long others may keep an answer, in seconds. 0: DefaultTTL and so on.
	TTL, LeaseTTL, NegativeTTL uint32 `json:",omitzero"`
}

// What others may keep, in seconds, if the Config does not say. A negative answer is
// kept for a moment only: the laptop that nobody knows now may have its lease next.
const (
	DefaultTTL         = 300
	DefaultLeaseTTL    = 60
	DefaultNegativeTTL = 10
)

// A Host is a machine with names and addresses. Each name has every address; each
// address has the first name only.
type Host struct {
	Name    string
	Aliases []string     `json:",omitzero"`
	Addrs   []netip.Addr // in the order in which they are answered
	// Clients are its cards, as Lease.Client has them: their leases with this Name
	// add addresses of the families that Addrs has none of. Name is a single label then.
	Clients []string `json:",omitzero"`
}

// A Record is what a name has besides, or instead of, a host's addresses. The first
// label of Name may be "*": all names below that do not exist otherwise (RFC 4592).
//
// A name outside of Domain is answered for alone: not what is below or beside it.
type Record struct {
	Name  string
	Addrs []netip.Addr `json:",omitzero"` // A and AAAA, without a name for the address
	CNAME string       `json:",omitzero"` // the name that this one stands for, in the house or outside; alone
	SRV   []SRV        `json:",omitzero"`
	MX    []MX         `json:",omitzero"`
	TXT   []string     `json:",omitzero"` // a record each; any bytes, cut into strings of 255
	CAA   []CAA        `json:",omitzero"`
	TTL   uint32       `json:",omitzero"` // seconds; 0: that of the Config
}

// An SRV is a place where a service is: RFC 2782.
type SRV struct {
	Priority, Weight, Port uint16
	Target                 string // no alias; "." for "not here"
}

// An MX is who takes mail: RFC 1035 3.3.9.
type MX struct {
	Preference uint16
	Host       string // no alias; "." for "nobody" (RFC 7505)
}

// A CAA says who may issue certificates: RFC 8659.
type CAA struct {
	Flags uint8  // 128: critical
	Tag   string // "issue", "issuewild", "iodef"
	Value string
}

// A Service is one that a machine of the house offers: an SRV record under its type,
// and, with an Instance, what shows it to those who browse the domain (RFC 6763).
type Service struct {
	Type                   string // "_ntp._udp"
	Host                   string // the name of a host, of the router, or one of their aliases
	Priority, Weight, Port uint16
	// Instance is what people see: up to 63 bytes of UTF-8, "Office Printer".
	Instance string   `json:",omitzero"`
	Text     []string `json:",omitzero"` // "key=value", of the Instance: RFC 6763 6.3
}
