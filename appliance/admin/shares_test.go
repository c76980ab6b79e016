package admin_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/firewall/shares/watch"
)

// TestShares: status names who is refused more conversations, by address, network or card, a bounded number
// of them, and is silent as long as nobody is.
func TestShares(t *testing.T) {
	at := netip.MustParseAddr
	source := func(a string, n int) watch.Source { return watch.Source{Addr: at(a), Count: n} }
	network, card := source("2001:db8:66::5", 200), source("fe80::1", 150)
	network.Net, card.Card = netip.MustParsePrefix("2001:db8:66::/64"), "00:00:5e:00:53:21"
	var many []watch.Source
	for i := range 9 {
		many = append(many, watch.Source{Addr: netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), Count: 100})
	}
	for _, c := range []struct {
		name  string
		state *watch.State
		want  []string
	}{
		{"init does not say", nil, nil},
		{"nobody is refused", &watch.State{Table: 16384, Share: 4096}, nil},
		{"one", &watch.State{Table: 16384, Share: 4096, Bound: 4096, Refused: []watch.Source{source("198.51.100.7", 4100)}},
			[]string{"198.51.100.7 has 4100 conversations and is refused more: the share of a source is 4096"}},
		{"little room", &watch.State{Table: 16384, Share: 4096, Near: true, Bound: 120, Refused: []watch.Source{network, card}},
			[]string{
				"2001:db8:66::/64 has 200 conversations and is refused more: the share of a source is 120 while there is little room",
				"fe80::1 of card 00:00:5e:00:53:21 has 150 conversations and is refused more: the share of a source is 120 while there is little room",
			}},
		{"many", &watch.State{Table: 16384, Share: 4096, Near: true, Bound: 100, Refused: many},
			[]string{"198.51.100.4 has 100", "4 sources more are refused further conversations"}},
	} {
		out, errout, code := with(func(a *appliance) { a.shares = c.state }).command(t, "status")
		if strings.Contains(out, "refused") != (len(c.want) > 0) || (code != 0) != (len(c.want) > 0) {
			t.Errorf("%s: code %d, %s%s", c.name, code, out, errout)
		}
		for _, want := range c.want {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("%s: there is no %q in\n%s", c.name, want, out)
			}
		}
	}
}
