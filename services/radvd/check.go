package radvd

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
)

// Limits of a Config, and of what is kept.
const (
	maxLinks    = 256
	maxOf       = 16 // of each list of a link
	maxOld      = 32 // prefixes of a link that are gone; more, and those that are held longest stay
	maxName     = 64
	maxInterval = 1800 * time.Second // RFC 4861 6.2.1
	minMTU      = 1280
	// roomOf is what an advertisement has, in octets: the least that an IPv6 link carries, less the IPv6
	// header, as fragments are not read (RFC 6980).
	roomOf = minMTU - 40
)

// Check returns everything that is wrong with c, joined by errors.Join.
func (c Config) Check() error {
	var bad []error
	if len(c.Links) > maxLinks {
		bad = append(bad, fmt.Errorf("radvd: %d links, %d at most", len(c.Links), maxLinks))
	}
	names, networks := map[string]bool{}, map[string]bool{}
	for i := range c.Links {
		l := &c.Links[i]
		wrong := func(format string, args ...any) {
			bad = append(bad, fmt.Errorf("radvd: lan %s: "+format, append([]any{l.Network}, args...)...))
		}
		if names[l.Name] || networks[l.Network] {
			wrong("it is there twice, or its link %s is", l.Name)
		}
		names[l.Name], networks[l.Network] = true, true
		l.check(wrong)
	}
	if len(c.Watched) > maxOf {
		bad = append(bad, fmt.Errorf("radvd: %d links are watched, %d at most", len(c.Watched), maxOf))
	}
	for _, link := range c.Watched {
		if link == "" || len(link) > 15 || names[link] {
			bad = append(bad, fmt.Errorf("radvd: watched link %q: no name of a link, or there twice", link))
		}
		names[link] = true
	}
	return errors.Join(bad...)
}

// A wrong takes what is wrong with a link.
type wrong func(format string, args ...any)

func (l *Link) check(wrong wrong) {
	if l.Name == "" || len(l.Name) > 15 {
		wrong("%q is no name of a link: 1 to 15 characters", l.Name)
	}
	if l.Network == "" || len(l.Network) > maxName {
		wrong("its name has %d characters: 1 to %d", len(l.Network), maxName)
	}
	l.checkTimes(wrong)
	if l.MTU != 0 && (l.MTU < minMTU || l.MTU > 65535) {
		wrong("an MTU of %d: %d to 65535", l.MTU, minMTU)
	}
	if l.Preference < advert.Low || l.Preference > advert.High {
		wrong("a preference of %d: -1 to 1", l.Preference)
	}
	for what, n := range map[string]int{
		"prefixes": len(l.Prefixes), "routes": len(l.Routes), "resolvers": len(l.Resolvers),
		"search domains": len(l.Search), "time servers": len(l.NTP),
	} {
		if n > maxOf {
			wrong("%d %s, %d at most", n, what, maxOf)
		}
	}
	l.checkPrefixes(wrong)
	l.checkOptions(wrong)
	if n := l.size(); n > roomOf {
		wrong("an advertisement has %d octets, %d at most: say less", n, roomOf)
	}
}

func (l *Link) checkTimes(wrong wrong) {
	shortest, longest := l.intervals()
	if longest < 4*time.Second || longest > maxInterval || shortest > longest*3/4 ||
		l.MinInterval != 0 && l.MinInterval < minGap {
		wrong("intervals of %s to %s: the longest is 4 s to %s, the shortest 3 s to 3/4 of that (RFC 4861 6.2.1)",
			shortest, longest, maxInterval)
	}
	if l.Lifetime != 0 && (l.Lifetime < longest || l.Lifetime > advert.MaxLifetime || !whole(l.Lifetime)) {
		wrong("a default route of %s: 0, or %s to %s in whole seconds (RFC 4861 6.2.1)",
			l.Lifetime, longest, advert.MaxLifetime)
	}
}

func whole(d time.Duration) bool { return d >= 0 && d%time.Second == 0 }

// is6 reports whether p is a network of IPv6.
func is6(p netip.Prefix) bool {
	return p.IsValid() && p.Addr().Is6() && !p.Addr().Is4In6() && p == p.Masked()
}

func (l *Link) checkPrefixes(wrong wrong) {
	seen := map[netip.Prefix]bool{}
	for _, p := range l.Prefixes {
		switch a := p.Prefix.Addr(); {
		case !is6(p.Prefix) || a.IsLinkLocalUnicast() || a.IsMulticast():
			wrong("prefix %s is none of hosts", p.Prefix)
		case p.Autonomous && p.Prefix.Bits() != 64:
			wrong("prefix %s: hosts make addresses of a /64 only (RFC 4862 5.5.3, RFC 2464 4)", p.Prefix)
		case seen[p.Prefix]:
			wrong("prefix %s is there twice", p.Prefix)
		case !whole(p.Preferred) || !whole(p.Valid) || p.Preferred > p.Valid || p.Valid == 0 ||
			p.Valid > MaxValid:
			wrong("prefix %s is preferred for %s and valid for %s: whole seconds, 1 s to %s, the first no longer",
				p.Prefix, p.Preferred, p.Valid, MaxValid)
		case p.PreferredUntil <= 0 || p.ValidUntil <= 0 || p.PreferredUntil > p.ValidUntil:
			wrong("prefix %s is preferred until %s and valid until %s: above 0, the first no later",
				p.Prefix, p.PreferredUntil, p.ValidUntil)
		}
		seen[p.Prefix] = true
	}
}

func (l *Link) checkOptions(wrong wrong) {
	for _, r := range l.Routes {
		if !is6(r.Prefix) || !whole(r.Lifetime) || r.Lifetime > advert.Infinite ||
			r.Preference < advert.Low || r.Preference > advert.High {
			wrong("route to %s for %s with preference %d is none", r.Prefix, r.Lifetime, r.Preference)
		}
	}
	for _, list := range [][]netip.Addr{l.Resolvers, l.NTP} {
		for _, a := range list {
			if !a.Is6() || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
				wrong("server %s has no IPv6 address", a)
			}
		}
	}
	for _, d := range l.Search {
		if !isName(d) {
			wrong("search domain %q is none", d)
		}
	}
	notASCII := func(r rune) bool { return r <= ' ' || r >= 127 }
	if len(l.CaptivePortal) > 246 || strings.ContainsFunc(l.CaptivePortal, notASCII) {
		wrong("the URI of a captive portal is %q: up to 246 ASCII characters", l.CaptivePortal)
	}
	if p := l.NAT64; p != (netip.Prefix{}) {
		switch p.Bits() {
		case 32, 40, 48, 56, 64, 96:
		default:
			wrong("NAT64 by %s: its length is 32, 40, 48, 56, 64 or 96 (RFC 6052 2.2)", p)
		}
		if !is6(p) {
			wrong("NAT64 by %s is no IPv6 network", p)
		}
	}
}

// isName reports whether s is a name of labels of letters, digits, hyphens and underscores, without a dot at
// its end.
func isName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letters) != "" {
			return false
		}
	}
	return len(s) <= 230 // with others, it has room in an option
}

// size is how many octets an advertisement of l has, without what is gone.
func (l *Link) size() int {
	const head, cell = 16, 8
	n := head + cell + cell + len(l.Prefixes)*prefixSize + len(l.Routes)*3*cell
	if len(l.Resolvers) > 0 {
		n += 2*cell + 16*len(l.Resolvers)
	}
	for _, d := range l.Search {
		n += len(d) + 2
	}
	if len(l.Search) > 0 {
		n += 4 * cell // heads of two options, and their padding
	}
	if l.CaptivePortal != "" {
		n += 2 + len(l.CaptivePortal) + cell
	}
	if l.NAT64.IsValid() {
		n += 2 * cell
	}
	return n
}

// prefixSize is how many octets a prefix has in an advertisement.
const prefixSize = 32
