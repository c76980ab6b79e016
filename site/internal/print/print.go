// Package print shows a site to people, as aligned text, so that they see whether it is what they meant.
// Every key shows somewhere (appliance/plan has the test). The text is not for programs.
package print

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// Site writes what a site means; site.Print says how.
func Site(w io.Writer, s *model.Site) error {
	p := newPrinter(w)
	p.line(s.Name + "." + s.Domain)
	p.links(s)
	for _, lan := range s.LANs {
		p.clients(s, lan.Name, lan.Clients, networksOf(lan))
	}
	for _, r := range s.Relayed {
		p.clients(s, r.Name+", through a relay agent", r.Clients, r.Network.String())
	}
	p.dns(s)
	p.time(s.NTP)
	p.hosts(s)
	p.netboot(s)
	p.firewall(s)
	p.access(s)
	return p.flush()
}

// Host writes what a site says about one host.
func Host(w io.Writer, s *model.Site, h model.Host) error {
	p := newPrinter(w)
	p.line(h.Name)
	if model.IsLabel(h.Name) {
		p.row("full name", h.Name+"."+s.Domain)
	}
	p.row("also called", strings.Join(h.Aliases, " "))
	for _, a := range h.Addrs {
		p.row("address", model.Plain(a).String(), whereIs(s, h, a))
	}
	for _, n := range poolNetworks(s, h) {
		p.row("address", "from the pool of "+n.Name, ranges(n.Pool))
	}
	for _, m := range h.MACs {
		p.row("MAC", m.String())
	}
	p.client(h.HostClient)
	if n := h.Netboot; n != nil {
		for _, fact := range factsOf(n) {
			p.row(fact.what, fact.value)
		}
	}
	p.row("written in", strings.Join(h.Places, " "))
	return p.flush()
}

// whereIs says what an address of a host is to the networks of the site.
func whereIs(s *model.Site, h model.Host, a netip.Addr) string {
	for i, lan := range s.LANs {
		switch {
		case slices.ContainsFunc(lan.Own(), func(p netip.Prefix) bool { return p.Addr() == a }):
			return "the appliance on " + lan.Name
		case lan.Has6(a):
			return "on " + lan.Name
		case model.StandIn(i).Contains(a):
			return "in each IPv6 network of " + lan.Name
		}
	}
	for _, n := range s.Subnets() {
		switch {
		case n.Network.Contains(a) && h.AsksDHCP():
			return "reserved on " + n.Name
		case n.Network.Contains(a):
			return "on " + n.Name
		}
	}
	own := func(p netip.Prefix) bool { return p.Addr() == a }
	if own(s.WAN.IPv6) || slices.ContainsFunc(s.WAN.Static4(), own) {
		return "the appliance on WAN"
	}
	return ""
}

// poolNetworks returns the networks where a host that asks for its address and has
// none of its own gets one from the pool.
func poolNetworks(s *model.Site, h model.Host) []model.Subnet {
	if !h.AsksDHCP() || slices.ContainsFunc(h.Addrs, netip.Addr.Is4) {
		return nil
	}
	return slices.DeleteFunc(s.Subnets(), func(n model.Subnet) bool { return len(n.Pool) == 0 })
}

// fact is one thing that a host is told about booting.
type fact struct{ what, value string }

// factsOf returns what a host is told, in the order in which it needs it.
func factsOf(n *model.HostNetboot) []fact {
	return slices.DeleteFunc(allFacts(n), func(f fact) bool { return f.value == "" })
}

// allFacts returns what a host may be told too, without a value.
func allFacts(n *model.HostNetboot) []fact {
	return []fact{
		{"boot server", n.Server.String()},
		{"HTTP boot", n.HTTP},
		{"BIOS file", n.BIOS},
		{"UEFI file", n.UEFI},
		{"ARM64 file", n.UEFIARM64},
		{"IA32 file", n.UEFIIA32},
		{"ARM32 file", n.UEFIARM32},
		{"RISC-V file", n.UEFIRISCV64},
		{"LoongArch file", n.UEFILoong64},
		{"other files", otherFiles(n.Files)},
		{"script", n.Script},
		{"install", map[bool]string{true: "the disk is attached, not booted"}[n.Install]},
		{"initiator", n.Initiator},
		{"target", n.Target},
		{"root path", n.RootPath},
		{"second path", n.RootPath2},
		{"CHAP", proofText(n.CHAP, false)},
		{"CHAP of the target", proofText(n.CHAP, true)},
	}
}

// otherFiles writes files by architecture.
func otherFiles(files map[uint16]string) string {
	var all []string
	for _, arch := range slices.Sorted(maps.Keys(files)) {
		all = append(all, fmt.Sprintf("%d: %s", arch, files[arch]))
	}
	return strings.Join(all, ", ")
}

// proofText says by what somebody is known, and not the secret.
func proofText(c *model.CHAP, mutual bool) string {
	switch {
	case c == nil || mutual && c.Mutual == nil:
		return ""
	case mutual:
		return c.Mutual.User + ", secret in " + source.Printable(c.Mutual.File)
	}
	return c.Own.User + ", secret in " + source.Printable(c.Own.File)
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

// shortDuration writes durations as site.toml has them.
func shortDuration(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d%unit.length == 0 {
			return fmt.Sprintf("%d%s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}
