package check

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// placedRule is a rule with its place.
type placedRule struct {
	model.FirewallRule
	at source.Span
}

// lanLine is the first line of a list that has all of a LAN.
type lanLine struct {
	network netip.Prefix
	lan     int
	at      source.Span
}

// The ways to the appliance that nobody means to shut.
var (
	flowDHCP = model.Flow{Proto: "udp", First: 67, Last: 67}
	flowSSH  = model.Flow{Proto: "tcp", First: 22, Last: 22}
)

func (l *loader) warnFirewall() {
	for i, lan := range l.site.LANs {
		if r := l.shutBy(lan.Name, flowDHCP); r != nil && l.hasClients(lan) {
			l.Warn(r.at, l.raw.LANs[i].Name.At, "%q keeps all hosts of lan %q from DHCP, so they get no address; "+
				"expected other services, or a rule before it that allows dhcp", r.Name, lan.Name)
		}
	}
	l.warnShutOut()
	for _, r := range l.checked {
		onlyBox := !slices.ContainsFunc(r.To, func(e model.FirewallEnd) bool {
			return len(e.Zones) > 1 || e.Zones[0] != model.ZoneBox
		})
		if !r.Deny && onlyBox {
			l.warnNobodyListens(r)
		}
		for _, end := range slices.Concat(r.From, r.To) {
			for _, set := range end.Sets {
				if line, has := l.listed[set]; has && r.Deny {
					l.Warn(line.at, l.raw.LANs[line.lan].Name.At,
						"%s has all of lan %q in it, so %q denies what its hosts do; "+
							"expected a list without it, or a rule before it that allows that", line.network,
						l.site.LANs[line.lan].Name, r.Name)
					delete(l.listed, set) // once is enough
				}
			}
		}
	}
}

// hasClients reports whether anybody has an address from the appliance on a LAN.
func (l *loader) hasClients(lan model.LAN) bool {
	return len(lan.Pool) > 0 || slices.ContainsFunc(l.hosts.list, func(h *hostEntry) bool {
		return h.AsksDHCP() && h.AddrIn(lan.IPv4.Masked()).IsValid()
	})
}

// warnShutOut looks whether anybody on a LAN can still log in.
func (l *loader) warnShutOut() {
	var last *placedRule
	for _, zone := range l.zoneNames() {
		r := l.shutBy(zone, flowSSH)
		if r == nil {
			return
		}
		if last == nil || last.at.Off < r.at.Off {
			last = r
		}
	}
	if last != nil {
		l.Warn(last.at, source.Span{}, "with %q nobody can log in to the appliance by ssh from any lan; "+
			`expected a rule before it that allows it, from whom you are to box with service = "ssh"`,
			last.Name)
	}
}

// zoneNames are the zones behind the appliance.
func (l *loader) zoneNames() (names []string) {
	for _, lan := range l.site.LANs {
		names = append(names, lan.Name)
	}
	for _, z := range l.site.Firewall.Zones {
		names = append(names, z.Name)
	}
	return names
}

// shutBy returns the rule that keeps everybody in a zone from something of the appliance's, nil if some of
// them have a way. Rules with a rate decide nothing for sure.
func (l *loader) shutBy(zone string, f model.Flow) *placedRule {
	for i, r := range l.checked {
		covers := len(r.Services) == 0 || model.Covers(flowsOf(r.Services, true), f)
		switch {
		case !covers || !speaksOf(r.To, model.ZoneBox) || !speaksOf(r.From, zone):
		case !r.Deny:
			return nil
		case isWhole(r.From, zone):
			return &l.checked[i]
		}
	}
	return nil
}

// speaksOf reports whether one side of a rule is about anybody in a zone.
func speaksOf(ends []model.FirewallEnd, zone string) bool {
	return slices.ContainsFunc(ends, func(e model.FirewallEnd) bool { return slices.Contains(e.Zones, zone) })
}

// isWhole reports whether it is about everybody there.
func isWhole(ends []model.FirewallEnd, zone string) bool {
	return slices.ContainsFunc(ends, func(e model.FirewallEnd) bool {
		return slices.Contains(e.Zones, zone) && len(e.Networks)+len(e.Sets) == 0
	})
}

// warnNobodyListens is about a rule that allows what the appliance does not serve there.
func (l *loader) warnNobodyListens(r placedRule) {
	fromLAN := slices.ContainsFunc(l.zoneNames(), func(zone string) bool { return speaksOf(r.From, zone) })
	var idle []string
	for _, s := range r.Services {
		if !slices.ContainsFunc(s.Flows, func(f model.Flow) bool { return l.serves(f, fromLAN) }) {
			idle = append(idle, s.Name)
		}
	}
	switch {
	case len(idle) == 0:
	case fromLAN:
		l.Warn(r.at, source.Span{}, "%q allows %s to the appliance, where nothing listens; expected what it serves, "+
			"or the host that does in place of box", r.Name, strings.Join(idle, ", "))
	default:
		l.Warn(r.at, source.Span{}, "%q allows %s from WAN to the appliance, where nothing listens: it serves its LANs only; "+
			"expected [[firewall.forward]] to a host, or no such rule", r.Name, strings.Join(idle, ", "))
	}
}

// serves reports whether the appliance answers to a kind of packet. A traceroute has its answer from no
// service.
func (l *loader) serves(f model.Flow, onLAN bool) bool {
	switch {
	case strings.HasPrefix(f.Proto, "icmp"), f.Overlaps(model.Flow{Proto: "udp", First: 33434, Last: 33534}):
		return true
	case f.Proto == "ipv6":
		return l.site.Tunnel != nil
	}
	return onLAN && slices.ContainsFunc(l.site.BoxServices(), func(s model.Service) bool {
		return slices.ContainsFunc(s.Flows, f.Overlaps)
	})
}

// noteLAN notes a line of a list that has all of a LAN.
func (l *loader) noteLAN(list string, p netip.Prefix, at source.Span) {
	if l.around == nil {
		l.around = map[netip.Prefix]int{}
		for i, lan := range l.site.LANs {
			for _, n := range lan.Own() {
				for length := 1; n.IsValid() && length <= n.Bits(); length++ {
					if p := netip.PrefixFrom(n.Addr(), length).Masked(); l.around[p] == 0 {
						l.around[p] = 1 + i
					}
				}
			}
		}
		l.listed = map[string]lanLine{}
	}
	name := strings.ToLower(list)
	if lan := l.around[p]; lan > 0 && l.listed[name].network == (netip.Prefix{}) {
		l.listed[name] = lanLine{p, lan - 1, at}
	}
}
