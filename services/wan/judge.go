package wan

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// Limits of what is believed.
const (
	// MinMTU is the least that a site may say of its link: what every host takes (RFC 791 3.1).
	MinMTU = 576
	// MaxMTU is the largest that cards and switches commonly have: 9216 bytes.
	MaxMTU = 9216
	// minIPv6 is the least that IPv6 needs of a link: RFC 8200 section 5. Less is not believed by DHCP
	// either, where RFC 2132 5.1 allows 68: providers that say 576 have not changed what their server says by
	// itself, and mean it for nobody, but who believes them is slow and without IPv6. A site may say less.
	minIPv6 = 1280

	maxServers = 8  // resolvers, and NTP servers
	maxSearch  = 8  // domains
	maxRoutes  = 64 // further routes
	maxRemarks = 32
	// minBits is the shortest prefix of a network that a provider has us in: nobody has
	// more than ten million neighbours, and 0.0.0.0 as a mask would make one of everybody.
	minBits = 8
)

// About is what a Remark is about.
type About string

// What remarks are about.
const (
	AboutAddress  About = "address"
	AboutNetwork  About = "network"
	AboutGateway  About = "gateway"
	AboutMTU      About = "mtu"
	AboutResolver About = "resolver"
	AboutNTP      About = "ntp"
	AboutDomain   About = "domain"
	AboutRoute    About = "route"
	AboutTimes    About = "times"
	AboutServer   About = "server"
	AboutProbe    About = "probe"
)

// A Remark is something of what a source said that is not taken as it was said. Text is
// a sentence for people, printable whatever the source sent.
type Remark struct {
	About About
	Text  string
}

// A Refusal is the reason why nothing of what a source said is taken.
type Refusal struct {
	About About
	Text  string
}

// Error returns the sentence.
func (r *Refusal) Error() string { return r.Text }

// Judge makes Facts of what a source said. The error, a *Refusal, says why the address
// cannot be ours at all; everything else that cannot be believed is left out, with a
// remark.
func (c *Config) Judge(s *Said) (Facts, []Remark, error) {
	j := judge{conf: c, said: s, facts: Facts{Link: c.Link}}
	if err := j.address(); err != nil {
		return Facts{}, nil, err
	}
	j.mtu()
	j.routes()
	j.gateway()
	j.facts.DNS = j.servers(AboutResolver, "resolver", s.DNS)
	j.facts.NTP = j.servers(AboutNTP, "NTP server", s.NTP)
	j.domains()
	return j.facts, j.remarks, nil
}

type judge struct {
	conf    *Config
	said    *Said
	facts   Facts
	remarks []Remark
	// byRoute is the gateway of a default route among the routes.
	byRoute netip.Addr
}

func (j *judge) remark(about About, format string, args ...any) {
	if len(j.remarks) < maxRemarks {
		j.remarks = append(j.remarks, Remark{about, fmt.Sprintf(format, args...)})
	}
}

// lan returns the LAN whose network has a.
func (j *judge) lan(a netip.Addr) *LAN {
	for i := range j.conf.LANs {
		if l := &j.conf.LANs[i]; l.Network.Contains(a) {
			return l
		}
	}
	return nil
}

// unfit says why a is the address of no station, "" if it may be one.
func unfit(a netip.Addr) string {
	if !a.Is4() {
		return "it is no IPv4 address"
	}
	switch b := a.As4(); {
	case b[0] == 0:
		return "it means no address (RFC 1122 3.2.1.3)"
	case b[0] == 127:
		return "it is a loopback address"
	case b[0] == 169 && b[1] == 254:
		return "it is a link-local address (RFC 3927)"
	case b[0] >= 240:
		return "it is reserved, or everybody's (RFC 1112 4)"
	case b[0] >= 224:
		return "it is a multicast address"
	}
	return ""
}

// foreign says why a station of the provider cannot have the address a.
func (j *judge) foreign(a netip.Addr) string {
	if why := unfit(a); why != "" {
		return why
	}
	if l := j.lan(a); l != nil {
		if a == l.Address {
			return "it is our own address on lan " + l.Name
		}
		return fmt.Sprintf("it lies in lan %s, %s", l.Name, l.Network)
	}
	if len(j.facts.Addrs) > 0 && a == j.facts.Addrs[0].Addr() {
		return "it is the leased address itself"
	}
	return ""
}

func (j *judge) address() error {
	a := j.said.Addr
	if !a.Is4() {
		return &Refusal{AboutAddress, "no IPv4 address is offered"}
	}
	if why := unfit(a); why != "" {
		return &Refusal{AboutAddress, fmt.Sprintf("the address %s is refused: %s", a, why)}
	}
	n := j.bits()
	p := netip.PrefixFrom(a, n)
	for _, l := range j.conf.LANs {
		if l.Network.Overlaps(p) {
			text := fmt.Sprintf("the lease of %s is refused: it overlaps lan %s, %s. Give that lan another "+
				"network, or ask the provider for another", p, l.Name, l.Network)
			return &Refusal{AboutNetwork, text}
		}
	}
	if n < 31 && (a == p.Masked().Addr() || a == last(p)) {
		j.remark(AboutNetwork, "%s is the first or the last address of %s, no station's: it is taken as a /32",
			a, p.Masked())
		p = netip.PrefixFrom(a, 32)
	}
	j.facts.Addrs = []netip.Prefix{p}
	return nil
}

// bits returns the length of the prefix. Without a mask that is one, the address is
// alone: all neighbours are reached through the gateway, whatever the mask should have
// been. The class of the address, which RFC 950 had for that, would take too much.
func (j *judge) bits() int {
	mask := j.said.Mask
	if !mask.Is4() {
		j.remark(AboutNetwork, "no netmask is sent: %s is taken as a /32", j.said.Addr)
		return 32
	}
	b := mask.As4()
	m := binary.BigEndian.Uint32(b[:])
	if n := bits.LeadingZeros32(^m); n >= minBits && m<<n == 0 {
		return n
	}
	j.remark(AboutNetwork, "the netmask %s is none that is believed: %s is taken as a /32", mask, j.said.Addr)
	return 32
}

// last returns the last address of p.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) | uint32(1<<(32-p.Bits())-1)
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

func (j *judge) mtu() {
	limit := j.conf.MaxMTU
	if limit == 0 {
		limit = MaxMTU
	}
	switch m, least := j.said.MTU, min(minIPv6, limit); {
	case m == 0:
	case m < least || m > limit:
		meant := ""
		if MinMTU <= m && m < least {
			meant = "; one that is meant is for the site to say (mtu in [wan])"
		}
		j.remark(AboutMTU, "an MTU of %d is ignored: %d to %d are believed on this link%s", m, least, limit,
			meant)
	default:
		j.facts.MTU = m
	}
}

// gateway chooses the default route. One among the routes comes first.
func (j *judge) gateway() {
	all := j.said.Routers
	switch {
	case j.byRoute.IsValid():
		all = []netip.Addr{j.byRoute}
	case j.said.RoutesOnly:
		if len(all) > 0 {
			j.remark(AboutGateway, "router %s is not used: routes are sent without a default route, and then it "+
				"must be ignored (RFC 3442)", all[0])
		}
		all = nil
	}
	for _, a := range all {
		if why := j.foreign(a); why != "" {
			j.remark(AboutGateway, "router %s is not used: %s", a, why)
			continue
		}
		j.facts.Gateway, j.facts.OffLink = a, !j.facts.onLink(a)
		return
	}
	j.remark(AboutGateway, "no router is sent that can be used: there is no default route")
}

func (j *judge) routes() {
	for _, r := range j.said.Routes {
		r.To = r.To.Masked()
		if r.Via == j.said.Addr {
			r.Via = netip.Addr{} // as older systems write a network that is on the link
		}
		if r.To.Bits() == 0 && r.Via.IsValid() && !j.byRoute.IsValid() {
			j.byRoute = r.Via
			continue
		}
		if why := j.unwanted(r); why != "" {
			j.remark(AboutRoute, "the route %s is dropped: %s", r, why)
			continue
		}
		off := r.Via.IsValid() && !j.facts.onLink(r.Via)
		j.facts.Routes = append(j.facts.Routes, Route{To: r.To, Via: r.Via, OffLink: off})
	}
}

// unwanted says why a further route is not taken.
func (j *judge) unwanted(r option.Route) string {
	switch why := unfit(r.To.Addr()); {
	case r.To.Bits() == 0:
		return "there is one default route, and it has a router"
	case why != "" && r.To.Addr() != netip.IPv4Unspecified():
		return why
	case len(j.facts.Routes) == maxRoutes:
		return fmt.Sprintf("%d are enough", maxRoutes)
	}
	// A wider one does no harm: the LAN's own route is longer.
	if l := j.lan(r.To.Addr()); l != nil && r.To.Bits() >= l.Network.Bits() {
		return fmt.Sprintf("it leads into lan %s, %s", l.Name, l.Network)
	}
	if r.Via.IsValid() {
		if why := j.foreign(r.Via); why != "" {
			return "of its router, " + why
		}
	}
	for _, have := range j.facts.Routes {
		if have.To == r.To {
			return "there is one to there already"
		}
	}
	return ""
}

// servers returns those of all that are believed.
func (j *judge) servers(about About, what string, all []netip.Addr) (good []netip.Addr) {
	for _, a := range all {
		switch why := j.foreign(a); {
		case why != "":
			j.remark(about, "%s %s is dropped: %s", what, a, why)
		case slices.Contains(good, a):
		case len(good) == maxServers:
			j.remark(about, "%s %s is dropped: %d are enough", what, a, maxServers)
		default:
			good = append(good, a)
		}
	}
	return good
}

// domains takes the domain and the search list. Some providers write several domains,
// with spaces, where one belongs (dhclient's scripts took them as a search list).
func (j *judge) domains() {
	good := func(name string) (string, bool) {
		name = strings.TrimSuffix(name, ".")
		if option.IsDomain(name) {
			return name, true
		}
		j.remark(AboutDomain, "domain %+.64q is dropped: it is no domain name", name)
		return "", false
	}
	all := strings.Fields(strings.TrimRight(j.said.Domain, "\x00"))
	if len(all) > 0 {
		j.facts.Domain, _ = good(all[0])
	}
	search := j.said.Search
	if len(search) == 0 && len(all) > 1 {
		search = all
	}
	for _, name := range search {
		switch d, ok := good(name); {
		case !ok || slices.Contains(j.facts.Search, d):
		case len(j.facts.Search) == maxSearch:
			j.remark(AboutDomain, "of %d domains to search, the first %d are taken", len(search), maxSearch)
			return
		default:
			j.facts.Search = append(j.facts.Search, d)
		}
	}
}
