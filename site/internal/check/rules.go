package check

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// ruleText is an [[firewall.allow]] or [[firewall.deny]] as it was written.
type ruleText struct {
	at                source.Span
	deny              bool
	from, to, service toml.Many
	rate, name        toml.Str
	log               toml.Bool
}

// checkedRule is a rule with the place that messages about it name.
type checkedRule struct {
	model.FirewallRule
	at       source.Span
	from, to reach
}

// checkRules reads the rules in the order of the file, which is that in which they are asked.
func (c *firewallCheck) checkRules() {
	var texts []ruleText
	for _, r := range c.raw.Allows {
		texts = append(texts, ruleText{r.At, false, r.From, r.To, r.Service, r.Rate, r.Name, r.Log})
	}
	for _, r := range c.raw.Denies {
		texts = append(texts, ruleText{r.At, true, r.From, r.To, r.Service, toml.Str{}, r.Name, r.Log})
	}
	slices.SortFunc(texts, func(a, b ruleText) int { return cmp.Compare(a.at.Off, b.at.Off) })
	for _, text := range texts {
		if r, ok := c.rule(text); ok {
			c.checkHidden(r)
			c.openBox(r)
			c.checked = append(c.checked, placedRule{r.FirewallRule, r.at})
			c.out.Rules = append(c.out.Rules, r.FirewallRule)
		}
	}
}

func (c *firewallCheck) rule(text ruleText) (checkedRule, bool) {
	r := model.FirewallRule{Deny: text.deny, Log: text.log.Value, Place: text.at.Place()}
	var okFrom, okTo, okServices bool
	r.From, okFrom = c.ends("from", text.from, false)
	r.To, okTo = c.ends("to", text.to, true)
	r.Services, okServices = c.ruleServices(text.service)
	r.Rate = c.rate(text.rate)
	prefix := ""
	if r.Deny {
		prefix = "no-"
	}
	r.Name = c.ruleName(text.name, prefix+firstWord(text.from)+"-"+firstWord(text.to)+"-"+
		firstWord(text.service), text.at)
	ok := okFrom && okTo && okServices
	isBox := func(e model.FirewallEnd) bool { return slices.Contains(e.Zones, model.ZoneBox) }
	if ok && !r.Deny && len(r.Services) == 0 && slices.ContainsFunc(r.To, isBox) {
		c.At(text.to.Items[0].At, `to: that would open every port of the appliance; expected service = … with what may be reached, or zones without "box"`)
		ok = false
	}
	checked := checkedRule{r, text.at, c.reach(r.From), c.reach(r.To)}
	if ok && c.settled && !c.passes(r) {
		c.local = append(c.local, checked)
	}
	return checked, ok
}

// passes reports whether packets from some of r's zones to some of its others come by the appliance.
func (c *firewallCheck) passes(r model.FirewallRule) bool {
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

// sameNetwork reports whether hosts of two zones reach each other without the appliance: both are on one LAN
// that has no further router, or both are upstream.
func (c *firewallCheck) sameNetwork(a, b string) bool {
	if a == model.ZoneWAN || b == model.ZoneWAN || a == model.ZoneBox || b == model.ZoneBox {
		return a == b
	}
	lanOf := func(name string) string {
		return c.zones[slices.IndexFunc(c.zones, func(z zone) bool { return z.name == name })].lan
	}
	i := slices.IndexFunc(c.site.LANs, func(l model.LAN) bool { return l.Name == lanOf(a) })
	return lanOf(a) == lanOf(b) && i >= 0 && !c.site.Transit(c.site.LANs[i])
}

// ruleServices reads the services of a rule: names, or a protocol and a port. None means everything.
func (c *firewallCheck) ruleServices(v toml.Many) ([]model.Service, bool) {
	var all []model.Service
	before := c.Count()
	for _, word := range v.Items {
		if strings.Contains(word.Text, "/") {
			f, reason := model.ReadFlow(word.Text)
			if reason != "" {
				c.At(word.At, "service %q %s", word.Text, flowReason(word.Text, reason))
				continue
			}
			all = append(all, model.Service{Name: word.Text, Flows: []model.Flow{f}})
			continue
		}
		s, known := c.services[strings.ToLower(word.Text)]
		if !known {
			c.At(word.At, "there is no service %q%s", word.Text, c.suggestService(word.Text))
			continue
		}
		all = append(all, s)
	}
	if v.OK() && len(v.Items) == 0 {
		c.At(v.At, "service is empty; expected services, or no such line for everything")
	}
	return all, c.Count() == before
}

func (c *firewallCheck) suggestService(word string) string {
	var names []string
	for name := range c.services {
		names = append(names, name)
	}
	slices.Sort(names)
	if meant := meantService(word); meant != "" {
		return "; expected " + meant
	}
	if meant := asFlow(word); meant != "" {
		return "; did you mean " + meant + "?"
	}
	if near := toml.Nearest(word, names); near != "" {
		return "; did you mean \"" + near + "\"?"
	}
	return `; expected one of docs/site.md, one of [firewall.service], or a protocol and a port such as "tcp/8080"`
}

// rate reads "10/second" or "10/second burst 30".
func (c *firewallCheck) rate(v toml.Str) model.Rate {
	if !v.OK() {
		return model.Rate{}
	}
	text, burst, bursts := strings.Cut(v.Text, " burst ")
	count, per, _ := strings.Cut(text, "/")
	n, err := strconv.ParseUint(count, 10, 32)
	b := n
	if bursts && err == nil {
		b, err = strconv.ParseUint(burst, 10, 32)
	}
	if err != nil || !slices.Contains([]string{"second", "minute", "hour"}, per) {
		c.At(v.At, `rate %q is none; expected a number per second, minute or hour, such as "10/second" or "10/second burst 30"`, v.Text)
		return model.Rate{}
	}
	if n < 1 || b < 1 || n > maxRate || b > maxRate {
		c.At(v.At, "rate %q is out of range; expected 1 to %d", v.Text, maxRate)
		return model.Rate{}
	}
	return model.Rate{Count: uint32(n), Per: per, Burst: uint32(b)}
}

// firstWord is what stands for all words of a key in a name.
func firstWord(v toml.Many) string {
	if len(v.Items) == 0 {
		return ""
	}
	return v.Items[0].Text
}

// ruleName returns the name of a rule or forward: the one that was given, or one that is made of what it
// says.
func (c *firewallCheck) ruleName(v toml.Str, made string, at source.Span) string {
	if v.OK() {
		name := strings.ToLower(v.Text)
		reason := model.NotLabel(name)
		first, taken := c.taken[name]
		switch {
		case reason != "":
			c.At(v.At, "name %q %s", v.Text, reason)
		case name[0] < 'a' || len(name) > maxRuleName:
			c.At(v.At, "name %q does not start with a letter or has more than %d characters; expected another", v.Text, maxRuleName)
		case slices.Contains([]string{"refused", "spoofed", "banned", "flood", "share"}, name):
			c.At(v.At, "name %q is what the log calls packets that no rule speaks of; expected another",
				v.Text)
		case taken:
			c.Against(v.At, first, "name %q is here a second time; expected another", name)
		}
		c.taken[name] = v.At
		return name
	}
	made = nameOf(made)
	name := made
	for {
		if _, taken := c.taken[name]; !taken {
			c.taken[name] = at
			return name
		}
		c.numbered[made]++
		number := fmt.Sprintf("-%d", c.numbered[made]+1)
		name = made[:min(len(made), maxRuleName-len(number))] + number
	}
}

// nameOf makes a name of any text: its letters and digits with single hyphens between, short enough for a
// number behind.
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
