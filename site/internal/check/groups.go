package check

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// setting is one thing that a [[host]] says of its hosts.
type setting struct {
	key string // what it is about: a host has one of each
	at  source.Span
	set func(h *hostEntry)
}

// assigned is the setting that counts for a host.
type assigned struct {
	setting
	inFull bool // the host was named in full, not by a pattern
}

// member is a host in a group.
type member struct {
	host   *hostEntry
	inFull bool
	at     source.Span // of the name or pattern
}

// group is one [[host]].
type group struct {
	raw     toml.Host
	members []member
}

// checkGroups gives every host what the groups that it is in say. A name in full goes
// before a pattern; apart from that nothing may be said twice.
func (l *loader) checkGroups() {
	for _, raw := range l.raw.Groups {
		if !says(raw) && l.parsed {
			l.At(raw.At, "[[host]] says nothing of its hosts; expected at least one of lease-time, router, options, options-always and netboot")
		}
		g := group{raw, l.members(raw.Names)}
		for _, s := range l.settings(raw) {
			l.assign(g, s)
		}
		l.groups = append(l.groups, g)
	}
	for _, h := range l.hosts.list {
		for _, key := range slices.Sorted(maps.Keys(h.settings)) {
			h.settings[key].set(h)
		}
		slices.SortFunc(h.Options, func(a, b model.Option) int { return cmp.Compare(a.Code, b.Code) })
		l.checkWayOut(h)
	}
}

func says(raw toml.Host) bool {
	for _, at := range []source.Span{raw.LeaseTime.At, raw.Router.At, raw.Options.At, raw.Always.At,
		raw.Netboot.At} {
		if at.OK() {
			return true
		}
	}
	return false
}

// members returns the hosts that names and patterns stand for, those that ask for
// their address by DHCP. Others that a pattern matches have nothing to do with it.
func (l *loader) members(names toml.List) []member {
	var all []member
	index := map[*hostEntry]int{}
	for _, v := range names.Items {
		inFull := !isPattern(v.Text)
		matched := l.matching(v)
		if !inFull && len(matched) > 0 && !slices.ContainsFunc(matched, func(h *hostEntry) bool {
			return h.AsksDHCP() || h.refused
		}) {
			l.lacks(source.Ethers, v.Text, v.At, matched[0].at,
				"%q matches no host that asks for its address; expected one with a line in ethers", v.Text)
		}
		for _, h := range matched {
			i, known := index[h]
			switch {
			case known:
				all[i].inFull = all[i].inFull || inFull
			case h.AsksDHCP():
				index[h] = len(all)
				all = append(all, member{h, inFull, v.At})
			case inFull && !h.refused:
				l.lacks(source.Ethers, v.Text, v.At, h.at,
					"%q asks no DHCP server; expected a host with a line in ethers", v.Text)
			}
		}
	}
	if names.OK() && len(names.Items) == 0 {
		l.At(names.At, `names is empty; expected whom this is about, such as ["web*", "db1"]`)
	}
	return all
}

// isPattern reports whether a word may match other names than itself.
func isPattern(word string) bool { return strings.ContainsAny(word, `*?[\`) }

// matching returns the hosts of a name or pattern, and reports one that has none.
func (l *loader) matching(v toml.Str) []*hostEntry {
	matched, err := l.hosts.match(model.Canonical(v.Text, l.site.Domain))
	if err != nil {
		l.At(v.At, "%q %v", v.Text, err)
	} else if len(matched) == 0 {
		l.lacks(source.Hosts, v.Text, v.At, source.Span{},
			"%q matches no host of the files hosts and ethers%s", v.Text, l.hosts.suggest(v.Text))
	}
	return matched
}

// assign gives a setting to the members of a group. Two that say the same of several
// hosts are reported once.
func (l *loader) assign(g group, s setting) {
	reported := map[source.Span]bool{}
	for _, m := range g.members {
		h := m.host
		if h.settings == nil {
			h.settings = map[string]assigned{}
		}
		first, taken := h.settings[s.key]
		switch {
		case !taken || m.inFull && !first.inFull:
			h.settings[s.key] = assigned{s, m.inFull}
		case m.inFull == first.inFull && !reported[first.at]:
			reported[first.at] = true
			hint := "expected one [[host]] to say it"
			if !m.inFull {
				hint += ", or one that names the host in full, which goes before patterns"
			}
			l.Against(s.at, first.at, "%s of %q is here a second time; %s", s.key, h.Name, hint)
		}
	}
}

// settings returns what is valid of what a group says.
func (l *loader) settings(raw toml.Host) []setting {
	var all []setting
	if d := l.duration(leaseTimeKey(), raw.LeaseTime, 0); d != 0 {
		all = append(all, setting{"lease-time", raw.LeaseTime.At, func(h *hostEntry) { h.LeaseTime = d }})
	}
	if router, ok := l.groupRouter(raw.Router); ok {
		all = append(all, setting{"router", raw.Router.At, func(h *hostEntry) {
			h.Router, h.NoRouter = router, !router.IsValid()
		}})
	}
	for _, o := range l.placedOptions(raw.Options, raw.Always, hostKeys()) {
		all = append(all, setting{optionKey(o.Code), o.at, func(h *hostEntry) {
			h.Options = append(h.Options, o.Option)
		}})
	}
	return append(all, l.profile(raw.Netboot)...)
}

func optionKey(code uint8) string { return "option " + strconv.Itoa(int(code)) }

// groupRouter reads the way out of hosts, which may be on any network.
func (l *loader) groupRouter(v toml.Str) (router netip.Addr, ok bool) {
	if !v.OK() {
		return netip.Addr{}, false
	}
	if a, err := netip.ParseAddr(v.Text); err == nil && a.Is4() {
		n := l.servedNetwork(a)
		if n == nil {
			if l.settled {
				l.At(v.At, "router %s is on no lan; expected a router on one of %s", a, l.servedNames())
			}
			return netip.Addr{}, false
		}
		router = l.router(v, clientNetwork{kind: "network", ipv4: n.own.Masked(), at: n.at})
		return router, router.IsValid()
	}
	router = l.router(v, clientNetwork{})
	return router, v.Text == toml.Off
}

// checkWayOut wants routes of a host's own to have the way out that clients no longer
// take from the router then: RFC 3442, "the DHCP client MUST ignore the Router option".
func (l *loader) checkWayOut(h *hostEntry) {
	i := slices.IndexFunc(h.Options, func(o model.Option) bool { return o.Code == 121 })
	if i < 0 {
		return
	}
	at := h.settings[optionKey(121)].at
	switch out := hasWayOut(h.Options[i].Data); {
	case out && h.NoRouter:
		l.Against(at, h.settings["router"].at,
			"option 121 of %q has a route to 0.0.0.0/0, but its router is off; expected one of the two",
			h.Name)
	case !out && !h.NoRouter:
		l.At(at, `option 121 of %q has no way out, and with it clients take none from the router (RFC 3442); expected "0.0.0.0/0 via …" too, or router = "off"`, h.Name)
	}
}
