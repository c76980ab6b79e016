package site

import (
	"net/netip"
	"strings"
)

// hostsLine is one line of hosts: an address and its names, in canonical form. Of a
// line that was refused only the names are left and addr is the zero Addr, so that
// nobody complains that they are missing.
type hostsLine struct {
	addr  netip.Addr
	at    span // of the address
	names []word
}

// readHosts reads hosts(5) as the C library does. Where the library skips a line
// that it does not understand, readHosts reports it. Lines that only say what
// every Linux system says about itself (localhost, ip6-allnodes, …) are dropped.
func readHosts(src *source, domain string, problem *reporter) []hostsLine {
	var lines []hostsLine
	for _, words := range words(src) {
		line := readHostsLine(words, domain, problem)
		if dropSystemNames(&line, problem); len(line.names) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

func readHostsLine(words []word, domain string, problem *reporter) hostsLine {
	addr, err := netip.ParseAddr(words[0].s)
	line := hostsLine{at: words[0].at}
	names := words[1:]
	switch {
	case err != nil && len(names) > 0 && isAddr(names[0].s):
		problem.at(names[0].at, "%s stands after %q; expected the address first, then the names of its host", names[0].s, words[0].s)
		names = append([]word{words[0]}, names[1:]...)
	case err != nil || addr.Zone() != "":
		problem.at(words[0].at, "%q is no address; expected an IPv4 or IPv6 address, then the names of its host", words[0].s)
	case len(names) == 0:
		problem.at(words[0].at, "%s has no name; expected the names of its host on the same line", addr)
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
func hostNames(names []word, domain string, problem *reporter) []word {
	var out []word
	seen := map[string]bool{}
	for _, w := range names {
		name, ok := hostName(w, domain, problem)
		if ok && !seen[name] {
			seen[name] = true
			out = append(out, word{name, w.at})
		}
	}
	return out
}

// hostName returns the canonical form of a name, which must be valid by itself too:
// "42.home.example" is a name, "42" is not.
func hostName(w word, domain string, problem *reporter) (name string, ok bool) {
	name = canonical(w.s, domain)
	for _, form := range []string{w.s, name} {
		if reason := notName(form); reason != "" {
			problem.at(w.at, "host name %q %s", form, reason)
			return "", false
		}
	}
	return name, true
}

// dropSystemNames takes names like localhost off a line, which say nothing about
// the network, and refuses loopback and multicast addresses for other names.
func dropSystemNames(line *hostsLine, problem *reporter) {
	var system, others []word
	for _, name := range line.names {
		if isSystemName(name.s) {
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
	switch reason := notUnicast(line.addr); {
	case len(system) > 0 && own && len(others) == 0:
	case len(system) > 0 && own:
		problem.at(others[0].at, "%q stands on the line of %q; expected a line of its own with the host's address", others[0].s, system[0].s)
	case len(system) > 0:
		problem.at(system[0].at, "%q is the name of every host for itself; expected it with a loopback address only", system[0].s)
	case reason != "" && len(others) > 0:
		problem.at(line.at, "%s %s; expected the address of %q on the network", line.addr, reason, others[0].s)
	default:
		return
	}
	line.addr = netip.Addr{}
}

// isSystemName reports whether every Linux system gives the name to itself or to
// a group that it belongs to (Debian's /etc/hosts).
func isSystemName(name string) bool {
	host, _, _ := strings.Cut(name, ".")
	return host == "localhost" || host == "localhost4" || host == "localhost6" || strings.HasPrefix(host, "ip6-")
}
