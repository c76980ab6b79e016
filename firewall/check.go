package firewall

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Bounds of what the kernel takes.
const (
	maxIfname  = 15 // linux/if.h IFNAMSIZ, less the NUL
	maxName    = 32 // of zones: chains are named after two of them, and NFT_NAME_MAXLEN is 256
	maxComment = 127
	maxRate    = 1_000_000 // net/netfilter/nft_limit.c counts in nanoseconds per packet
)

// Check finds everything that is wrong with p: names that are not declared, things that cannot be compiled. Its error
// joins one error per finding; nil means that [Compile] succeeds.
func (p Policy) Check() error {
	c := checker{zones: map[string]bool{}}
	c.checkZones(p.Zones)
	for i, a := range p.Allow {
		c.place = fmt.Sprintf("allow %d", i+1)
		if a.Origin != "" {
			c.place += " (" + a.Origin + ")"
		}
		c.checkAllow(a)
	}
	for i, m := range p.Masquerade {
		c.place = fmt.Sprintf("masquerade %d", i+1)
		c.names("from", m.From)
		c.names("to", []string{m.To})
	}
	c.place = "log"
	c.rate(p.Log)
	return errors.Join(c.errs...)
}

type checker struct {
	zones map[string]bool
	place string
	errs  []error
}

func (c *checker) problem(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("firewall policy: %s: %w", c.place, fmt.Errorf(format, args...)))
}

func (c *checker) checkZones(zones []Zone) {
	home := map[string]string{} // interface -> zone
	for _, z := range zones {
		c.place = "zone " + z.Name
		switch {
		case !validName(z.Name):
			c.problem("expected a name of letters, digits and '-' that starts with a letter, at most %d", maxName)
		case z.Name == Box:
			c.problem("that name means the appliance itself")
		case c.zones[z.Name]:
			c.problem("declared twice")
		}
		c.zones[z.Name] = true
		if z.Refuse != Drop && z.Refuse != Reject {
			c.problem("refuse %q: expected %q or %q", z.Refuse, Drop, Reject)
		}
		for _, name := range z.Interfaces {
			if !validIfname(name) {
				c.problem("interface %q: expected the name of a network interface other than lo", name)
			}
			if other, taken := home[name]; taken {
				c.problem("interface %s is in zone %s already", name, other)
			}
			home[name] = z.Name
		}
	}
}

func (c *checker) checkAllow(a Allow) {
	c.names("from", a.From)
	c.names("to", slices.DeleteFunc(slices.Clone(a.To), func(s string) bool { return s == Box }))
	if len(a.To) == 0 {
		c.problem("to: names no zone")
	}
	if slices.Contains(a.To, Box) && len(a.Services) == 0 {
		c.problem("to %s: name the services; everything would open every port of the appliance", Box)
	}
	c.rate(a.Rate)
	if !printable(a.Origin) {
		c.problem("origin %q: expected printable text without quotes", a.Origin)
	}
	for _, s := range a.Services {
		c.checkService(s)
	}
}

func (c *checker) checkService(s Service) {
	if s.Name == "" || !printable(s.Name) {
		c.problem("service %q: expected a printable name without quotes", s.Name)
	}
	if len(s.Flows) == 0 {
		c.problem("service %s: has no flows", s.Name)
	}
	for _, f := range s.Flows {
		switch f.Proto {
		case TCP, UDP:
			if len(f.Types) > 0 {
				c.problem("service %s: %s has no types", s.Name, f.Proto)
			}
		case ICMP, ICMPv6:
			if len(f.Types) == 0 || len(f.Ports) > 0 {
				c.problem("service %s: %s needs types and has no ports", s.Name, f.Proto)
			}
		default:
			c.problem("service %s: protocol %q: expected tcp, udp, icmp or icmpv6", s.Name, f.Proto)
		}
		c.checkPorts(s.Name, f.Ports)
	}
}

// checkPorts refuses ranges that overlap, because a set of the kernel does.
func (c *checker) checkPorts(service string, ports []PortRange) {
	sorted := slices.SortedFunc(slices.Values(ports), func(a, b PortRange) int { return int(a.First) - int(b.First) })
	for i, r := range sorted {
		if r.First > r.Last {
			c.problem("service %s: ports %s: the first is above the last", service, r)
		}
		if i > 0 && r.First <= sorted[i-1].Last {
			c.problem("service %s: ports %s and %s overlap", service, sorted[i-1], r)
		}
	}
}

func (c *checker) names(field string, zones []string) {
	if field == "from" && len(zones) == 0 {
		c.problem("from: names no zone")
	}
	for _, name := range zones {
		if !c.zones[name] {
			c.problem("%s: there is no zone %q", field, name)
		}
	}
}

func (c *checker) rate(r Rate) {
	if (r.PerSecond == 0) != (r.Burst == 0) || r.PerSecond > maxRate || r.Burst > maxRate {
		c.problem("rate of %d per second, burst %d: expected both from 1 to %d, or none", r.PerSecond, r.Burst, maxRate)
	}
}

func validName(s string) bool {
	ok := s != "" && len(s) <= maxName
	for i, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		ok = ok && (letter || i > 0 && (r == '-' || '0' <= r && r <= '9'))
	}
	return ok
}

// validIfname is stricter than the kernel's dev_valid_name: a quote or '*' means something else in nft text.
func validIfname(s string) bool {
	return s != "" && s != "lo" && s != "." && s != ".." && len(s) <= maxIfname &&
		!strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"*/:\`, r) })
}

// printable reports whether s can stand in a quoted string of nft, which knows no escapes.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r == '"' || !unicode.IsPrint(r) })
}
