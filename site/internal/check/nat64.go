package check

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const exampleNAT64 = "64:ff9b::/96"

// nat64 reads where hosts of a LAN find IPv4: a prefix that an address of 32 bits has its place in (RFC 6052
// 2.2).
func (l *loader) nat64(v toml.Str, lan model.LAN) netip.Prefix {
	if !v.OK() {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(v.Text)
	switch {
	case err != nil || !p.Addr().Is6() || p.Addr().Is4In6():
		l.At(v.At, "nat64 %q is no IPv6 network; expected one such as %q", v.Text, exampleNAT64)
	case !slices.Contains([]int{32, 40, 48, 56, 64, 96}, p.Bits()):
		l.At(v.At, "nat64 %s has the length %d; expected 32, 40, 48, 56, 64 or 96 (RFC 6052 2.2)", p,
			p.Bits())
	case p != p.Masked():
		l.At(v.At, "nat64 %s has bits behind its length; expected %s", p, p.Masked())
	case p.Addr().As16()[8] != 0:
		l.At(v.At, "nat64 %s is not 0 in bits 64 to 71; expected a network where these are (RFC 6052 2.2)", p)
	case model.NotUnicast(p.Addr().Next()) != "":
		l.At(v.At, "nat64 %s %s; expected a network such as %q", p, model.NotUnicast(p.Addr().Next()),
			exampleNAT64)
	case !lan.HasIPv6() && l.parsed:
		l.At(v.At, "nat64: the lan has no IPv6, so nobody there is told; expected ipv6 too, or no such line")
	default:
		return p
	}
	return netip.Prefix{}
}
