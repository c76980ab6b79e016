package site

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Print writes what a site means, for a person who wants to see whether it is what
// they meant: the appliance's links, its networks with what clients are told, every
// host, and what the hosts that boot from the network are told. The error is that
// of w.
func Print(w io.Writer, s *Site) error {
	p := newPrinter(w)
	p.line(s.Name + "." + s.Domain)
	p.links(s)
	for _, lan := range s.LANs {
		p.lan(s, lan)
	}
	p.hosts(s)
	p.netboot(s)
	p.access(s)
	return p.flush()
}

// PrintHost writes what a site says about one host, and all that is derived for it.
func PrintHost(w io.Writer, s *Site, h Host) error {
	p := newPrinter(w)
	p.line(h.Name)
	if isLabel(h.Name) {
		p.row("full name", h.Name+"."+s.Domain)
	}
	p.row("also called", strings.Join(h.Aliases, " "))
	for _, a := range h.Addrs {
		p.row("address", a.String(), whereIs(s, h, a))
	}
	for _, lan := range poolLANs(s, h) {
		p.row("address", "from the pool of "+lan.Name, lan.Pool.String())
	}
	for _, m := range h.MACs {
		p.row("MAC", m.String())
	}
	if n := h.Netboot; n != nil {
		for _, fact := range n.facts() {
			p.row(fact.what, fact.value)
		}
	}
	p.row("written in", strings.Join(h.Places, " "))
	return p.flush()
}

// whereIs says what an address of a host is to the networks of the site.
func whereIs(s *Site, h Host, a netip.Addr) string {
	for _, lan := range s.LANs {
		switch {
		case a == lan.IPv4.Addr() || a == lan.IPv6.Addr():
			return "the appliance on " + lan.Name
		case lan.IPv4.Contains(a) && len(h.MACs) > 0:
			return "reserved on " + lan.Name
		case lan.IPv4.Contains(a) || lan.IPv6.IsValid() && lan.IPv6.Contains(a):
			return "on " + lan.Name
		}
	}
	if a == s.WAN.IPv4.Addr() || a == s.WAN.IPv6.Addr() {
		return "the appliance on WAN"
	}
	return ""
}

// poolLANs returns the LANs where a host that has a card and no address on any LAN
// gets one from the pool.
func poolLANs(s *Site, h Host) []LAN {
	if len(h.MACs) == 0 || slices.ContainsFunc(h.Addrs, netip.Addr.Is4) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.LANs), func(lan LAN) bool { return lan.Pool.IsZero() })
}

// fact is one thing that a host is told about booting.
type fact struct{ what, value string }

// facts returns what a host is told, in the order in which it needs it.
func (n *HostNetboot) facts() []fact {
	all := []fact{
		{"boot server", n.Server.String()},
		{"BIOS file", n.BIOS},
		{"UEFI file", n.UEFI},
		{"ARM64 file", n.UEFIARM64},
		{"script", n.Script},
		{"initiator", n.Initiator},
		{"target", n.Target},
		{"root path", n.RootPath},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.value == "" })
}

// printer writes aligned columns; a blank line or a heading ends their alignment.
type printer struct {
	tabs *tabwriter.Writer
	out  *trimmer
}

func newPrinter(w io.Writer) *printer {
	out := &trimmer{w: w}
	return &printer{tabs: tabwriter.NewWriter(out, 0, 8, 3, ' ', 0), out: out}
}

// line writes text that is not part of a table.
func (p *printer) line(text string) {
	fmt.Fprintln(p.tabs, text)
}

func (p *printer) heading(text string) {
	p.tabs.Flush()
	fmt.Fprintf(p.tabs, "\n%s\n", text)
}

// row writes one row of a table, nothing if it has no value.
func (p *printer) row(what string, values ...string) {
	if strings.Join(values, "") != "" {
		fmt.Fprintf(p.tabs, "  %s\t%s\n", what, strings.Join(values, "\t"))
	}
}

func (p *printer) flush() error {
	if err := p.tabs.Flush(); err != nil {
		return err
	}
	return p.out.err
}

// trimmer takes off the blanks that empty cells leave at the end of lines.
type trimmer struct {
	w    io.Writer
	line []byte
	err  error
}

func (t *trimmer) Write(b []byte) (int, error) {
	for _, c := range b {
		t.line = append(t.line, c)
		if c == '\n' && t.err == nil {
			_, t.err = fmt.Fprintln(t.w, strings.TrimRight(string(t.line), " \n"))
			t.line = t.line[:0]
		}
	}
	return len(b), t.err
}

// shortDuration writes whole days and hours as site.toml has them.
func shortDuration(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d%unit.length == 0 {
			return fmt.Sprintf("%d%s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
