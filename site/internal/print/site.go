package print

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/sshkey"
)

func (p *printer) links(s *model.Site) {
	p.heading("Links")
	if wan := s.WAN; wan.Interface != "" {
		p.row(wan.Link(), "WAN", wanAddresses(wan), wanNote(wan))
	}
	if t := s.Tunnel; t != nil {
		p.row(model.TunnelLink, "tunnel", t.IPv6.String(), "IPv6 default route via "+t.Gateway.String())
	}
	for _, lan := range s.LANs {
		p.row(lan.Link(), lan.Name, prefixes(lan.Own()...), sources6(lan))
	}
	p.wan(s.WAN)
	p.tunnel(s.Tunnel)
	p.ipv6(s)
	if len(s.Routes) == 0 {
		return
	}
	p.heading("Routes")
	for _, r := range s.Routes {
		p.row(r.To.String(), "via "+r.Via.String())
	}
}

// networksOf are the fixed networks of a LAN.
func networksOf(lan model.LAN) string {
	var all []netip.Prefix
	for _, p := range lan.Own() {
		all = append(all, p.Masked())
	}
	return prefixes(all...)
}

// sources6 says of what prefixes a LAN has IPv6 networks too.
func sources6(lan model.LAN) string {
	if len(lan.From6) == 0 {
		return ""
	}
	var words []string
	for _, from := range lan.From6 {
		words = append(words, string(from))
	}
	return fmt.Sprintf("IPv6 subnet %d of: %s", lan.Subnet, strings.Join(words, ", "))
}

// ipv6 writes what LANs have in common.
func (p *printer) ipv6(s *model.Site) {
	var rows [][]string
	row := func(cells ...string) { rows = append(rows, cells) }
	switch v := s.IPv6; {
	case v.MakeULA:
		row("ula", "a prefix that the appliance makes (RFC 4193)")
	case v.ULA.IsValid():
		row("ula", v.ULA.String())
	}
	if s.WAN.Delegation != 0 {
		row("delegated", fmt.Sprintf("a /%d is asked for", s.WAN.Delegation))
	}
	if s.IPv6.Default != "" {
		row("default", "by the "+string(s.IPv6.Default)+", while it is up")
	}
	for _, lan := range s.LANs {
		if lan.NAT64.IsValid() {
			row("NAT64", lan.NAT64.String()+", as "+lan.Name+" is told")
		}
	}
	if s.IPv6.Names != model.NamesStable {
		row("names", "of addresses that hosts make: "+string(s.IPv6.Names))
	}
	if len(rows) > 0 {
		p.heading("IPv6")
	}
	for _, cells := range rows {
		p.row(cells[0], cells[1:]...)
	}
}

func prefixes(list ...netip.Prefix) string {
	var out []string
	for _, p := range list {
		if p.IsValid() {
			out = append(out, p.String())
		}
	}
	return strings.Join(out, " ")
}

// hosts writes a table with a row for each address and card of a host.
func (p *printer) hosts(s *model.Site) {
	if len(s.Hosts) == 0 {
		return
	}
	p.heading(count(len(s.Hosts), "host", "hosts"))
	for _, h := range s.Hosts {
		for i := range max(len(h.Addrs), len(h.MACs)) {
			row := []string{"", "", ""}
			if i < len(h.Addrs) {
				row[0] = model.Plain(h.Addrs[i]).String()
			} else if len(h.Addrs) == 0 && i == 0 {
				row[0] = "pool"
			}
			if i < len(h.MACs) {
				row[1] = h.MACs[i].String()
			}
			name := ""
			if i == 0 {
				name, row[2] = h.Name, hostNote(s, h)
			}
			p.row(name, row...)
		}
	}
}

// hostNote says what is particular about a host.
func hostNote(s *model.Site, h model.Host) string {
	var notes []string
	switch {
	case h.Name == s.Name || slices.Contains(h.Aliases, s.Name):
		notes = append(notes, "this appliance")
	case h.AsksDHCP() && slices.ContainsFunc(h.Addrs, netip.Addr.Is4):
		notes = append(notes, "reserved")
	}
	if s.Netboot != nil && slices.Contains(s.Netboot.Servers, h.Name) {
		notes = append(notes, "netboot server")
	}
	if h.Netboot != nil {
		notes = append(notes, "netboot")
	}
	if len(h.Aliases) > 0 {
		notes = append(notes, "also "+strings.Join(h.Aliases, " "))
	}
	return strings.Join(notes, ", ")
}

// netboot writes what all hosts that boot from the network are told alike, then a
// table of what differs.
func (p *printer) netboot(s *model.Site) {
	clients := slices.DeleteFunc(slices.Clone(s.Hosts), func(h model.Host) bool { return h.Netboot == nil })
	if len(clients) == 0 {
		return
	}
	p.heading(count(len(clients), "host boots", "hosts boot") + " from the network")
	columns := []string{"host"}
	for _, f := range allFacts(clients[0].Netboot) {
		switch {
		case f.what == "target": // the root path ends in it
		case slices.ContainsFunc(clients, func(h model.Host) bool {
			return factOf(h.Netboot, f.what) != f.value
		}):
			columns = append(columns, f.what)
		default:
			p.row(f.what, f.value)
		}
	}
	if len(columns) == 1 {
		p.row("hosts", joinNames(clients))
		return
	}
	p.heading("  " + strings.Join(columns, "\t"))
	for _, h := range clients {
		var row []string
		for _, what := range columns[1:] {
			row = append(row, factOf(h.Netboot, what))
		}
		if strings.Join(row, "") == "" {
			row[0] = "-" // all that it is told the others are too
		}
		p.row(h.Name, row...)
	}
}

func joinNames(hosts []model.Host) string {
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	return strings.Join(names, " ")
}

// factOf returns the value of one fact, "" if the host is not told it.
func factOf(n *model.HostNetboot, what string) string {
	for _, f := range factsOf(n) {
		if f.what == what {
			return f.value
		}
	}
	return ""
}

// access writes who may log in.
func (p *printer) access(s *model.Site) {
	p.heading("Access")
	console := "root shell"
	if s.Console.Locked {
		console = "locked"
	}
	p.row("console", console)
	for _, line := range s.AuthorizedKeys {
		if key, err := sshkey.Parse(line); err == nil {
			p.row("ssh", key.Type, source.Printable(key.Comment))
		}
	}
}

func addrs(list []netip.Addr) string {
	var out []string
	for _, a := range list {
		out = append(out, model.Plain(a).String())
	}
	return strings.Join(out, " ")
}

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
