package firewall

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// Bounds of what the kernel takes.
const (
	maxIfname = 15 // linux/if.h IFNAMSIZ, less the NUL
	// of zones and rules: chains are named after two of them and more, and NFT_NAME_MAXLEN is 256
	maxName    = 80
	maxComment = 127
	maxRate    = 1_000_000 // net/netfilter/nft_limit.c counts in nanoseconds per packet
)

// Check finds everything that is wrong with p: names that are not declared, things that cannot be compiled.
// Its error joins one error per finding; nil means that [Compile] succeeds. Rules that never apply because
// others hide them are no error here; package site refuses them.
func (p Policy) Check() error {
	c := checker{policy: p, zones: map[string]Zone{}, sets: map[string]bool{}, names: map[string]bool{}}
	c.checkZones()
	c.checkParts()
	c.checkSets()
	for _, list := range []struct {
		what  string
		rules []Rule
	}{{"rule", p.Rules}, {"default", p.Defaults}} {
		for i, r := range list.rules {
			c.place = placeOf(list.what, i, r.Name, r.Origin)
			c.checkRule(r)
		}
	}
	c.checkForwards()
	c.checkOneToOne()
	for i, m := range p.Masquerade {
		c.place = placeOf("masquerade", i, "", "")
		c.zonesOf("from", m.From)
		c.zonesOf("to", []string{m.To})
		if m.Address.IsValid() && !m.Address.Is4() {
			c.problem("address %v: expected an IPv4 address", m.Address)
		}
	}
	c.place = "log"
	c.rate(p.Log)
	c.place = "flood"
	c.rate(p.Flood)
	c.place = "neighbours"
	c.rate(p.Neighbours.Link)
	if n := p.Neighbours; n.bounded() && (n.Link == (Rate{}) || n.Size < cards) {
		c.problem("size %d, rate %v: expected both, and a size of at least %d", n.Size, n.Link, cards)
	}
	c.networks("routed network", p.Neighbours.Routed)
	return errors.Join(c.errs...)
}

type checker struct {
	policy Policy
	zones  map[string]Zone
	sets   map[string]bool
	names  map[string]bool // of rules and forwards
	place  string
	errs   []error
}

func (c *checker) problem(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("firewall policy: %s: %w", c.place, fmt.Errorf(format, args...)))
}

// placeOf names a part of the policy: by its name if it has one, else by its number.
func placeOf(what string, i int, name, origin string) string {
	if name == "" || !printable(name) {
		name = fmt.Sprint(i + 1)
	}
	if origin != "" {
		name += " (" + origin + ")"
	}
	return what + " " + name
}

func (c *checker) checkZones() {
	home := map[string]string{} // interface -> zone
	for _, z := range c.policy.Zones {
		c.place = "zone " + z.Name
		_, known := c.zones[z.Name]
		switch {
		case !validName(z.Name, "-"):
			c.problem("expected a name of letters, digits and '-' that starts with a letter, at most %d",
				maxName)
		case z.Name == Box:
			c.problem("that name means the appliance itself")
		case known:
			c.problem("declared twice")
		}
		c.zones[z.Name] = z
		if z.Refuse != Drop && z.Refuse != Reject {
			c.problem("refuse %q: expected %q or %q", z.Refuse, Drop, Reject)
		}
		for _, name := range z.Interfaces {
			if !validIfname(name) {
				c.problem("interface %q: expected the name of a network interface other than lo", name)
			}
			if other, taken := home[name]; taken && len(z.Networks) == 0 {
				c.problem("interface %s is in zone %s already", name, other)
			}
			if len(z.Networks) == 0 {
				home[name] = z.Name
			}
		}
		for _, name := range z.Tunnels {
			if !slices.Contains(z.Interfaces, name) {
				c.problem("tunnel %q: expected one of its interfaces", name)
			}
		}
		c.networks("network", z.Networks)
		c.networks("bogon", z.Bogons)
		c.networks("network of the link", z.OnLink)
		c.networks("network of the link alone", z.Direct)
		c.networks("routed network", z.Routed)
		if len(z.Direct) > 0 && len(z.Interfaces) != 1 {
			c.problem("zone %q: networks of the link alone: expected one interface, got %d", z.Name,
				len(z.Interfaces))
		}
		if len(z.Routed) > 0 && (len(z.Interfaces) != 1 || len(z.Networks) > 0 || z.Outside) {
			c.problem("routed networks: expected a zone of ours of one whole interface")
		}
	}
}

// checkParts looks at the zones that are some networks behind the interfaces of another.
func (c *checker) checkParts() {
	for i, z := range c.policy.Zones {
		if len(z.Networks) == 0 {
			continue
		}
		c.place = "zone " + z.Name
		whole := slices.IndexFunc(c.policy.Zones, func(w Zone) bool {
			return len(w.Networks) == 0 && len(w.Interfaces) > 0 && slices.Equal(w.Interfaces, z.Interfaces)
		})
		switch {
		case whole < 0:
			c.problem("its interfaces are not those of a zone without networks")
		case c.policy.Zones[whole].Refuse != z.Refuse:
			c.problem("refuse %q, but %q in zone %s of the same interfaces", z.Refuse,
				c.policy.Zones[whole].Refuse, c.policy.Zones[whole].Name)
		}
		if z.Outside || z.RouterAdverts || z.DHCP || z.DHCPv6 || len(z.Tunnels) > 0 || len(z.Bogons) > 0 ||
			len(z.Own) > 0 {
			c.problem("outside, bogons, own, router_adverts, dhcp, dhcpv6 and tunnels are of whole interfaces")
		}
		for _, other := range c.policy.Zones[:i] {
			if slices.Equal(other.Interfaces, z.Interfaces) && overlap(other.Networks, z.Networks) {
				c.problem("its networks overlap those of zone %s", other.Name)
			}
		}
	}
}

func overlap(a, b []netip.Prefix) bool {
	return slices.ContainsFunc(a, func(p netip.Prefix) bool { return slices.ContainsFunc(b, p.Overlaps) })
}

func (c *checker) checkSets() {
	for i, s := range c.policy.Sets {
		c.place = placeOf("set", i, s.Name, "")
		switch {
		case !validName(s.Name, "-."):
			c.problem("name %q: expected letters, digits, '-' and '.', starting with a letter, at most %d",
				s.Name, maxName)
		case c.sets[s.Name]:
			c.problem("declared twice")
		}
		c.sets[s.Name] = true
		if len(s.Networks) == 0 && !s.Live {
			c.problem("is empty")
		}
		c.networks("network", s.Networks)
	}
}

func (c *checker) networks(what string, ps []netip.Prefix) {
	for _, p := range ps {
		if !p.IsValid() || p != p.Masked() {
			c.problem("%s %v: expected an address with the length of a network, and no bits behind it", what,
				p)
		}
	}
}

func (c *checker) zonesOf(field string, zones []string) {
	if len(zones) == 0 {
		c.problem("%s: names no zone", field)
	}
	for _, name := range zones {
		if _, known := c.zones[name]; !known {
			c.problem("%s: there is no zone %q", field, name)
		}
	}
}

func (c *checker) setsOf(field string, sets []string) {
	for _, name := range sets {
		if !c.sets[name] {
			c.problem("%s: there is no set %q", field, name)
		}
	}
}

func (c *checker) rate(r Rate) {
	if r == (Rate{}) {
		return
	}
	if r.Count == 0 || r.Burst == 0 || r.Per.Seconds() == 0 || r.Count > maxRate || r.Burst > maxRate {
		c.problem("rate of %d per %q, burst %d: expected both from 1 to %d, per second, minute or hour",
			r.Count, r.Per, r.Burst, maxRate)
	}
}

// validName reports whether s is made of letters, digits and some more characters, and starts with a letter.
func validName(s, more string) bool {
	ok := s != "" && len(s) <= maxName
	for i, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		ok = ok && (letter || i > 0 && (strings.ContainsRune(more, r) || '0' <= r && r <= '9'))
	}
	return ok
}

// validIfname is stricter than the kernel's dev_valid_name: a quote or '*' means something else in nft text.
func validIfname(s string) bool {
	return s != "" && s != "lo" && s != "." && s != ".." && len(s) <= maxIfname &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return r <= ' ' || r > '~' || strings.ContainsRune(`"*/:\`, r)
		})
}

// printable reports whether s can stand in a quoted string of nft, which knows no escapes.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r == '"' || !unicode.IsPrint(r) })
}
