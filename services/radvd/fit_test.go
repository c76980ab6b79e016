package radvd

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFit: whatever is to be said, what is left of it can be, and what is too much is named.
func TestFit(t *testing.T) {
	for n := range 40 {
		l := Link{Name: "eth1", Network: "lan", CaptivePortal: "https://" + strings.Repeat("p", 4*n), NAT64: netip.MustParsePrefix("64:ff9b::/96")}
		for i := range n {
			p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 7: byte(i)}), 64)
			l.Prefixes = append(l.Prefixes, Prefix{Prefix: p, Preferred: time.Hour, Valid: time.Hour, PreferredUntil: Never, ValidUntil: Never})
			l.Routes = append(l.Routes, Route{Prefix: p, Lifetime: time.Hour})
			l.Resolvers, l.NTP = append(l.Resolvers, p.Addr().Next()), append(l.NTP, p.Addr().Next())
			l.Search = append(l.Search, fmt.Sprintf("%s%d.example", strings.Repeat("s", n), i))
		}
		was := slices.Clone(l.Search)
		untold := l.Fit()
		if err := (Config{Links: []Link{l}}).Check(); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		if len(l.Prefixes) != min(n, maxOf) || len(l.Routes) != min(n, maxOf) || len(l.Resolvers) != min(n, maxOf) ||
			!slices.Equal(was[:len(l.Search)], l.Search) {
			t.Errorf("%d: %+v", n, l)
		}
		said := strings.Contains(strings.Join(untold, "\n"), fmt.Sprintf("lan: hosts are not told of %d search domains", n-len(l.Search)))
		if said != (len(l.Search) < n) || n < 5 && untold != nil {
			t.Errorf("%d: %q", n, untold)
		}
	}
}
