package wan

import "net/netip"

// Kind is what kind of address an address is, seen from the way out.
type Kind uint8

// The kinds.
const (
	Public  Kind = iota
	Private      // RFC 1918
	Shared       // RFC 6598: carrier-grade NAT
	Special      // any other that is not routed in the Internet: RFC 6890
)

// KindOf returns the kind of an IPv4 address.
func KindOf(a netip.Addr) Kind {
	special := [...]string{
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	}
	switch {
	case a.IsPrivate():
		return Private
	case netip.MustParsePrefix("100.64.0.0/10").Contains(a):
		return Shared
	}
	for _, p := range special {
		if netip.MustParsePrefix(p).Contains(a) {
			return Special
		}
	}
	return Public
}

// String returns the name of the kind.
func (k Kind) String() string { return [...]string{"public", "private", "cgnat", "special"}[k&3] }

// Brief says in a few words what an address of the kind means for the house, "" if nothing.
func (k Kind) Brief() string {
	switch k {
	case Private:
		return "private address, so forwards and a 6in4 tunnel depend on another router"
	case Shared:
		return "cgnat address, so forwards and a 6in4 tunnel do not work"
	case Special:
		return "special address, not routed in the Internet"
	}
	return ""
}

// Means says what an address of the kind means for the house, "" if nothing.
func (k Kind) Means() string {
	switch k {
	case Private:
		return "it is a private address (RFC 1918): another router, yours or the provider's, translates it. " +
			"Forwards are reached from outside only if that one forwards too, a 6in4 tunnel if it passes protocol 41"
	case Shared:
		return "it is a shared address (RFC 6598): the provider translates it for many customers. Forwards are " +
			"not reached from outside, and a 6in4 tunnel does not come up"
	case Special:
		return "it is an address that is not routed in the Internet (RFC 6890)"
	}
	return ""
}
