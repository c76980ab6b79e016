package check

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// browsing is below which names a domain is browsed: RFC 6763 11.
const browsing = "_dns-sd._udp"

// target is a name that a record points to.
type target struct {
	typ, name string
	at        source.Span
}

func ttlKey() durationKey {
	return durationKey{"ttl", []string{"s", "m", "h", "d"}, "10m", "1s to 7d", time.Second,
		7 * 24 * time.Hour}
}

// records reads every [[record]].
func (c *dnsCheck) records() {
	seen := map[string]source.Span{}
	for _, raw := range c.raw.Records {
		before := c.Count()
		full, ok := c.nameOf(raw)
		r := &recordReader{dnsCheck: c, name: full}
		r.read(raw)
		if !ok {
			continue
		}
		if first, twice := seen[full]; twice {
			c.Against(raw.Name.At, first,
				"record %q is here a second time; expected all that it says in one [[record]]", raw.Name.Text)
			continue
		}
		seen[full] = raw.Name.At
		c.checkTogether(raw, full)
		is := dnsName{what: "a record", at: raw.Name.At, srv: len(r.out.SRV) > 0, cname: r.cname}
		if c.Count() > before {
			is.cname = "" // what it leads to was refused
		}
		if !c.names[full].host {
			c.claim(full, is)
		}
		r.out.Name, r.out.Place = c.canonical(full), raw.At.Place()
		c.site.DNS.Records = append(c.site.DNS.Records, r.out)
		c.pointers = append(c.pointers, r.targets...)
	}
}

// nameOf reads the name of a record, which must be one that the site can answer for.
func (c *dnsCheck) nameOf(raw toml.Record) (full string, ok bool) {
	v := raw.Name
	if !v.OK() {
		return "", false
	}
	full, reason := c.recordName(v.Text, true)
	switch {
	case reason != "":
		c.At(v.At, "record %q %s", v.Text, reason)
	case within(full, browsing+"."+c.site.Domain):
		c.At(v.At, "record %q is for browsing, which follows from [[service]]; expected another name", v.Text)
	default:
		return full, c.notOthers(v, "record", full)
	}
	return "", false
}

// checkTogether looks at the keys of a record together, and at a host of its name.
func (c *dnsCheck) checkTogether(raw toml.Record, full string) {
	others := slices.DeleteFunc([]source.Span{raw.Address.At, raw.SRV.At, raw.MX.At, raw.TXT.At, raw.CAA.At},
		func(at source.Span) bool { return !at.OK() })
	host := c.names[full]
	switch {
	case len(others) == 0 && !raw.CNAME.OK() && c.parsed:
		c.At(raw.At, "record %q says nothing; expected at least one of address, srv, mx, txt, caa and cname",
			raw.Name.Text)
	case raw.CNAME.OK() && len(others) > 0:
		c.Against(raw.CNAME.At, others[0],
			"record %q stands for another name, so it can say nothing else (RFC 1034 3.6.2); expected one of the two", raw.Name.Text)
	case raw.CNAME.OK() && host.host:
		c.Against(raw.CNAME.At, host.at,
			"record %q is the name of %s, so it cannot stand for another; expected another name, or an alias in hosts", raw.Name.Text, host.what)
	case raw.Address.OK() && host.host:
		c.Against(raw.Address.At, host.at,
			"record %q is the name of %s; expected its addresses in hosts, or another name", raw.Name.Text,
			host.what)
	case raw.CNAME.OK() && (full == c.site.Domain || full == "home.arpa"):
		c.At(raw.CNAME.At, "record %q is a zone, which says who answers for it and cannot stand for another name (RFC 1912 2.4); expected its addresses", raw.Name.Text)
	}
}

// The most that a chain of names may have (services/dns/zone has the same).
const maxHops = 8

// targets follows what the records point to.
func (c *dnsCheck) targets() {
	for _, t := range c.pointers {
		c.follow(t)
	}
}

// follow looks whether there is an end to a name that is pointed to, and whether it may stand for another.
func (c *dnsCheck) follow(t target) {
	name := t.name
	for hop := 0; ; hop++ {
		n, is := c.find(name)
		switch {
		case is == missing:
			c.At(t.at, "%s leads to %s, which does not exist; expected a name that the site has, or one outside%s",
				t.typ, name, c.hosts.suggest(c.canonical(name)))
			return
		case is == outside || n.cname == "":
			return
		case t.typ != "cname":
			c.Against(t.at, n.at, "%s leads to %s, which stands for another name (RFC 2181 10.3); expected that one", t.typ, name)
			return
		case hop+2 > maxHops:
			c.At(t.at, "cname leads from name to name, more than %d times or in a circle; expected it to lead to a host", maxHops)
			return
		}
		name = n.cname
	}
}

// being says whether there is a name.
type being uint8

const (
	missing being = iota
	ours
	outside // others know
)

// find looks a name up as the appliance will: RFC 1034 4.3.2 with RFC 4592.
func (c *dnsCheck) find(name string) (dnsName, being) {
	if n, ok := c.names[name]; ok {
		return n, ours
	}
	if name == c.site.Domain || c.above[name] {
		return dnsName{}, c.unnamed(name)
	}
	for at := above(name); at != ""; at = above(at) {
		_, here := c.names[at]
		forwarded := slices.ContainsFunc(c.forwards, func(d placedDomain) bool { return d.name == at })
		if !here && !forwarded && !c.above[at] && at != c.site.Domain {
			continue
		}
		if n, ok := c.names["*."+at]; ok {
			return n, ours
		}
		break
	}
	inDomain := above(name) == c.site.Domain && model.NotLabel(name[:len(name)-len(c.site.Domain)-1]) == ""
	if is := c.unnamed(name); is != ours || inDomain { // a client may call itself so
		return dnsName{}, is
	}
	return dnsName{}, missing
}

// unnamed says what there is of a name that the site says nothing of itself, if it is above others.
func (c *dnsCheck) unnamed(name string) being {
	_, forwarded := c.forwardOf(name)
	switch {
	case forwarded:
		return outside
	case within(name, c.site.Domain):
		return ours
	case isSpecial(name):
		return missing
	}
	return outside
}

// above returns the name that one is directly below, "" if there is none.
func above(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}
