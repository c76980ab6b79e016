package ip

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"
)

// routeView is how routes are printed.
type routeView struct {
	links      linkNames
	hides      func(key string) bool // what need not be said: dev, table, via, proto, scope
	details    bool                  // name what is as usual, too
	everything bool                  // routes of all tables
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
func (r *request) showRoute(p *record, v routeView, route ipRoute) {
	v.say(p, route)
	r.out.write(p)
}

// say says a route.
func (v routeView) say(p *record, route ipRoute) {
	if route.kind != unix.RTN_UNICAST || v.details {
		p.say("type", "%s ", routeType(route.kind))
	}
	p.say("dst", "%s ", destination(route.dst))
	if route.src.IsValid() {
		p.say("from", "from %s ", single(route.src))
	}
	if route.tos != 0 {
		p.say("tos", "tos %s ", tosText(route.tos))
	}
	if route.nexthop != 0 {
		p.say("nhid", "nhid %d ", route.nexthop)
	}
	if !v.hides(keyVia) {
		sayGateway(p, route.hop)
	}
	if !v.hides(keyDev) && route.link != 0 {
		p.say("dev", "dev %s ", v.links.of(route.link))
	}
	v.sayOrigin(p, route)
	if route.from.IsValid() && !v.hides(keySrc) {
		p.say("prefsrc", "src %s ", route.from.String())
	}
	if (route.metric != 0 || route.family == unix.AF_INET6) && !v.hides(keyMetric) {
		p.say("metric", "metric %d ", route.metric)
	}
	sayHopFlags(p, route.flags)
	if route.mark != 0 {
		p.set("mark", route.mark)
		p.printf("mark %s ", markText(route.mark))
	}
	if route.realms != 0 {
		sayRealms(p, route.realms)
	}
	if route.expires != 0 {
		p.say("expires", "expires %dsec ", route.expires)
	}
	sayMetrics(p, route.metrics)
	sayPreference(p, route.preferred)
	p.printf("\n")
	v.sayHops(p, route.hops)
}

// sayHops says where packets go that have several ways.
func (v routeView) sayHops(p *record, hops []hop) {
	var all []members
	for _, h := range hops {
		one := &record{}
		one.printf("\tnexthop ")
		sayGateway(one, h)
		one.say("dev", "dev %s ", v.links.of(h.link))
		one.say("weight", "weight %d ", h.weight)
		sayHopFlags(one, h.flags)
		p.printf("%s\n", &one.text)
		all = append(all, one.members)
	}
	if all != nil {
		p.set("nexthops", all)
	}
}

// sayHopFlags says what else there is about a hop.
func sayHopFlags(p *record, set uint32) {
	names, _ := namesOf(set, hopFlags())
	p.set("flags", append([]string{}, names...))
	for _, name := range names {
		p.printf("%s ", name)
	}
}

// destination words where a route leads to.
func destination(p netip.Prefix) string {
	if p.Bits() == 0 {
		return "default"
	}
	return single(p)
}

// single words a prefix; a single address has no length.
func single(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// sayGateway says the gateway of a hop.
func sayGateway(p *record, h hop) {
	switch {
	case h.foreign:
		family := "inet6"
		if h.gateway.Is4() {
			family = "inet"
		}
		p.set("via", members{{"family", family}, {"host", h.gateway.String()}})
		p.printf("via %s %s ", family, h.gateway)
	case h.gateway.IsValid():
		p.say("gateway", "via %s ", h.gateway.String())
	}
}

// sayOrigin says table, protocol and scope, as far as they are not the usual ones.
func (v routeView) sayOrigin(p *record, route ipRoute) {
	named := route.table != unix.RT_TABLE_UNSPEC && (route.table != unix.RT_TABLE_MAIN || v.details &&
		v.everything)
	if named && !v.hides(keyTable) {
		p.say("table", "table %s ", tableName(route.table))
	}
	if route.flags&unix.RTM_F_CLONED != 0 { // an answer of "route get" that is no entry of a table
		return
	}
	if !v.hides(keyProto) && (route.protocol != unix.RTPROT_BOOT || v.details) {
		p.say("protocol", "proto %s ", protocolName(route.protocol))
	}
	if !v.hides(keyScope) && (route.scope != unix.RT_SCOPE_UNIVERSE || v.details) {
		p.say("scope", "scope %s ", scopeName(route.scope))
	}
}

// markText words a mark as iproute2 does: small ones are decimal.
func markText(mark uint32) string {
	if mark < 16 {
		return fmt.Sprint(mark)
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

// metricNames are what a route says to the protocols above, in the order of their numbers (rtnetlink(7),
// RTAX_MTU).
func metricNames() []numbered {
	return []numbered{{unix.RTAX_MTU, "mtu"}, {unix.RTAX_WINDOW, "window"}, {unix.RTAX_RTT, "rtt"},
		{unix.RTAX_RTTVAR, "rttvar"}, {unix.RTAX_SSTHRESH, "ssthresh"}, {unix.RTAX_CWND, "cwnd"},
		{unix.RTAX_ADVMSS, "advmss"}, {unix.RTAX_REORDERING, "reordering"}, {unix.RTAX_HOPLIMIT, "hoplimit"},
		{unix.RTAX_INITCWND, "initcwnd"}, {unix.RTAX_RTO_MIN, "rto_min"}, {unix.RTAX_INITRWND, "initrwnd"},
		{unix.RTAX_QUICKACK, "quickack"}, {unix.RTAX_CC_ALGO, "congctl"},
		{unix.RTAX_FASTOPEN_NO_COOKIE, "fastopen_no_cookie"}}
}

// sayMetrics says them.
func sayMetrics(p *record, all attributes) {
	m := &record{}
	for _, metric := range metricNames() {
		kind := uint16(metric.n)
		if all[kind] == nil {
			continue
		}
		m.printf("%s ", metric.name)
		if all.number(unix.RTAX_LOCK)&(1<<kind) != 0 {
			m.printf("lock ")
		}
		value := all.number(kind)
		switch kind {
		case unix.RTAX_CC_ALGO:
			m.say("congestion", "%s ", text(all[kind]))
			continue
		case unix.RTAX_RTT:
			value /= 8
		case unix.RTAX_RTTVAR:
			value /= 4
		case unix.RTAX_RTO_MIN:
		default:
			m.say(metric.name, "%d ", value)
			continue
		}
		m.set(metric.name, value)
		if value >= 1000 {
			m.printf("%gs ", float64(value)/1000)
		} else {
			m.printf("%dms ", value)
		}
	}
	if m.members != nil {
		p.set("metrics", []members{m.members})
		p.printf("%s", &m.text)
	}
}

// sayPreference says what a router says of itself (RFC 4191 section 2.1).
func sayPreference(p *record, preferred []byte) {
	if len(preferred) == 1 {
		p.say("pref", "pref %s ", nameOf(int(preferred[0]), []numbered{{0, "medium"}, {1, "high"}, {3, "low"}}))
	}
}

// getRoute prints the route that a packet to an address would take from here.
func getRoute(r *request) (err error) {
	var packet ask
	if packet.to, err = r.address(keyTo); err != nil {
		return err
	}
	if packet.from, err = r.address(keyFrom); err != nil {
		return err
	}
	mark, err := r.number(keyMark, 0, math.MaxUint32)
	if err != nil {
		return err
	}
	packet.mark = uint32(mark)
	for key, index := range map[string]*uint32{keyIif: &packet.in, keyOif: &packet.out} {
		link, err := r.device(key)
		if err != nil {
			return err
		}
		if link != nil {
			*index = uint32(link.Attrs().Index)
		}
	}
	route, err := askRoute(packet)
	if err != nil {
		return noRoute(packet.to, err)
	}
	names, err := readLinkNames()
	if err != nil {
		return err
	}
	r.showRoute(&record{}, r.wholeView(names), route)
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
