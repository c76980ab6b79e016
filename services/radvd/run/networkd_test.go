package run

import (
	"net/netip"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// TestNetworkd: a host with systemd-networkd, which does router discovery by itself, takes addresses,
// resolvers, search domains and the default route, lets go of each when it is taken back, and takes it again.
func TestNetworkd(t *testing.T) {
	r, host := newNetwork(t)
	l := link(prefix("2001:db8:1::/64"))
	r.start(l)
	d := host.Networkd(t.TempDir(), "eth0", "[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\n"+
		"[IPv6AcceptRA]\nUseDomains=yes\n")
	is := func(what string, ask func() string, want bool, pattern string) {
		t.Helper()
		var got string
		deadline := time.Now().Add(30 * time.Second)
		for ; time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			if got = ask(); regexp.MustCompile(pattern).MatchString(got) == want {
				return
			}
		}
		t.Fatalf("%s: %q is there: %v, want %v, in\n%s", what, pattern, !want, want, got)
	}
	state := func() string { return d.Within("sh", "-c", "cat /run/systemd/netif/links/* || true") }
	addresses := func() string { return host.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global") }
	routes := func() string { return host.Run("ip", "-6", "route", "show", "dev", "eth0") }

	is("at first", addresses, true, `2001:db8:1:0:\S+/64 .*valid_lft 5[34]\d\dsec preferred_lft 2[67]\d\dsec`)
	is("at first", routes, true, `default via fe80:\S+ proto ra .*pref high`)
	is("at first", routes, true, `fd00::/44 via fe80:\S+ proto ra .*pref low`)
	is("at first", state, true, `(?m)^DNS=.*\bfd00:1::1\b`)
	is("at first", state, true, `(?m)^DOMAINS=.*\bhome\.arpa\b`)

	l.Lifetime = 0
	r.reconfigure(l)
	is("the way out is gone", routes, false, `default`)
	is("the way out is gone", addresses, true, `2001:db8:1:0:\S+/64 .*preferred_lft 2\d\d\dsec`)
	l.Lifetime = radvd.DefaultLifetime
	r.reconfigure(l)
	is("the way out is back", routes, true, `default via fe80:`)

	l.Prefixes[0].Preferred = 0
	r.reconfigure(l)
	is("by the second way out", addresses, true, `2001:db8:1:0:\S+/64 .*deprecated .*valid_lft 5[34]\d\dsec preferred_lft 0sec`)
	l.Prefixes[0].Preferred = radvd.DefaultPreferred
	r.reconfigure(l)
	is("by the first again", addresses, true, `2001:db8:1:0:\S+/64 .*preferred_lft 2\d\d\dsec`)

	// Of one that is gone RFC 4862 5.5.3 e has hosts keep the address, as no longer preferred. networkd (252)
	// takes it away.
	l.Prefixes = []radvd.Prefix{prefix("2001:db8:2::/64")}
	l.Resolvers, l.Search = []netip.Addr{netip.MustParseAddr("fd00:1::53")}, []string{"other.arpa"}
	r.reconfigure(l)
	is("another prefix", addresses, true, `2001:db8:2:0:\S+/64 .*preferred_lft 2\d\d\dsec`)
	is("another prefix", addresses, false, `2001:db8:1:0:\S+/64 .*preferred_lft [1-9]`)
	is("another resolver", state, true, `(?m)^DNS=fd00:1::53$`)
	is("another resolver", state, true, `(?m)^DOMAINS=.*\bother\.arpa\b`)
	is("another resolver", state, false, `(?m)^DOMAINS=.*\bhome\.arpa\b`)

	r.end(syscall.SIGTERM)
	is("the service has ended", routes, false, `default`)
	is("the service has ended", addresses, true, `2001:db8:2:0:\S+/64 .*preferred_lft 2\d\d\dsec`)
	r.start(l)
	is("it is there again", routes, true, `default via fe80:`)
	is("it is there again", addresses, false, `2001:db8:1:0:\S+/64 .*preferred_lft [1-9]`)
}
