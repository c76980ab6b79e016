package firewall_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall"
)

func TestBanKeys(t *testing.T) {
	for _, tt := range []struct{ prefix, want string }{
		{"192.0.2.7/32", "banned4 1 192.0.2.7 192.0.2.7"},
		{"192.0.2.0/24", "banned4 256 192.0.2.0 192.0.2.255"},
		{"198.51.96.0/20", "banned4 4096 198.51.96.0 198.51.111.255"},
		{"255.255.255.252/30", "banned4 4 255.255.255.252 255.255.255.255"},
		{"2001:db8::7/128", "banned6 1 2001:db8::7 2001:db8::7"},
		{"2001:db8::/116", "banned6 4096 2001:db8:: 2001:db8::fff"},
		{"2001:db8:1:2::/64", "banned6_net 1 2001:db8:1:2:: 2001:db8:1:2::"},
		{"2001:db8::/52", "banned6_net 4096 2001:db8:: 2001:db8:0:fff::"},
		{"ffff:ffff:ffff:ff00::/56", "banned6_net 256 ffff:ffff:ffff:ff00:: ffff:ffff:ffff:ffff::"},
		{"198.51.0.0/19", "198.51.0.0/19 is too much for a ban"},
		{"0.0.0.0/0", "0.0.0.0/0 is too much for a ban"},
		{"2001:db8::/48", "2001:db8::/48 is too much for a ban"},
		{"2001:db8::/65", "2001:db8::/65 is too much for a ban"},
	} {
		set, keys, err := firewall.BanKeys(netip.MustParsePrefix(tt.prefix))
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(set, " ", len(keys), " ", keys[0], " ", keys[len(keys)-1])
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.prefix, got, tt.want)
		}
		if !slices.IsSortedFunc(keys, netip.Addr.Compare) || len(slices.Compact(keys)) != len(keys) {
			t.Errorf("%s: keys are not in order, or twice", tt.prefix)
		}
	}
}

// TestJoinBans: what BanKeys takes apart is one again; what ends at another time is not.
func TestJoinBans(t *testing.T) {
	ban := func(p string, length, left time.Duration) firewall.Ban {
		return firewall.Ban{Prefix: netip.MustParsePrefix(p), For: length, Left: left}
	}
	const m = time.Minute
	for _, tt := range []struct{ bans, want []firewall.Ban }{
		{nil, nil},
		{[]firewall.Ban{ban("192.0.2.1/32", m, m), ban("192.0.2.0/32", m, m-time.Second)}, []firewall.Ban{ban("192.0.2.0/31", m, m-time.Second)}},
		{[]firewall.Ban{ban("192.0.2.1/32", m, m), ban("192.0.2.0/32", m, m), ban("192.0.2.0/32", m, m)}, []firewall.Ban{ban("192.0.2.0/31", m, m)}},
		{[]firewall.Ban{ban("192.0.2.1/32", m, m), ban("192.0.2.2/32", m, m)}, []firewall.Ban{ban("192.0.2.1/32", m, m), ban("192.0.2.2/32", m, m)}},
		{[]firewall.Ban{ban("192.0.2.0/32", m, m), ban("192.0.2.1/32", m, m/2)}, []firewall.Ban{ban("192.0.2.0/32", m, m), ban("192.0.2.1/32", m, m/2)}},
		{[]firewall.Ban{ban("192.0.2.0/32", m, m), ban("192.0.2.1/32", 2*m, m)}, []firewall.Ban{ban("192.0.2.0/32", m, m), ban("192.0.2.1/32", 2*m, m)}},
		{[]firewall.Ban{ban("255.255.255.255/32", m, m), ban("2001:db8::/64", m, m), ban("2001:db8:0:1::/64", m, m), ban("2001:db8::/128", m, m)},
			[]firewall.Ban{ban("255.255.255.255/32", m, m), ban("2001:db8::/63", m, m), ban("2001:db8::/128", m, m)}},
	} {
		if got := firewall.JoinBans(tt.bans); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.bans, got, tt.want)
		}
	}
}
