package nft_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
)

// bans are those of a namespace, as "192.0.2.7/32 1h"; each must have almost all of its time left.
func bans(t *testing.T, ns netns) (all []string) {
	t.Helper()
	var list []firewall.Ban
	var err error
	ns.do(t, func() { list, err = nft.Bans(firewall.TableName) })
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		if b.Left > b.For || b.For-b.Left > time.Minute {
			t.Errorf("ban of %v for %v has %v left", b.Prefix, b.For, b.Left)
		}
		all = append(all, fmt.Sprint(b.Prefix, " ", b.For))
	}
	return all
}

// TestBans: what is banned is what nft reads, outlives a load, and ends when it should.
func TestBans(t *testing.T) {
	ns := newNetns(t, "bans")
	table := compile(t, policyFile(t, "home"))
	load(t, ns, table)
	ban := func(p string, d time.Duration) {
		t.Helper()
		var err error
		ns.do(t, func() { err = nft.Ban(firewall.TableName, netip.MustParsePrefix(p), d) })
		if err != nil {
			t.Error(err)
		}
	}
	unban := func(p string) (n int) {
		t.Helper()
		var err error
		ns.do(t, func() { n, err = nft.Unban(firewall.TableName, netip.MustParsePrefix(p)) })
		if err != nil {
			t.Error(err)
		}
		return n
	}
	want := func(list ...string) {
		t.Helper()
		if got := bans(t, ns); !slices.Equal(got, list) {
			t.Errorf("banned are %q, want %q", got, list)
		}
	}
	want()
	ban("192.0.2.7/32", time.Hour)
	ban("198.51.96.0/20", 2*time.Hour)
	ban("2001:db8::7/128", 3*time.Hour)
	ban("2001:db8:bad::/52", 4*time.Hour)
	ban("2001:db8:1:2::/64", 90*time.Second)
	want("192.0.2.7/32 1h0m0s", "198.51.96.0/20 2h0m0s", "2001:db8::7/128 3h0m0s", "2001:db8:1:2::/64 1m30s", "2001:db8:bad::/52 4h0m0s")
	for set, elements := range map[string][]string{
		"banned4":     {"192.0.2.7 timeout 1h expires 59m", "198.51.96.0 timeout 2h expires", "198.51.111.255 timeout 2h expires"},
		"banned6":     {"elements = { 2001:db8::7 timeout 3h expires"},
		"banned6_net": {"2001:db8:bad:: timeout 4h expires", "2001:db8:bad:fff:: timeout 4h expires", "2001:db8:1:2:: timeout 1m30s expires"},
	} {
		text := ns.run(t, "nft list set inet gatehouse "+set)
		for _, e := range elements {
			if !strings.Contains(text, e) {
				t.Errorf("%q is not in set %s:\n%.300s", e, set, text)
			}
		}
	}
	load(t, ns, table)
	ban("192.0.2.7/32", 2*time.Hour) // again
	ban("198.51.100.0/24", time.Hour)
	if n := unban("198.51.104.0/21"); n != 2048 {
		t.Errorf("%d elements of a /21", n)
	}
	want("192.0.2.7/32 2h0m0s", "198.51.96.0/22 2h0m0s", "198.51.100.0/24 1h0m0s", "198.51.101.0/24 2h0m0s", "198.51.102.0/23 2h0m0s",
		"2001:db8::7/128 3h0m0s", "2001:db8:1:2::/64 1m30s", "2001:db8:bad::/52 4h0m0s")
	if n := unban("203.0.113.7/32"); n != 0 {
		t.Errorf("%d elements of who is not banned", n)
	}
	unban("0.0.0.0/0")
	want("2001:db8::7/128 3h0m0s", "2001:db8:1:2::/64 1m30s", "2001:db8:bad::/52 4h0m0s")
	unban("2001:db8::/64") // the address, and not the networks beside it
	want("2001:db8:1:2::/64 1m30s", "2001:db8:bad::/52 4h0m0s")
	unban("::/0")
	ns.run(t, "nft add element inet gatehouse banned4 { 192.0.2.9 }")
	want("192.0.2.9/32 0s")
	if got := differs(t, ns, table); got != nil {
		t.Errorf("%q", got)
	}
}
