package print

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// clients writes what the clients of a network get and are told.
func (p *printer) clients(s *model.Site, name string, c model.Clients, network string) {
	p.heading("Clients on " + name)
	p.row("network", network)
	p.row("router", orNone(c.Router))
	if len(c.Pool) == 0 {
		p.row("pool", "none: only hosts with an address in hosts and a MAC in ethers")
	} else {
		p.row("pool", fmt.Sprintf("%s (%s)", ranges(c.Pool), count(c.PoolSize(), "address", "addresses")))
		p.row("excluded", ranges(c.Exclude))
		p.row("probe", probeText(c.Probe))
	}
	p.row("lease time", shortDuration(c.LeaseTime))
	if c.RapidCommit {
		p.row("rapid commit", "yes")
	}
	p.row("domain", s.Domain)
	p.row("search", strings.Join(c.Search, " "))
	p.row("resolvers", addrs(c.DNS))
	p.row("time servers", addrs(c.NTP))
	if c.MTU > 0 {
		p.row("MTU", fmt.Sprint(c.MTU))
	}
	for _, r := range c.Routes {
		p.row("route", r.String())
	}
	p.row("portal", c.CaptivePortal)
	if c.IPv6OnlyWait > 0 {
		p.row("IPv6 only", "clients that can leave IPv4 alone for "+shortDuration(c.IPv6OnlyWait))
	}
	p.options(c.Options)
}

// client writes what one host is told otherwise than its neighbours.
func (p *printer) client(c model.HostClient) {
	for _, port := range c.Ports {
		p.row("port", port.String())
	}
	if c.LeaseTime > 0 {
		p.row("lease time", shortDuration(c.LeaseTime))
	}
	if c.NoRouter || c.Router.IsValid() {
		p.row("router", orNone(c.Router))
	}
	p.options(c.Options)
}

func (p *printer) options(all []model.Option) {
	for _, o := range all {
		p.row("option", o.String())
	}
}

func orNone(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

func ranges(all []model.AddrRange) string {
	var text []string
	for _, r := range all {
		if r.First == r.Last {
			text = append(text, r.First.String())
		} else {
			text = append(text, r.String())
		}
	}
	return strings.Join(text, ", ")
}

// probeText says how new clients are kept from addresses that are in use.
func probeText(d time.Duration) string {
	if d == 0 {
		return "off: an address is offered without looking whether it is in use"
	}
	return d.String() + " before an address is new to a client"
}
