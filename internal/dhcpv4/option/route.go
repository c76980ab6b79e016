package option

import (
	"net/netip"
	"strings"
)

// A Route is a way to an IPv4 network: RFC 3442.
type Route struct {
	To  netip.Prefix
	Via netip.Addr `json:",omitzero"` // the zero Addr: To is on the link itself
}

// ParseRoute reads "10.8.0.0/16 via 192.168.32.2", or "10.8.0.0/16" for a network
// that is on the link itself.
func ParseRoute(s string) (r Route, ok bool) {
	to, via, routed := strings.Cut(s, " via ")
	p, err := netip.ParsePrefix(strings.TrimSpace(to))
	if err != nil || !p.Addr().Is4() || p != p.Masked() {
		return Route{}, false
	}
	if !routed {
		return Route{To: p}, true
	}
	a, err := netip.ParseAddr(strings.TrimSpace(via))
	return Route{p, a}, err == nil && a.Is4()
}

// String returns the form that ParseRoute reads.
func (r Route) String() string {
	if !r.Via.IsValid() {
		return r.To.String()
	}
	return r.To.String() + " via " + r.Via.String()
}

// Append encodes r: the length of the prefix, its significant bytes, the router,
// which is 0.0.0.0 for what is on the link.
func (r Route) Append(b []byte) []byte {
	to, via := r.To.Masked().Addr().As4(), [4]byte{}
	if r.Via.IsValid() {
		via = r.Via.As4()
	}
	b = append(b, byte(r.To.Bits()))
	b = append(b, to[:(r.To.Bits()+7)/8]...)
	return append(b, via[:]...)
}

// ReadRoutes reads the value of option 121.
func ReadRoutes(b []byte) (all []Route, ok bool) {
	for len(b) > 0 {
		bits := int(b[0])
		n := (bits + 7) / 8
		if bits > 32 || len(b) < 1+n+4 {
			return nil, false
		}
		var to [4]byte
		copy(to[:], b[1:1+n])
		r := Route{To: netip.PrefixFrom(netip.AddrFrom4(to), bits)}
		if via := [4]byte(b[1+n:]); via != [4]byte{} {
			r.Via = netip.AddrFrom4(via)
		}
		all = append(all, r)
		b = b[1+n+4:]
	}
	return all, len(all) > 0
}
