package check

import (
	"net/netip"

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

// readHosts reads hosts(5) as the C library does. Where the library skips a line
// that it does not understand, readHosts reports it. Lines that only say what
// every Linux system says about itself (localhost, ip6-allnodes, …) are dropped.
func readHosts(src *source.File, domain string, problem *source.Reporter) []hostsLine {
	var lines []hostsLine
	for _, words := range source.Words(src) {
		line := readHostsLine(words, domain, problem)
		if dropSystemNames(&line, problem); len(line.names) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

func readHostsLine(words []source.Word, domain string, problem *source.Reporter) hostsLine {
	addr, err := netip.ParseAddr(words[0].Text)
	line := hostsLine{at: words[0].At}
	names := words[1:]
	switch {
	case err != nil && len(names) > 0 && isAddr(names[0].Text):
		problem.At(names[0].At, "%s stands after %q; expected the address first, then the names of its host", names[0].Text, words[0].Text)
		names = append([]source.Word{words[0]}, names[1:]...)
	case err != nil || addr.Zone() != "":
		problem.At(words[0].At, "%q is no address; expected an IPv4 or IPv6 address, then the names of its host", words[0].Text)
	case len(names) == 0:
		problem.At(words[0].At, "%s has no name; expected the names of its host on the same line", addr)
	default:
		line.addr = addr.Unmap()
	}
	line.names = hostNames(names, domain, problem)
	return line
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// hostNames returns the valid ones of names in canonical form, each once.
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
	name = model.Canonical(w.Text, domain)
	for _, form := range []string{w.Text, name} {
		if reason := model.NotName(form); reason != "" {
			problem.At(w.At, "host name %q %s", form, reason)
			return "", false
		}
	}
	return name, true
}

// dropSystemNames takes names like localhost off a line, which say nothing about
// the network, and refuses loopback and multicast addresses for other names.
func dropSystemNames(line *hostsLine, problem *source.Reporter) {
	var system, others []source.Word
	for _, name := range line.names {
		if model.IsSystemName(name.Text) {
			system = append(system, name)
		} else {
			others = append(others, name)
		}
	}
	line.names = others
	if !line.addr.IsValid() {
		return
	}
	// Debian gives ip6-localnet fe00::0 and the groups of ip6-allnodes ff02::1.
	own := line.addr.IsLoopback() || line.addr.Is6() && line.addr.As16()[0] >= 0xfe
	switch reason := model.NotUnicast(line.addr); {
	case len(system) > 0 && own && len(others) == 0:
	case len(system) > 0 && own:
		problem.At(others[0].At, "%q stands on the line of %q; expected a line of its own with the host's address", others[0].Text, system[0].Text)
	case len(system) > 0:
		problem.At(system[0].At, "%q is the name of every host for itself; expected it with a loopback address only", system[0].Text)
	case reason != "" && len(others) > 0:
		problem.At(line.at, "%s %s; expected the address of %q on the network", line.addr, reason, others[0].Text)
	default:
		return
	}
	line.addr = netip.Addr{}
}
