package zone

import (
	"net/netip"
	"strings"
)

// treatment is what is done with a special name and those below it.
type treatment uint8

const (
	// asEmpty: a zone with nothing but SOA and NS (RFC 6303 3); names in it that the
	// house does not have do not exist.
	asEmpty treatment = iota
	// asNothing: neither the name nor anything below exists, whatever is asked. The
	// SOA is the root's, since software that finds one at "local" stops using multicast
	// DNS.
	asNothing
	// asLoopback: it and all names below have the loopback addresses.
	asLoopback
	// asLoopbackReverse: the name of such an address is localhost; else asEmpty.
	asLoopbackReverse
	// asDiscovery: asEmpty, with the addresses by which NAT64 is found.
	asDiscovery
	// asUsual: not special to a resolver, for all that it is reserved.
	asUsual
)

// A special is a row of the table of names that are not like others.
type special struct {
	name   string
	source string // the RFC, with its section if it is short
	how    treatment
	// parent: whether there is a key for it (type DS) is asked of others, since the
	// signed zone above it says that there is none, and validators want to see that.
	parent bool
}

// specials are the names that the house answers itself, whoever else has them. The
// house's own zones win over them.
func specials() []special {
	return append([]special{
		{"localhost", "RFC 6761 6.3", asLoopback, false},
		{"invalid", "RFC 6761 6.4", asNothing, false},
		{"test", "RFC 6761 6.2", asNothing, false},
		// "Caching DNS servers SHOULD NOT recognize example names as special".
		{"example", "RFC 6761 6.5", asUsual, false},
		{"local", "RFC 6762 22.1", asNothing, false},
		{"onion", "RFC 7686 2", asNothing, false},
		{"alt", "RFC 9476 2", asNothing, false},
		{"home.arpa", "RFC 8375 4", asEmpty, true},
		{"resolver.arpa", "RFC 9462 6.4", asEmpty, false},
		// Who has none is to say NODATA; that the name does not exist is kept by caches in between for the
		// resolvers of other networks too.
		{"_dns.resolver.arpa", "RFC 9462 4", asEmpty, false},
		{"ipv4only.arpa", "RFC 7050 8, RFC 8880", asDiscovery, false},
		{"127.in-addr.arpa", "RFC 6303 4.2", asLoopbackReverse, true},
		{reverseName("::1/128"), "RFC 6303 4.3", asLoopbackReverse, true},
	}, specialReverse()...)
}

// specialReverse are the networks whose addresses mean something in one place only:
// the registry of locally served zones (RFC 6303 6).
func specialReverse() []special {
	var rows []special
	for _, of := range []struct{ source, network string }{
		{"RFC 6303 4.1", "10.0.0.0/8"}, {"RFC 6303 4.1", "172.16.0.0/12"}, {"RFC 6303 4.1", "192.168.0.0/16"},
		{"RFC 6303 4.2", "0.0.0.0/8"}, {"RFC 6303 4.2", "169.254.0.0/16"}, {"RFC 6303 4.2", "192.0.2.0/24"},
		{"RFC 6303 4.2", "198.51.100.0/24"}, {"RFC 6303 4.2", "203.0.113.0/24"},
		{"RFC 6303 4.2", "255.255.255.255/32"}, {"RFC 7793", "100.64.0.0/10"},
		{"RFC 6303 4.3", "::/128"}, {"RFC 6303 4.4", "fd00::/8"}, {"RFC 6303 4.5", "fe80::/10"},
		{"RFC 6303 4.6", "2001:db8::/32"},
	} {
		p := netip.MustParsePrefix(of.network)
		for _, z := range reverseZones(p) {
			rows = append(rows, special{reverseName(z.String()), of.source, asEmpty, true})
		}
	}
	return rows
}

// reverseName returns the name of a network that ends where a label does.
func reverseName(network string) string {
	p := netip.MustParsePrefix(network)
	wire := display(appendReverse(nil, p.Addr(), p.Bits()))
	return wire[:len(wire)-1]
}

// Special returns the special name that a name is or is below, and why it is special: the RFC, with its
// section if it is short. Both are "" if there is none.
func Special(name string) (of, source string) {
	name = "." + strings.ToLower(strings.TrimSuffix(name, "."))
	for _, s := range specials() {
		if len(s.name) > len(of) && strings.HasSuffix(name, "."+s.name) {
			of, source = s.name, s.source
		}
	}
	return of, source
}
