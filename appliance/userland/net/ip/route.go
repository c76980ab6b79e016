package ip

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeView is how routes are printed.
type routeView struct {
	links      linkNames
	hides      func(key string) bool // what need not be said: dev, table, via, proto, scope
	details    bool                  // name what is as usual, too
	everything bool                  // routes of all tables
	from       string                // source and mark of the packet that was asked for
	mark       int
}

// showRoutes prints routes: of IPv4 without -6, and of all families and tables
// with "table all".
func showRoutes(r *request) error {
	table, routes, err := r.routes()
	if err != nil {
		return err
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	view := routeView{links: names, details: r.details, everything: table == unix.RT_TABLE_UNSPEC,
		hides: func(key string) bool {
			return r.has(key) && (key != keyTable || table != unix.RT_TABLE_UNSPEC)
		}}
	for _, route := range routes {
		r.showRoute(&record{}, view, route)
	}
	return nil
}

// wholeView hides nothing.
func (r *request) wholeView(names linkNames) routeView {
	return routeView{links: names, details: r.details, everything: true, hides: func(string) bool {
		return false
	}}
}

// showRoute prints a route behind what p has. Each line has a space at its end, as iproute2's.
func (r *request) showRoute(p *record, v routeView, route netlink.Route) {
	v.say(p, route)
	r.out.write(p)
}

// say says a route.
func (v routeView) say(p *record, route netlink.Route) {
	if route.Type != unix.RTN_UNICAST || v.details {
		p.say("type", "%s ", routeType(route.Type))
	}
	p.say("dst", "%s ", destination(route.Dst))
	if v.from != "" {
		p.say(keyFrom, "from %s ", v.from)
	}
	if route.Tos != 0 {
		p.say("tos", "tos %s ", tosText(route.Tos))
	}
	if route.NHID != 0 {
		p.say("nhid", "nhid %d ", route.NHID)
	}
	if !v.hides(keyVia) {
		sayHop(p, route.Gw, route.Via)
	}
	if !v.hides(keyDev) && route.LinkIndex != 0 {
		p.say("dev", "dev %s ", v.links.of(route.LinkIndex))
	}
	v.sayOrigin(p, route)
	if route.Src != nil && !v.hides(keySrc) {
		p.say("prefsrc", "src %s ", route.Src.String())
	}
	if (route.Priority != 0 || route.Family == unix.AF_INET6) && !v.hides(keyMetric) {
		p.say("metric", "metric %d ", route.Priority)
	}
	sayHopFlags(p, route.Flags)
	if v.mark != 0 {
		p.set("mark", v.mark)
		p.printf("mark %s ", markText(v.mark))
	}
	if route.Realm != 0 {
		sayRealms(p, uint32(route.Realm))
	}
	if route.Expires != 0 {
		p.say("expires", "expires %dsec ", route.Expires)
	}
	sayMetrics(p, route)
	p.printf("\n")
	v.sayNextHops(p, route.MultiPath)
}

// sayNextHops says where packets go that have several ways.
func (v routeView) sayNextHops(p *record, hops []*netlink.NexthopInfo) {
	var all []members
	for _, h := range hops {
		one := &record{}
		one.printf("\tnexthop ")
		sayHop(one, h.Gw, h.Via)
		one.say("dev", "dev %s ", v.links.of(h.LinkIndex))
		one.say("weight", "weight %d ", h.Hops+1)
		sayHopFlags(one, h.Flags)
		p.printf("%s\n", &one.text)
		all = append(all, one.members)
	}
	if all != nil {
		p.set("nexthops", all)
	}
}

// sayHopFlags says what else there is about a hop.
func sayHopFlags(p *record, set int) {
	names, _ := namesOf(uint32(set), hopFlags())
	p.set("flags", append([]string{}, names...))
	for _, name := range names {
		p.printf("%s ", name)
	}
}

// destination words where a route leads to; a single address has no length.
func destination(n *net.IPNet) string {
	switch p := prefixOf(n); {
	case p.Bits() == 0:
		return "default"
	case p.IsSingleIP():
		return p.Addr().String()
	default:
		return p.String()
	}
}

// sayHop says a gateway; via is one of the other family.
func sayHop(p *record, gateway net.IP, via netlink.Destination) {
	v, other := via.(*netlink.Via)
	switch {
	case other:
		family := "inet"
		if v.AddrFamily == unix.AF_INET6 {
			family = "inet6"
		}
		p.set("via", members{{"family", family}, {"host", v.Addr.String()}})
		p.printf("via %s %s ", family, v.Addr)
	case gateway != nil:
		p.say("gateway", "via %s ", gateway.String())
	}
}

// sayOrigin says table, protocol and scope, as far as they are not the usual ones.
func (v routeView) sayOrigin(p *record, route netlink.Route) {
	named := route.Table != unix.RT_TABLE_UNSPEC && (route.Table != unix.RT_TABLE_MAIN || v.details &&
		v.everything)
	if named && !v.hides(keyTable) {
		p.say("table", "table %s ", tableName(route.Table))
	}
	if route.Flags&unix.RTM_F_CLONED != 0 { // an answer of "route get" that is no entry of a table
		return
	}
	if !v.hides(keyProto) && (route.Protocol != unix.RTPROT_BOOT || v.details) {
		p.say("protocol", "proto %s ", protocolName(int(route.Protocol)))
	}
	if !v.hides(keyScope) && (route.Scope != netlink.SCOPE_UNIVERSE || v.details) {
		p.say("scope", "scope %s ", scopeName(int(route.Scope)))
	}
}

// markText words a mark as iproute2 does: small ones are decimal.
func markText(mark int) string {
	if mark < 16 {
		return strconv.Itoa(mark)
	}
	return fmt.Sprintf("%#x", mark)
}

// sayRealms says realms for accounting, the one of the source if there is one.
func sayRealms(p *record, realms uint32) {
	from, to := fmt.Sprint(realms>>16), fmt.Sprint(realms&0xffff)
	if realms>>16 == 0 {
		p.set("flow", members{{"to", to}})
		p.printf("realm %s ", to)
		return
	}
	p.set("flow", members{{"from", from}, {"to", to}})
	p.printf("realms %s/%s ", from, to)
}

// sayMetrics says what a route says to the protocols above, in the order of their numbers (rtnetlink(7),
// RTAX_MTU).
func sayMetrics(p *record, route netlink.Route) {
	m := &record{}
	for _, of := range []struct {
		name   string
		value  int
		time   bool // in milliseconds
		locked bool
	}{
		{"mtu", route.MTU, false, route.MTULock}, {"window", route.Window, false, false},
		{"rtt", route.Rtt / 8, true, false},
		{"rttvar", route.RttVar / 4, true, false}, {"ssthresh", route.Ssthresh, false, false},
		{"cwnd", route.Cwnd, false, false},
		{"advmss", route.AdvMSS, false, false}, {"reordering", route.Reordering, false, false},
		{"hoplimit", route.Hoplimit, false, false}, {"initcwnd", route.InitCwnd, false, false},
		{"rto_min", route.RtoMin, true, route.RtoMinLock}, {"initrwnd", route.InitRwnd, false, false},
		{"quickack", route.QuickACK, false, false}, {"fastopen_no_cookie", route.FastOpenNoCookie, false,
			false},
	} {
		if of.value == 0 {
			continue
		}
		m.printf("%s ", of.name)
		if of.locked {
			m.printf("lock ")
		}
		m.set(of.name, of.value)
		switch {
		case of.time && of.value >= 1000:
			m.printf("%gs ", float64(of.value)/1000)
		case of.time:
			m.printf("%dms ", of.value)
		default:
			m.printf("%d ", of.value)
		}
	}
	if route.Congctl != "" {
		m.say("congestion", "congctl %s ", route.Congctl)
	}
	if m.members != nil {
		p.set("metrics", []members{m.members})
		p.printf("%s", &m.text)
	}
}

// getRoute prints the route that a packet to an address would take from here.
func getRoute(r *request) error {
	to, err := r.address(keyTo)
	if err != nil {
		return err
	}
	from, err := r.address(keyFrom)
	if err != nil {
		return err
	}
	mark, err := r.number(keyMark, 0, math.MaxUint32)
	if err != nil {
		return err
	}
	for _, key := range []string{keyIif, keyOif} {
		if _, err := r.device(key); err != nil {
			return err
		}
	}
	options := &netlink.RouteGetOptions{Iif: r.given[keyIif], Oif: r.given[keyOif], SrcAddr: from.AsSlice(),
		Mark: uint32(mark)}
	routes, err := netlink.RouteGetWithOptions(to.AsSlice(), options)
	if err != nil {
		return noRoute(to, err)
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	view := r.wholeView(names)
	view.from, view.mark = r.given[keyFrom], mark
	for _, route := range routes {
		r.showRoute(&record{}, view, route)
	}
	return nil
}

// noRoute says why nothing leads to an address: the kernel answers with the error
// that a packet would meet.
func noRoute(to netip.Addr, err error) error {
	for _, known := range []struct {
		errno   error
		meaning string
	}{
		{unix.ENETUNREACH, "there is no route to it"},
		{unix.EHOSTUNREACH, "an unreachable route refuses it"},
		{unix.EACCES, "a prohibit route refuses it"},
		{unix.EINVAL, "a blackhole route drops it"},
	} {
		if errors.Is(err, known.errno) {
			return refused{fmt.Errorf("%v: %s (%w)", to, known.meaning, err)}
		}
	}
	return refused{fmt.Errorf("%v: %w", to, err)}
}
