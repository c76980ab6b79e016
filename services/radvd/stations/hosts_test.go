package stations

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestHosts: of each machine of the LAN one address, those first that were seen last, the link-local one if
// it is known; another LAN's and those of a prefix that is gone are none.
func TestHosts(t *testing.T) {
	conf := oneLAN()
	conf.LANs = append(conf.LANs, LAN{Network: "guests", Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:33::/64")}})
	table := New(conf, []Station{{Addr: addr(7), MAC: card(7), Network: lan, Last: -time.Hour}})
	local := func(id string) netip.Addr { return netip.MustParseAddr("fe80::" + id) }
	for i, o := range []Observation{
		{Network: lan, MAC: card(1), Addr: local("1")},
		confirmed(1, 0x11),
		confirmed(2, 0x12),
		confirmed(2, 0x22), // seen last
		{Network: "guests", MAC: card(3), Addr: local("3")},
		{Network: lan, MAC: card(4), Addr: local("4")},
		{Network: lan, MAC: card(4), Addr: local("44")},
	} {
		table.Observe(time.Duration(i)*time.Second, o)
	}
	for _, tt := range []struct {
		network string
		most    int
		want    []netip.Addr
	}{
		{lan, 10, []netip.Addr{local("44"), addr(0x22), local("1"), addr(7)}},
		{lan, 2, []netip.Addr{local("44"), addr(0x22)}},
		{"guests", 10, []netip.Addr{local("3")}},
		{"nowhere", 10, nil},
	} {
		if got := table.Hosts(tt.network, tt.most); !slices.Equal(got, tt.want) {
			t.Errorf("%d of %s: %v, want %v", tt.most, tt.network, got, tt.want)
		}
	}
	conf.LANs[0].Prefixes = nil
	table.Reconfigure(conf)
	if got := table.Hosts(lan, 10); !slices.Equal(got, []netip.Addr{local("44"), local("1")}) {
		t.Errorf("without the prefix: %v", got)
	}
}
