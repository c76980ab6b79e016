package check

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// hostsLine is one line of hosts: an address and its names, in canonical form. Of a
// line that was refused only the names are left and addr is the zero Addr, so that
// nobody complains that they are missing.
type hostsLine struct {
	addr  netip.Addr
	at    source.Span // of the address
	names []source.Word
}

// hostsReader reads hosts(5) as the C library does. Where the library skips a line that it does not
// understand, it is reported. Lines that only say what a system says about itself (localhost, ip6-allnodes,
// …) are dropped.
type hostsReader struct {
	own, domain string // the appliance's name; "" when site.toml has no valid one
	problem     *source.Reporter
	nobodys     map[netip.Addr]nobodysLines
}

// nobodysLines are lines that give names to an address which is no host's: a file that blocks names has
// thousands.
type nobodysLines struct {
	at    source.Span // of the address in the first line
	name  string      // in the first line
	count int
}

func readHosts(src *source.File, own, domain string, problem *source.Reporter) []hostsLine {
	r := &hostsReader{own: own, domain: domain, problem: problem, nobodys: map[netip.Addr]nobodysLines{}}
	var lines []hostsLine
	for _, words := range source.Words(src) {
		if line := r.line(words); len(line.names) > 0 {
			lines = append(lines, line)
		}
	}
	byPlace := func(a, b netip.Addr) int { return r.nobodys[a].at.Off - r.nobodys[b].at.Off }
	for _, addr := range slices.SortedFunc(maps.Keys(r.nobodys), byPlace) {
		r.nobodys[addr].report(addr, problem)
	}
	return lines
}

func (r *hostsReader) line(words []source.Word) hostsLine {
	addr, err := netip.ParseAddr(words[0].Text)
	addr = addr.Unmap()
	line := hostsLine{at: words[0].At}
	names := words[1:]
	switch {
	case err == nil && len(names) > 0 && isSystems(addr) && r.systemLine(addr, words):
		return line
	case err != nil && len(names) > 0 && isAddr(names[0].Text):
		r.problem.At(names[0].At, "%s stands after %q; expected the address first, then the names of its host", names[0].Text, words[0].Text)
		names = append([]source.Word{words[0]}, names[1:]...)
	case err != nil || addr.Zone() != "":
		r.problem.At(words[0].At, "%q is no address; expected %s", words[0].Text,
			cmp.Or(meantAddress(words[0].Text), "an IPv4 or IPv6 address, then the names of its host"))
	case len(names) == 0:
		r.problem.At(words[0].At, "%s has no name; expected the names of its host on the same line", addr)
	default:
		line.addr = addr
	}
	problem := r.problem
	if !line.addr.IsValid() {
		problem = nil // of a line one thing is said: the rest may not be what it seems
	}
	line.names = hostNames(names, r.domain, problem)
	r.dropSystemNames(&line)
	return line
}

// isSystems reports whether an address means a machine itself, a group that it belongs to, or nobody. Debian
// gives ip6-localnet fe00::0 and the groups of ip6-allnodes ff02::1, macOS localhost fe80::1%lo0.
func isSystems(a netip.Addr) bool {
	return a.IsLoopback() || a.IsUnspecified() || a == model.LimitedBroadcast() ||
		a.Is6() && (a.As16()[0] == 0xff || a.As16()[0] == 0xfe && a.As16()[1] < 0x80) || a.Zone() != ""
}

// systemLine reports whether nothing more is to be said of a line with such an address: it has no other names
// than those that a system gives itself, or these were reported.
func (r *hostsReader) systemLine(addr netip.Addr, words []source.Word) bool {
	system, others := 0, []source.Word{}
	for _, w := range words[1:] {
		if name := model.Canonical(strings.TrimSuffix(w.Text, "."), r.domain); model.IsOwnName(name) ||
			r.isOwn(addr, name) {
			system++
		} else {
			others = append(others, w)
		}
	}
	switch {
	case len(others) == 0:
		return true
	case system > 0 || addr.Zone() != "" || addr.IsMulticast() || model.NotUnicast(addr) == "":
		return false
	}
	n, known := r.nobodys[addr]
	if !known {
		n = nobodysLines{at: words[0].At, name: others[0].Text}
	}
	n.count++
	r.nobodys[addr] = n
	return true
}

// isOwn reports whether a name is the appliance's, which Debian gives 127.0.1.1. It may be any while it is
// not known.
func (r *hostsReader) isOwn(addr netip.Addr, name string) bool {
	return addr.IsLoopback() && (name == r.own || r.own == "")
}

func (n nobodysLines) report(addr netip.Addr, problem *source.Reporter) {
	reason, hint := model.NotUnicast(addr), ""
	if addr == netip.AddrFrom4([4]byte{127, 0, 1, 1}) {
		hint = ", or no such line: Debian has it for the machine that the file is of"
	}
	if n.count > 1 {
		problem.At(n.at, "%s %s, and %d lines give it to names, as lists of names to be blocked do; expected hosts of the network",
			addr, reason, n.count)
		return
	}
	problem.At(n.at, "%s %s; expected the address of %q on the network%s", addr, reason, n.name, hint)
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// hostNames returns the valid ones of names in canonical form, each once. Others are reported, unless to
// nobody.
func hostNames(names []source.Word, domain string, problem *source.Reporter) []source.Word {
	var out []source.Word
	seen := map[string]bool{}
	for _, w := range names {
		name, ok := hostName(w, domain, problem)
		if ok && !seen[name] {
			seen[name] = true
			out = append(out, source.Word{Text: name, At: w.At})
		}
	}
	return out
}

// hostName returns the canonical form of a name, which must be valid by itself too:
// "42.home.example" is a name, "42" is not.
func hostName(w source.Word, domain string, problem *source.Reporter) (name string, ok bool) {
	text := w.Text
	if len(text) > 1 {
		text = strings.TrimSuffix(text, ".") // as the DNS writes names in full
	}
	name = model.Canonical(text, domain)
	for _, form := range []string{text, name} {
		if reason := model.NotName(form); reason != "" {
			if problem != nil {
				problem.At(w.At, "host name %q %s", form, reason)
			}
			return "", false
		}
	}
	return name, true
}

// dropSystemNames takes names like localhost off a line, which say nothing about
// the network, and refuses addresses that are no host's for other names.
func (r *hostsReader) dropSystemNames(line *hostsLine) {
	var system, others []source.Word
	for _, name := range line.names {
		if model.IsSystemName(name.Text) || line.addr.IsValid() &&
			(isSystems(line.addr) && model.IsOwnName(name.Text) || r.isOwn(line.addr, name.Text)) {
			system = append(system, name)
		} else {
			others = append(others, name)
		}
	}
	line.names = others
	if !line.addr.IsValid() {
		return
	}
	switch reason := model.NotUnicast(line.addr); {
	case len(system) > 0 && len(others) == 0 && isSystems(line.addr):
	case len(system) > 0 && isSystems(line.addr):
		r.problem.At(others[0].At, "%q stands on the line of %q; expected a line of its own with the host's address", others[0].Text, system[0].Text)
	case len(system) > 0:
		r.problem.At(system[0].At, "%q is the name of every host for itself; expected it with a loopback address only", system[0].Text)
	case reason != "" && len(others) > 0:
		r.problem.At(line.at, "%s %s; expected the address of %q on the network", line.addr, reason,
			others[0].Text)
	default:
		return
	}
	line.addr = netip.Addr{}
}
