package plan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/site"
)

// A way6 is a way out over IPv6.
type way6 struct {
	link    string
	via     netip.Addr
	table   uint8          // of its own, for packets that only it takes
	sources []netip.Prefix // whose packets these are: what lies behind the other end
	up      bool           // nothing is known that speaks against it
}

// Tables of the ways out, if there are two: RFC 8028 3.1 has packets leave by the way that their source is
// of, for others drop them (RFC 2827).
const (
	tunnelTable = 41 // its protocol
	wanTable    = 42

	// firstRule is the priority of the first rule about them; those of the kernel are 0 and 32766.
	firstRule = 1000
)

// ways6 are the ways out over IPv6, the one that others begin by first: that is the one the site says, or the
// other one while that is down.
func ways6(s *site.Site, l Learned) []way6 {
	var all []way6
	if via := gateway6(s, l); via.IsValid() {
		w := way6{link: s.WAN.Link(), via: via, table: wanTable, up: true}
		for _, p := range own6(s, l) {
			w.sources = append(w.sources, p.Masked())
		}
		for _, d := range prefixes6(s, l, site.FromWAN) {
			w.sources = append(w.sources, d.Prefix)
		}
		all = append(all, w)
	}
	if t := s.Tunnel; t != nil {
		all = append(all, way6{
			link: site.TunnelLink, via: t.Gateway, table: tunnelTable, up: l.Tunnel != nil && l.Tunnel.Up,
			sources: append([]netip.Prefix{t.IPv6.Masked()}, t.Routed...),
		})
	}
	if len(all) == 2 && (s.IPv6.Default == site.FromTunnel && all[1].up || !all[0].up && all[1].up) {
		slices.Reverse(all)
	}
	return all
}

// has reports whether a network is behind the way.
func (w way6) has(p netip.Prefix) bool {
	return slices.ContainsFunc(w.sources, func(q netip.Prefix) bool {
		return q.Bits() <= p.Bits() && q.Contains(p.Addr())
	})
}

// wayOf returns the way that packets of a network leave by; false: there is none. A network that a provider
// has delegated leads nowhere by another way.
func wayOf(ways []way6, n network6) (way6, bool) {
	for _, w := range ways {
		if w.has(n.own.Masked()) {
			return w, true
		}
	}
	if len(ways) == 0 || n.from != "" || n.own.Addr().IsPrivate() {
		return way6{}, false
	}
	return ways[0], true
}

// addWays6 adds the default routes over IPv6, and what tells whose packets leave by which.
func addWays6(c *netcfg.Config, ways []way6) {
	everything := netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	for i, w := range ways {
		if i == 0 {
			c.Routes = append(c.Routes, netcfg.Route{To: everything, Via: w.via, Link: w.link})
		}
		if len(ways) == 1 {
			return
		}
		c.Routes = append(c.Routes, netcfg.Route{To: everything, Via: w.via, Link: w.link, Table: w.table})
	}
	if len(ways) == 0 {
		return
	}
	c.Rules = append(c.Rules, netcfg.Rule{Priority: firstRule}) // what is nearer is reached as by all
	var rules []netcfg.Rule
	for _, w := range ways {
		for _, p := range w.sources {
			rules = append(rules, netcfg.Rule{From: p, Table: w.table})
		}
	}
	// by their sources, so that they stay when ways change
	slices.SortStableFunc(rules, func(a, b netcfg.Rule) int {
		return a.From.Compare(b.From)
	})
	for i, r := range slices.Compact(rules) {
		r.Priority = firstRule + 1 + uint16(i)
		c.Rules = append(c.Rules, r)
	}
}
