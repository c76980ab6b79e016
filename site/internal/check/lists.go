package check

import (
	"cmp"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	maxListBytes = 4 << 20
	maxListed    = 100_000 // networks of one list: about 20 MB of the kernel's memory
	maxLists     = 32
)

// readList reads a file of addresses and networks, one a line. Comments start with "#" and, as in the lists
// that many publish, with ";".
func (l *loader) readList(name toml.Str, file toml.Str) []netip.Prefix {
	if !fs.ValidPath(file.Text) || file.Text == "." || source.IsFixed(file.Text) {
		l.At(file.At, `list %q: %q is no file for a list; expected one within the site, such as "blocked.list"`, name.Text, file.Text)
		return nil
	}
	src, refused := l.text(file.Text, maxListBytes)
	switch {
	case refused:
		return nil
	case src == nil:
		l.At(file.At, "list %q: there is no file %s in the site", name.Text, file.Text)
		return nil
	}
	var all []netip.Prefix
	before := l.Count()
	for _, line := range source.Words(src) {
		if strings.HasPrefix(line[0].Text, ";") {
			continue
		}
		if len(line) > 1 && !strings.HasPrefix(line[1].Text, ";") {
			l.At(line[1].At, "%q stands after %s; expected one address or network a line", line[1].Text,
				line[0].Text)
			continue
		}
		if p, reason := readNetwork(strings.TrimSuffix(line[0].Text, ";")); reason != "" {
			l.At(line[0].At, "%q %s", line[0].Text, reason)
		} else {
			all = append(all, p)
			l.noteLAN(name.Text, p, line[0].At)
		}
	}
	all = aggregated(all)
	switch {
	case l.Count() > before:
	case len(all) == 0:
		l.Against(file.At, source.Span{}, "list %q: %s is empty; expected at least one address", name.Text,
			file.Text)
	case len(all) > maxListed:
		l.At(file.At, "list %q: %s has %d networks; expected at most %d", name.Text, file.Text, len(all),
			maxListed)
	}
	return all
}

// readNetwork reads an address or a network. The reason is "", or why s is none, and continues a sentence
// that starts with it.
func readNetwork(s string) (p netip.Prefix, reason string) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), ""
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil || p.Addr().Is4In6():
		if isMAC(s) {
			return p, "is a MAC address, by which nothing is known from afar; expected the name of its host"
		}
		return p, "is no address or network; " +
			orWithLength(s, `expected one such as "198.51.100.7" or "2001:db8:8::/48"`)
	case p != p.Masked():
		return p, "is an address on the network " + p.Masked().String() + "; expected the network"
	case model.NotUnicast(p.Addr()) != "" && p.Addr().Is6() && p.Bits() > 32 && !p.Addr().IsMulticast():
		return p, model.NotUnicast(p.Addr()) + "; expected another, or a host's name"
	case p.Bits() == 0:
		return p, `is every address there is; expected a part of them, or in a rule "any" or "wan"`
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
