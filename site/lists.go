package site

import (
	"cmp"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
)

const (
	maxListBytes = 4 << 20
	maxListed    = 100_000 // networks of one list: about 20 MB of the kernel's memory
	maxLists     = 32
)

// readList reads a file of addresses and networks, one a line. Comments start with "#" and, as in the lists that many
// publish, with ";".
func (l *loader) readList(fsys fs.FS, name str, file str) []netip.Prefix {
	if !fs.ValidPath(file.s) || file.s == "." || fileRank(file.s) < fileRank("a list") {
		l.at(file.at, `list %q: %q is no file for a list; expected one within the site, such as "blocked.list"`, name.s, file.s)
		return nil
	}
	src, message := read(fsys, file.s, maxListBytes)
	switch {
	case message != "":
		l.file(file.s, "%s", message)
		return nil
	case src == nil:
		l.at(file.at, "list %q: there is no file %s in the site", name.s, file.s)
		return nil
	}
	var all []netip.Prefix
	before := len(l.list)
	for _, line := range words(src) {
		if strings.HasPrefix(line[0].s, ";") {
			continue
		}
		if len(line) > 1 && !strings.HasPrefix(line[1].s, ";") {
			l.at(line[1].at, "%q stands after %s; expected one address or network a line", line[1].s, line[0].s)
			continue
		}
		if p, reason := readNetwork(strings.TrimSuffix(line[0].s, ";")); reason != "" {
			l.at(line[0].at, "%q %s", line[0].s, reason)
		} else {
			all = append(all, p)
		}
	}
	all = aggregated(all)
	switch {
	case len(l.list) > before:
	case len(all) == 0:
		l.against(file.at, span{}, "list %q: %s is empty; expected at least one address", name.s, file.s)
	case len(all) > maxListed:
		l.at(file.at, "list %q: %s has %d networks; expected at most %d", name.s, file.s, len(all), maxListed)
	}
	return all
}

// readNetwork reads an address or a network. The reason is "", or why s is none, and continues a sentence that starts
// with it.
func readNetwork(s string) (p netip.Prefix, reason string) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		return p, `is no address or network; expected one such as "198.51.100.7" or "2001:db8:8::/48"`
	case p != p.Masked():
		return p, "is an address on the network " + p.Masked().String() + "; expected the network"
	case p.Bits() == 0:
		return p, "is every address there is; expected a part of them"
	}
	return p, ""
}

// aggregated sorts networks and leaves out those that are within another.
func aggregated(networks []netip.Prefix) []netip.Prefix {
	sorted := slices.SortedFunc(slices.Values(networks), func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
	})
	out := sorted[:0]
	for _, p := range sorted {
		if n := len(out); n == 0 || !contains(out[n-1], p) {
			out = append(out, p)
		}
	}
	return out
}

// contains reports whether all of q is in p.
func contains(p, q netip.Prefix) bool { return p.Bits() <= q.Bits() && p.Contains(q.Addr()) }
