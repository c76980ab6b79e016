package site

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ruleText is an [[firewall.allow]] or [[firewall.deny]] as it was written.
type ruleText struct {
	at                span
	deny              bool
	from, to, service many
	rate, name        str
	log               boolean
}

// checkedRule is a rule with the place that messages about it name.
type checkedRule struct {
	FirewallRule
	at span
}

// checkRules reads the rules in the order of the file, which is that in which they are asked.
func (c *firewallCheck) checkRules() {
	var texts []ruleText
	for _, r := range c.raw.Allows {
		texts = append(texts, ruleText{r.At, false, r.From, r.To, r.Service, r.Rate, r.Name, r.Log})
	}
	for _, r := range c.raw.Denies {
		texts = append(texts, ruleText{r.At, true, r.From, r.To, r.Service, str{}, r.Name, r.Log})
	}
	slices.SortFunc(texts, func(a, b ruleText) int { return cmp.Compare(a.at.off, b.at.off) })
	for _, text := range texts {
		if r, ok := c.rule(text); ok {
			c.checkHidden(r)
			c.rules = append(c.rules, r)
			c.out.Rules = append(c.out.Rules, r.FirewallRule)
		}
	}
}

func (c *firewallCheck) rule(text ruleText) (checkedRule, bool) {
	r := FirewallRule{Deny: text.deny, Log: text.log.b, Place: text.at.place()}
	var okFrom, okTo, okServices bool
	r.From, okFrom = c.ends("from", text.from, false)
	r.To, okTo = c.ends("to", text.to, true)
	r.Services, okServices = c.ruleServices(text.service)
	r.Rate = c.rate(text.rate)
	prefix := ""
	if r.Deny {
		prefix = "no-"
	}
	r.Name = c.ruleName(text.name, prefix+firstWord(text.from)+"-"+firstWord(text.to)+"-"+firstWord(text.service), text.at)
	ok := okFrom && okTo && okServices
	if ok && !r.Deny && len(r.Services) == 0 && slices.ContainsFunc(r.To, func(e FirewallEnd) bool { return slices.Contains(e.Zones, ZoneBox) }) {
		c.at(text.to.items[0].at, `to: that would open every port of the appliance; expected service = … with what may be reached, or zones without "box"`)
		ok = false
	}
	if ok && c.settled && !c.passes(r) {
		c.at(text.at, "this rule is about hosts of one network, whose packets do not pass the appliance; expected hosts of different ones")
		ok = false
	}
	return checkedRule{r, text.at}, ok
}

// passes reports whether packets from some of r's zones to some of its others come by the appliance.
func (c *firewallCheck) passes(r FirewallRule) bool {
	for _, from := range r.From {
		for _, to := range r.To {
			for _, a := range from.Zones {
				for _, b := range to.Zones {
					if !c.sameNetwork(a, b) {
						return true
					}
				}
			}
		}
	}
	return false
}

// sameNetwork reports whether hosts of two zones reach each other without the appliance: both are on one LAN that has
// no further router, or both are upstream.
func (c *firewallCheck) sameNetwork(a, b string) bool {
	if a == ZoneWAN || b == ZoneWAN || a == ZoneBox || b == ZoneBox {
		return a == b
	}
	lanOf := func(name string) string {
		return c.zones[slices.IndexFunc(c.zones, func(z zone) bool { return z.name == name })].lan
	}
	i := slices.IndexFunc(c.site.LANs, func(l LAN) bool { return l.Name == lanOf(a) })
	return lanOf(a) == lanOf(b) && i >= 0 && !c.site.Transit(c.site.LANs[i])
}

// ruleServices reads the services of a rule: names, or a protocol and a port. None means everything.
func (c *firewallCheck) ruleServices(v many) ([]Service, bool) {
	var all []Service
	before := len(c.list)
	for _, word := range v.items {
		if strings.Contains(word.s, "/") {
			f, reason := readFlow(word.s)
			if reason != "" {
				c.at(word.at, "service %q %s", word.s, reason)
				continue
			}
			all = append(all, Service{word.s, []Flow{f}})
			continue
		}
		s, known := c.services[strings.ToLower(word.s)]
		if !known {
			c.at(word.at, "there is no service %q%s", word.s, c.suggestService(word.s))
			continue
		}
		all = append(all, s)
	}
	if v.ok() && len(v.items) == 0 {
		c.at(v.at, "service is empty; expected services, or no such line for everything")
	}
	return all, len(c.list) == before
}

func (c *firewallCheck) suggestService(word string) string {
	var names []string
	for name := range c.services {
		names = append(names, name)
	}
	slices.Sort(names)
	if near := nearest(word, names); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return `; expected one of docs/site.md, one of [firewall.service], or a protocol and a port such as "tcp/8080"`
}

// rate reads "10/second" or "10/second burst 30".
func (c *firewallCheck) rate(v str) Rate {
	if !v.ok() {
		return Rate{}
	}
	text, burst, bursts := strings.Cut(v.s, " burst ")
	count, per, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(count, 10, 32)
	b := n
	if bursts && err == nil {
		b, err = strconv.ParseUint(burst, 10, 32)
	}
	if err != nil || !slices.Contains([]string{"second", "minute", "hour"}, per) {
		c.at(v.at, `rate %q is none; expected a number per second, minute or hour, such as "10/second" or "10/second burst 30"`, v.s)
		return Rate{}
	}
	if n < 1 || b < 1 || n > maxRate || b > maxRate {
		c.at(v.at, "rate %q is out of range; expected 1 to %d", v.s, maxRate)
		return Rate{}
	}
	return Rate{uint32(n), per, uint32(b)}
}

// firstWord is what stands for all words of a key in a name.
func firstWord(v many) string {
	if len(v.items) == 0 {
		return ""
	}
	return v.items[0].s
}

// ruleName returns the name of a rule or forward: the one that was given, or one that is made of what it says.
func (c *firewallCheck) ruleName(v str, made string, at span) string {
	if v.ok() {
		name := strings.ToLower(v.s)
		reason := notLabel(name)
		first, taken := c.taken[name]
		switch {
		case reason != "":
			c.at(v.at, "name %q %s", v.s, reason)
		case name[0] < 'a' || len(name) > maxRuleName:
			c.at(v.at, "name %q does not start with a letter or has more than %d characters; expected another", v.s, maxRuleName)
		case slices.Contains([]string{"refused", "spoofed", "banned", "flood"}, name):
			c.at(v.at, "name %q is what the log calls packets that no rule speaks of; expected another", v.s)
		case taken:
			c.against(v.at, first, "name %q is here a second time; expected another", name)
		}
		c.taken[name] = v.at
		return name
	}
	name := nameOf(made)
	for n := 2; ; n++ {
		if _, taken := c.taken[name]; !taken {
			c.taken[name] = at
			return name
		}
		name = fmt.Sprintf("%s-%d", nameOf(made), n)
	}
}

// nameOf makes a name of any text: its letters and digits with single hyphens between, short enough for a number behind.
func nameOf(text string) string {
	const room = 5 // for "-1000"
	var b strings.Builder
	for _, c := range strings.ToLower(text) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9' && b.Len() > 0:
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	name := b.String()
	return cmp.Or(strings.Trim(name[:min(len(name), maxRuleName-room)], "-"), "rule")
}
