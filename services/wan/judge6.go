package wan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// AboutDelegation is what remarks are about, over IPv6 alone.
const AboutDelegation About = "delegation"

// Limits of what is believed.
const (
	maxAddrs6    = 8
	maxDelegated = 8
)

// Said6 is what routers and servers upstream say of the way out over IPv6, before it is
// judged: what is not there is zero. Of lists the best is first.
type Said6 struct {
	Addrs     []netip.Prefix
	Gateway   netip.Addr
	MTU       uint32
	DNS       []netip.Addr
	NTP       []netip.Addr
	NTPNames  []string
	Search    []string
	Delegated []Delegation
}

// Judge6 makes Facts6 of what is said. What cannot be believed is left out, with a remark.
func (c *Config) Judge6(s *Said6) (Facts6, []Remark) {
	j := judge6{judge: judge{conf: c}, said: s, facts: Facts6{Link: c.Link}}
	j.delegated()
	j.addresses()
	j.gateway()
	j.mtu()
	j.facts.DNS = j.servers(AboutResolver, "resolver", s.DNS)
	j.facts.NTP = j.servers(AboutNTP, "NTP server", s.NTP)
	j.facts.NTPNames = j.names(AboutNTP, "NTP server", s.NTPNames, maxServers)
	j.facts.Search = j.names(AboutDomain, "domain", s.Search, maxSearch)
	return j.facts, j.remarks
}

// Again6 judges Facts6 once more, as Again does: what was not judged with c is held against it. Of
// another link, nothing is left.
func (c *Config) Again6(f *Facts6) Facts6 {
	if f.Link != "" && f.Link != c.Link {
		return Facts6{}
	}
	judged, _ := c.Judge6(&Said6{
		Addrs: f.Addrs, Gateway: f.Gateway, MTU: uint32(f.MTU), DNS: f.DNS, NTP: f.NTP, NTPNames: f.NTPNames,
		Search:    f.Search,
		Delegated: f.Delegated,
	})
	return judged
}

type judge6 struct {
	judge // its remarks
	said  *Said6
	facts Facts6
}

// unfit6 says why a is the address of no station that is reached by routers, "" if it may be.
func unfit6(a netip.Addr) string {
	in := func(prefix string) bool { return netip.MustParsePrefix(prefix).Contains(a) }
	switch {
	case !is6(a):
		return "it is no IPv6 address"
	case a.IsUnspecified():
		return "it means no address"
	case a.IsLoopback():
		return "it is the loopback address"
	case a.IsLinkLocalUnicast():
		return "it is link-local (RFC 4291 2.5.6)"
	case a.IsMulticast():
		return "it is multicast"
	case in("2002::/16"):
		return "it is 6to4, which is given up (RFC 7526)"
	case in("2001::/32"):
		return "it is Teredo's (RFC 4380)"
	case in("64:ff9b::/96"), in("64:ff9b:1::/48"):
		return "it stands for an IPv4 address (RFC 6052, RFC 8215)"
	case in("100::/64"):
		return "it leads nowhere (RFC 6666)"
	case in("fec0::/10"):
		return "it is site-local, which is given up (RFC 3879)"
	case in("::/8"):
		return "it is reserved (RFC 4291 2.4)"
	}
	return ""
}

// DisbelievePrefix says why a delegated prefix cannot be the house's, "" if it can.
func (c *Config) DisbelievePrefix(p netip.Prefix) string {
	switch why := unfit6(p.Addr()); {
	case !p.IsValid() || p != p.Masked():
		return "it is no prefix"
	case why != "":
		return why
	case p.Bits() > subnetBits:
		return fmt.Sprintf("it is too long for a network of hosts, which has /%d (RFC 4291 2.5.1)",
			subnetBits)
	case p.Bits() < minDelegated:
		return fmt.Sprintf("it is shorter than /%d, which nobody gives away", minDelegated)
	}
	if l := c.IPv6.lan(p); l != nil {
		return fmt.Sprintf("it overlaps lan %s, %s", l.Name, l.Network)
	}
	return ""
}

// lan returns a LAN whose network overlaps p.
func (v *IPv6) lan(p netip.Prefix) *LAN {
	for i := range v.LANs {
		if v.LANs[i].Network.Overlaps(p) {
			return &v.LANs[i]
		}
	}
	return nil
}

func (j *judge6) delegated() {
	for _, d := range j.said.Delegated {
		if why := j.conf.DisbelievePrefix(d.Prefix); why != "" {
			j.remark(AboutDelegation, "the delegated prefix %s is not used: %s", d.Prefix, why)
			continue
		}
		i := slices.IndexFunc(j.facts.Delegated, func(h Delegation) bool {
			return h.Prefix.Overlaps(d.Prefix)
		})
		switch wish := j.conf.IPv6.Delegation; {
		case d.Valid <= 0:
			j.remark(AboutDelegation, "the delegated prefix %s is not used: it has ended", d.Prefix)
			continue
		case i >= 0:
			j.remark(AboutDelegation, "the delegated prefix %s is not used: it overlaps %s, which is delegated too",
				d.Prefix, j.facts.Delegated[i].Prefix)
			continue
		case len(j.facts.Delegated) == maxDelegated:
			j.remark(AboutDelegation, "the delegated prefix %s is not used: %d are enough", d.Prefix,
				maxDelegated)
			continue
		case wish != nil && wish.Length != 0 && d.Prefix.Bits() > wish.Length:
			j.remark(AboutDelegation, "the delegated prefix %s is smaller than the /%d that was asked for",
				d.Prefix, wish.Length)
		}
		if d.Prefix.Addr().IsPrivate() {
			j.remark(AboutDelegation, "the delegated prefix %s is a unique local one (RFC 4193): it is used, and "+
				"leads no further than the provider", d.Prefix)
		}
		// It may have been preferred for the last time before the machine was started: a moment below zero.
		d.Preferred = max(min(d.Preferred, d.Valid), 1)
		j.facts.Delegated = append(j.facts.Delegated, d)
	}
}

// DisbelieveAddress says why nobody upstream can have or give the address a, "" if it may be.
func (c *Config) DisbelieveAddress(a netip.Addr) string {
	if why := unfit6(a); why != "" {
		return why
	}
	l := c.IPv6.lan(netip.PrefixFrom(a, 128))
	switch {
	case l == nil:
		return ""
	case a == l.Address:
		return "it is our own address on lan " + l.Name
	}
	return fmt.Sprintf("it lies in lan %s, %s", l.Name, l.Network)
}

// foreign6 says why a station of the provider cannot have the address a.
func (j *judge6) foreign6(a netip.Addr) string {
	if why := j.conf.DisbelieveAddress(a); why != "" {
		return why
	}
	for _, d := range j.facts.Delegated {
		if d.Prefix.Contains(a) {
			return fmt.Sprintf("it lies in %s, which is delegated to us", d.Prefix)
		}
	}
	for _, own := range j.facts.Addrs {
		if own.Addr() == a {
			return "it is our own address"
		}
	}
	return ""
}

func (j *judge6) addresses() {
	for _, p := range j.said.Addrs {
		a := p.Addr()
		why := j.foreign6(a)
		if l := j.conf.IPv6.lan(p.Masked()); why == "" && l != nil {
			why = fmt.Sprintf("its network, %s, overlaps lan %s, %s", p.Masked(), l.Name, l.Network)
		}
		switch {
		case !p.IsValid() || p.Bits() < subnetBits:
			j.remark(AboutAddress, "the address %s is not used: it is in no network of hosts", p)
		case why != "":
			j.remark(AboutAddress, "the address %s is not used: %s", p, why)
		case len(j.facts.Addrs) == maxAddrs6:
			j.remark(AboutAddress, "the address %s is not used: %d are enough", p, maxAddrs6)
		default:
			j.facts.Addrs = append(j.facts.Addrs, p)
		}
	}
}

func (j *judge6) gateway() {
	switch g := j.said.Gateway; {
	case g == netip.Addr{}:
	case !is6(g) || !g.IsLinkLocalUnicast():
		j.remark(AboutGateway, "router %s is not used: it has no link-local address (RFC 4861 6.1.2)", g)
	default:
		j.facts.Gateway = g
	}
}

func (j *judge6) mtu() {
	limit := j.conf.MaxMTU
	if limit == 0 {
		limit = MaxMTU
	}
	switch m := j.said.MTU; {
	case m == 0:
	case m < minIPv6 || m > uint32(limit):
		j.remark(AboutMTU, "an MTU of %d is ignored: %d to %d are believed on this link", m, minIPv6, limit)
	default:
		j.facts.MTU = uint16(m)
	}
}

// servers returns those of all that are believed.
func (j *judge6) servers(about About, what string, all []netip.Addr) (good []netip.Addr) {
	for _, a := range all {
		switch why := j.foreign6(a); {
		case slices.Contains(good, a):
		case why != "":
			j.remark(about, "%s %s is dropped: %s", what, a, why)
		case len(good) == maxServers:
			j.remark(about, "%s %s is dropped: %d are enough", what, a, maxServers)
		default:
			good = append(good, a)
		}
	}
	return good
}

// names returns those of all that are names, at most so many.
func (j *judge6) names(about About, what string, all []string, most int) (good []string) {
	for _, name := range all {
		name = strings.TrimSuffix(name, ".")
		switch {
		case !option.IsDomain(name):
			j.remark(about, "%s %+.64q is dropped: it is no domain name", what, name)
		case slices.Contains(good, name):
		case len(good) == most:
			j.remark(about, "%s %s is dropped: %d are enough", what, name, most)
		default:
			good = append(good, name)
		}
	}
	return good
}
