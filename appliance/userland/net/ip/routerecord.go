package ip

import (
	"fmt"
	"net"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeRecord is a route in JSON, with the keys of iproute2.
type routeRecord struct {
	Type string `json:"type,omitempty"`
	Dst  string `json:"dst"`
	From string `json:"from,omitempty"`
	TOS  string `json:"tos,omitempty"`
	hopRecord
	Table    string           `json:"table,omitempty"`
	Protocol string           `json:"protocol,omitempty"`
	Scope    string           `json:"scope,omitempty"`
	Src      string           `json:"prefsrc,omitempty"`
	Mark     *int             `json:"mark,omitempty"`
	Metric   *int             `json:"metric,omitempty"`
	Flags    []string         `json:"flags"`
	Metrics  []map[string]int `json:"metrics,omitempty"`
	Hops     []nextHopRecord  `json:"nexthops,omitempty"`
	Expires  int              `json:"expires,omitempty"` // seconds
}

// hopRecord is where packets go next.
type hopRecord struct {
	Gateway string     `json:"gateway,omitempty"`
	Via     *viaRecord `json:"via,omitempty"`
	Dev     string     `json:"dev,omitempty"`
}

// viaRecord is a gateway of the other family.
type viaRecord struct {
	Family string `json:"family"`
	Host   string `json:"host"`
}

// nextHopRecord is one of several hops.
type nextHopRecord struct {
	hopRecord
	Weight int      `json:"weight"`
	Flags  []string `json:"flags"`
}

// newHopRecord is the gateway in JSON.
func newHopRecord(gateway net.IP, via netlink.Destination) (h hopRecord) {
	words := hop(gateway, via)
	if len(words) != 2 {
		return h
	}
	if _, of, other := strings.Cut(words[0], " "); other {
		h.Via = &viaRecord{of, words[1]}
	} else {
		h.Gateway = words[1]
	}
	return h
}

// record is a route in JSON.
func (v routeView) record(route netlink.Route) routeRecord {
	r := routeRecord{Dst: destination(route.Dst), From: v.from, Flags: []string{}, Expires: route.Expires}
	if route.Type != unix.RTN_UNICAST || v.details {
		r.Type = routeType(route.Type)
	}
	if route.Tos != 0 {
		r.TOS = fmt.Sprintf("%#x", route.Tos)
	}
	if !v.hides(keyVia) {
		r.hopRecord = newHopRecord(route.Gw, route.Via)
	}
	if !v.hides(keyDev) && route.LinkIndex != 0 {
		r.Dev = v.links.of(route.LinkIndex)
	}
	for _, word := range v.origin(route) {
		switch word[0] {
		case keyTable:
			r.Table = word[1]
		case keyProto:
			r.Protocol = word[1]
		case keyScope:
			r.Scope = word[1]
		}
	}
	if route.Src != nil {
		r.Src = route.Src.String()
	}
	if v.mark != 0 {
		r.Mark = &v.mark
	}
	if route.Priority != 0 || route.Family == unix.AF_INET6 {
		r.Metric = &route.Priority
	}
	flags, _ := namesOf(uint32(route.Flags), hopFlags())
	r.Flags = append(r.Flags, flags...)
	if all := metrics(route); all != nil {
		r.Metrics = []map[string]int{{}}
		for _, m := range all {
			r.Metrics[0][m.name] = m.value
		}
	}
	for _, h := range route.MultiPath {
		next := nextHopRecord{newHopRecord(h.Gw, h.Via), h.Hops + 1, []string{}}
		next.Dev = v.links.of(h.LinkIndex)
		flags, _ := namesOf(uint32(h.Flags), hopFlags())
		next.Flags = append(next.Flags, flags...)
		r.Hops = append(r.Hops, next)
	}
	return r
}
