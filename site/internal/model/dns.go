package model

import (
	"net/netip"
	"strconv"
	"time"
)

// DNS says what the appliance answers besides names of hosts, and whom it asks for all else.
//
// The names in it are canonical; Apex is the site's own domain.
type DNS struct {
	Upstream  []Resolver // are asked for all names that are not the site's; none: nobody is
	Private   []string   // domains outside whose names may have private addresses
	MixedCase bool       // resolvers without TLS are asked in letters of random case
	Forwards  []DNSForward
	Records   []DNSRecord  // in the order of the file, one for a name
	Services  []DNSService // in the order of the file
}

// Apex is how the site's own domain is called among canonical names, as in a master file (RFC 1035 5.1).
const Apex = "@"

// Nowhere is the target of a record which says that there is none: RFC 2782, RFC 7505.
const Nowhere = "."

// Resolver is one that is asked.
type Resolver struct {
	Addr netip.Addr
	Port uint16 // 0: the usual one
	// whom its certificate is for, a host name or an address: it is asked by TLS; "": by UDP and TCP
	Name string
	// WAN stands for those that the provider names, if any; then nothing else is set.
	WAN bool
}

// String returns the form that site.toml has: "192.0.2.53@853#dns.example".
func (r Resolver) String() string {
	if r.WAN {
		return ZoneWAN
	}
	text := r.Addr.String()
	if r.Port != 0 {
		text += "@" + strconv.Itoa(int(r.Port))
	}
	if r.Name != "" {
		text += "#" + r.Name
	}
	return text
}

// DNSForward is a domain, with all names below it, and who is asked for it.
type DNSForward struct {
	Domain  string // whole, without a dot at the end
	Servers []Resolver
}

// DNSRecord is what a name has besides, or instead of, a host's addresses. Its first label may be "*".
type DNSRecord struct {
	Name  string
	Addrs []netip.Addr
	SRV   []SRV
	MX    []MX
	TXT   []string
	CAA   []CAA
	TTL   time.Duration // whole seconds; 0: the usual one
	CNAME string        // the name that this one stands for; then there is nothing else
	Place string        // "site.toml:31"
}

// SRV is a place where a service is: RFC 2782.
type SRV struct {
	Priority, Weight, Port uint16
	Target                 string
}

// MX is who takes mail: RFC 1035 3.3.9.
type MX struct {
	Preference uint16
	Host       string
}

// CAA says who may issue certificates: RFC 8659.
type CAA struct {
	Flags uint8
	Tag   string
	Value string
}

// DNSService is a service of a host that is found by its type (RFC 2782) and, with an instance, by browsing
// (RFC 6763).
type DNSService struct {
	Type                   string // "_ipp._tcp"
	Host                   string // a name of a host, or of the appliance
	Port, Priority, Weight uint16
	Instance               string
	Text                   []string // of the instance
	Place                  string   // "site.toml:31"; "" if it follows from something else
}

// FullName returns a canonical name with the site's domain.
func (s *Site) FullName(name string) string {
	switch {
	case name == Apex:
		return s.Domain
	case name == Nowhere || !IsLabel(name):
		return name
	}
	return name + "." + s.Domain
}
