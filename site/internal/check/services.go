package check

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	maxInstance = 63  // one label
	maxText     = 255 // one string of a TXT record
	maxWire     = 255 // a name as it is sent
)

// services reads every [[service]].
func (c *dnsCheck) services() {
	seen := map[string]source.Span{} // what is said, and the names of instances
	types := map[string]bool{}       // that are browsed for
	for _, raw := range c.raw.Offers {
		before := c.Count()
		s := c.service(raw)
		if c.Count() > before || s.Type == "" || s.Host == "" || s.Port == 0 {
			continue
		}
		says := fmt.Sprintln(s.Type, s.Host, s.Port, s.Priority, s.Weight)
		place := fmt.Sprintf("%s %s %d", raw.Type.Text, raw.Host.Text, s.Port)
		first, twice := seen[says]
		if s.Instance == "" && twice {
			c.Against(raw.At, first, "service %s is here a second time; expected it once", place)
			continue
		}
		if !twice {
			seen[says] = raw.At
			c.grow(rrset{s.Type + "." + c.site.Domain, "SRV"}, 6+wireLen(c.site.FullName(s.Host)), raw.At)
		}
		if s.Instance != "" && !c.instance(raw, s, seen, types) {
			continue
		}
		c.site.DNS.Services = append(c.site.DNS.Services, s)
	}
}

// service reads the values of one.
func (c *dnsCheck) service(raw toml.Service) model.DNSService {
	s := model.DNSService{
		Place:    raw.At.Place(),
		Type:     c.serviceType(raw.Type),
		Host:     c.serviceHost(raw.Host),
		Port:     c.number("port", raw.Port, 1),
		Priority: c.number("priority", raw.Priority, 0),
		Weight:   c.number("weight", raw.Weight, 0),
		Instance: raw.Instance.Text,
	}
	switch v := raw.Instance; {
	case v.OK() && strings.TrimSpace(v.Text) == "":
		c.At(v.At, "instance is empty; expected what people shall see, or no such line")
	case len(v.Text) > maxInstance:
		c.At(v.At, "instance has %d bytes; expected at most %d", len(v.Text), maxInstance)
	case s.Type != "" && len(v.Text)+1+wireLen(s.Type+"."+c.site.Domain) > maxWire:
		c.At(v.At, "instance %q is too long before %s.%s; expected at most %d bytes in all", v.Text, s.Type,
			c.site.Domain, maxWire)
	}
	if raw.Text.OK() && !raw.Instance.OK() && c.parsed {
		c.At(raw.Text.At, "text is about an instance, and there is none; expected the key instance too")
	}
	for _, v := range raw.Text.Items {
		if key, _, _ := strings.Cut(v.Text, "="); key == "" {
			c.At(v.At, `text %q has no key; expected one such as "rp=printers/office" (RFC 6763 6.4)`, v.Text)
		}
		if len(v.Text) > maxText {
			c.At(v.At, "text has %d bytes; expected at most %d", len(v.Text), maxText)
		}
		s.Text = append(s.Text, v.Text)
	}
	return s
}

// serviceType reads a type, under whose name nothing else may say where a service is.
func (c *dnsCheck) serviceType(v toml.Str) string {
	if !v.OK() {
		return ""
	}
	typ := strings.ToLower(v.Text)
	service, proto, _ := strings.Cut(typ, ".")
	full := typ + "." + c.site.Domain
	switch known := c.names[full]; {
	case !strings.HasPrefix(service, "_") || model.NotLabel(service[1:]) != "" || len(service) > 16 ||
		proto != "_tcp" && proto != "_udp":
		c.At(v.At, `type %q is none; expected one such as "_ipp._tcp", at most 15 characters between "_" and "." (RFC 6335 5.1)`, v.Text)
	case typ == browsing:
		c.At(v.At, "type %q is for browsing, which follows from instances; expected another", v.Text)
	case known.srv || known.cname != "":
		c.Against(v.At, known.at, "a record says already where %s is; expected one of the two", typ)
	case len(full) > maxNameLen:
		c.At(v.At, "type %q is too long for a name in %s", v.Text, c.site.Domain)
	case c.notOthers(v, "type", full):
		if known.what == "" {
			c.claim(full, dnsName{what: "a service", at: v.At})
		}
		return typ
	}
	return ""
}

func (c *dnsCheck) serviceHost(v toml.Str) string {
	if !v.OK() {
		return ""
	}
	name := model.Canonical(v.Text, c.site.Domain)
	if _, known := c.hosts.names[name]; !known && name != c.site.Name {
		c.lacks(source.Hosts, v.Text, v.At, source.Span{},
			"host %q is neither in hosts nor in ethers, nor the appliance; expected one of these%s", v.Text,
			c.hosts.suggest(v.Text))
		return ""
	}
	return name
}

func (c *dnsCheck) number(key string, v toml.Int, least int64) uint16 {
	if v.OK() && (v.Value < least || v.Value > 65535) {
		c.At(v.At, "%s %d is out of range; expected %d to 65535", key, v.Value, least)
		return 0
	}
	return uint16(v.Value)
}

// instance takes the name under which people find a service, and reports whether it is one.
func (c *dnsCheck) instance(raw toml.Service, s model.DNSService, seen map[string]source.Span,
	types map[string]bool) bool {
	typ := s.Type + "." + c.site.Domain
	name := strings.ToLower(s.Instance) + "." + typ
	first, twice := seen[name]
	record, taken := c.names[name]
	browsed := browsing + "." + c.site.Domain
	others, elsewhere := c.forwardOf(browsed)
	switch {
	case twice:
		c.Against(raw.Instance.At, first, "instance %q of %s is here a second time; expected another name",
			s.Instance, s.Type)
		return false
	case taken:
		c.Against(raw.Instance.At, record.at, "instance %q is the name of %s already; expected another",
			s.Instance, record.what)
		return false
	case elsewhere:
		c.Against(raw.Instance.At, others.at,
			"instances are found by browsing %s, and others are asked for %s; expected no instance, or a forward without it", c.site.Domain, others.name)
		return false
	}
	seen[name] = raw.Instance.At
	c.above[typ], c.above[browsed] = true, true
	c.addAbove(browsed)
	c.grow(rrset{typ, "PTR"}, len(s.Instance)+1+wireLen(typ), raw.Instance.At)
	texts := max(1, len(s.Text))
	for _, t := range s.Text {
		texts += len(t)
	}
	c.grow(rrset{name, "TXT"}, texts, raw.Instance.At)
	if !types[s.Type] {
		types[s.Type] = true
		c.grow(rrset{browsed, "PTR"}, wireLen(typ), raw.Instance.At)
	}
	return true
}
