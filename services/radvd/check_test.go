package radvd

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestCheck has each thing that is wrong, and what is said of it.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		say    string
		change func(l *Link)
	}{
		{"", func(l *Link) {}},
		{"no name of a link", func(l *Link) { l.Name = strings.Repeat("x", 16) }},
		{"its name has", func(l *Link) { l.Network = "" }},
		{"intervals", func(l *Link) { l.MaxInterval = 3 * time.Second }},
		{"intervals", func(l *Link) { l.MinInterval = time.Second }},
		{"intervals", func(l *Link) { l.MinInterval, l.MaxInterval = 10*time.Second, 10*time.Second }},
		{"", func(l *Link) { l.MaxInterval = 4 * time.Second }},
		{"a default route", func(l *Link) { l.Lifetime = time.Minute }},
		{"a default route", func(l *Link) { l.Lifetime += time.Millisecond }},
		{"an MTU", func(l *Link) { l.MTU = 1279 }},
		{"a preference", func(l *Link) { l.Preference = 2 }},
		{"is none of hosts", func(l *Link) { l.Prefixes[0].Prefix = netip.MustParsePrefix("fe80::/64") }},
		{"is none of hosts", func(l *Link) { l.Prefixes[0].Prefix = netip.MustParsePrefix("2001:db8::1/64") }},
		{"is none of hosts", func(l *Link) { l.Prefixes[0].Prefix = netip.Prefix{} }},
		{"a /64 only", func(l *Link) { l.Prefixes[0].Prefix = netip.MustParsePrefix("2001:db8::/56") }},
		{"there twice", func(l *Link) { l.Prefixes = append(l.Prefixes, l.Prefixes[0]) }},
		{"whole seconds", func(l *Link) { l.Prefixes[0].Preferred = 2 * DefaultValid }},
		{"whole seconds", func(l *Link) { l.Prefixes[0].Valid = MaxValid + time.Second }},
		{"until", func(l *Link) { l.Prefixes[0].ValidUntil = 0 }},
		{"route to", func(l *Link) { l.Routes = []Route{{}} }},
		{"server", func(l *Link) { l.Resolvers = []netip.Addr{netip.MustParseAddr("192.0.2.1")} }},
		{"server", func(l *Link) { l.NTP = []netip.Addr{{}} }},
		{"search domain", func(l *Link) { l.Search = []string{"a..b"} }},
		{"captive portal", func(l *Link) { l.CaptivePortal = "a b" }},
		{"NAT64", func(l *Link) { l.NAT64 = netip.MustParsePrefix("64:ff9b::/95") }},
		{"search domains", func(l *Link) { l.Search = make([]string, maxOf+1) }},
		{"say less", func(l *Link) {
			for i := range maxOf {
				l.Prefixes = append(l.Prefixes[:i], steady(i))
				l.Routes = append(l.Routes, Route{Prefix: network(i), Lifetime: time.Hour})
			}
			l.CaptivePortal = strings.Repeat("x", 246)
			l.Search = []string{strings.Repeat("a.", 110) + "b"}
		}},
	} {
		l := lan(steady(1))
		c.change(&l)
		err := (&Config{Links: []Link{l}}).Check()
		if (c.say == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.say) {
			t.Errorf("%q expected: %v", c.say, err)
		}
	}
	two := Config{Links: []Link{lan(), lan()}}
	if err := two.Check(); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("twice the same: %v", err)
	}
}
