package print

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// dns writes whom the appliance asks, and what it answers beside the names of hosts.
func (p *printer) dns(s *model.Site) {
	d := s.DNS
	p.heading("Names outside")
	if len(d.Upstream) == 0 {
		p.row("resolvers", "none: they are not answered")
	}
	for _, r := range d.Upstream {
		p.row("resolver", r.String(), how(r))
	}
	for _, f := range d.Forwards {
		for _, r := range f.Servers {
			p.row("for "+f.Domain, r.String(), how(r))
		}
	}
	for _, domain := range d.Private {
		p.row("private", domain, "its names may have private addresses")
	}
	if d.MixedCase {
		p.row("mixed case", "in random letters, which answers must repeat")
	}
	if len(d.Records) > 0 {
		p.heading("Records")
		for _, r := range d.Records {
			p.record(s, r)
		}
	}
	if len(d.Services) > 0 {
		p.heading("Services of hosts")
		for _, v := range d.Services {
			p.row(v.Type, s.FullName(v.Host)+" port "+strconv.Itoa(int(v.Port)), serviceNote(v))
		}
	}
}

func how(r model.Resolver) string {
	switch {
	case r.WAN:
		return "those that the provider names"
	case r.Name != "":
		return "by TLS"
	}
	return ""
}

// record writes a row for each value, in the words of a master file.
func (p *printer) record(s *model.Site, r model.DNSRecord) {
	name, ttl := s.FullName(r.Name), ""
	if r.TTL > 0 {
		ttl = "kept for " + shortDuration(r.TTL)
	}
	row := func(typ, format string, args ...any) { p.row(name, typ, fmt.Sprintf(format, args...), ttl) }
	for _, a := range r.Addrs {
		row(map[bool]string{true: "A", false: "AAAA"}[a.Is4()], "%s", a)
	}
	for _, v := range r.SRV {
		row("SRV", "%d %d %d %s", v.Priority, v.Weight, v.Port, s.FullName(v.Target))
	}
	for _, v := range r.MX {
		row("MX", "%d %s", v.Preference, s.FullName(v.Host))
	}
	for _, v := range r.TXT {
		row("TXT", `"%s"`, source.Printable(v))
	}
	for _, v := range r.CAA {
		row("CAA", `%d %s "%s"`, v.Flags, v.Tag, source.Printable(v.Value))
	}
	if r.CNAME != "" {
		row("CNAME", "%s", s.FullName(r.CNAME))
	}
}

// serviceNote says how a service is found.
func serviceNote(v model.DNSService) string {
	var notes []string
	if v.Priority != 0 || v.Weight != 0 {
		notes = append(notes, fmt.Sprintf("priority %d, weight %d", v.Priority, v.Weight))
	}
	if v.Instance != "" {
		notes = append(notes, `"`+source.Printable(v.Instance)+`"`)
	}
	for _, text := range v.Text {
		notes = append(notes, source.Printable(text))
	}
	return strings.Join(notes, ", ")
}
