package run

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// TestClaims: who answers for the address of another is told once, and is a problem while he does.
func TestClaims(t *testing.T) {
	web, printer, thief := lease.MAC{2, 0, 0, 0, 0, 1}, lease.MAC{2, 0, 0, 0, 0, 2}, lease.MAC{2, 0, 0, 0, 0, 3}
	at := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 168, 32, byte(n)}) }
	holders := map[netip.Addr]dhcp.Holder{at(1): {Name: "web", MACs: []lease.MAC{web, printer}}, at(2): {MACs: []lease.MAC{printer}}}
	name := func(m lease.MAC) string { return map[lease.MAC]string{thief: "laptop"}[m] }
	var c claims
	for i, step := range []struct {
		neighbours []Neighbour
		news       int
		problems   string
	}{
		{[]Neighbour{{at(1), web, true}, {at(1), printer, true}, {at(2), printer, false}, {at(9), thief, true}}, 0, ""},
		{[]Neighbour{{at(2), thief, false}}, 0, ""}, // it may have been his
		{[]Neighbour{{at(2), printer, true}}, 0, ""},
		{[]Neighbour{{at(2), thief, false}}, 0, ""},
		{[]Neighbour{{at(2), thief, false}}, 1, "192.168.32.2 belongs to the card 02:00:00:00:00:02, and the card 02:00:00:00:00:03 of laptop answers for it."},
		{[]Neighbour{{at(2), thief, true}, {at(1), thief, true}}, 1, "192.168.32.1 belongs to the card 02:00:00:00:00:01 of web, and the card " +
			"02:00:00:00:00:03 of laptop answers for it.\n192.168.32.2 belongs to the card 02:00:00:00:00:02, and the card 02:00:00:00:00:03 of laptop answers for it."},
		{nil, 0, ""},
		{[]Neighbour{{at(1), thief, true}}, 1, "192.168.32.1 belongs to the card 02:00:00:00:00:01 of web, and the card 02:00:00:00:00:03 of laptop answers for it."},
	} {
		if news := c.look(step.neighbours, holders); len(news) != step.news {
			t.Errorf("%d: news are %v, want %d", i, news, step.news)
		}
		if got := strings.Join(c.problems(name), "\n"); got != step.problems {
			t.Errorf("%d: problems are\n%s\nwant\n%s", i, got, step.problems)
		}
	}
	for _, tc := range []struct{ perCard, news, problems, last int }{
		{maxClaims, 1, 1, 0}, // proxy ARP: one line, one problem
		{6, 170, toldClaims + 1 + 4, 0},
		{1, maxClaims, toldClaims + 1, maxClaims - toldClaims},
	} {
		var c claims
		var many []Neighbour
		for n := range 2 * maxClaims {
			a := netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)})
			holders[a] = dhcp.Holder{MACs: []lease.MAC{web}}
			many = append(many, Neighbour{a, lease.MAC{2, 0, 0, 1, byte(n / tc.perCard >> 8), byte(n / tc.perCard)}, true})
		}
		news, problems := c.look(many, holders), c.problems(name)
		if len(news) != tc.news || len(problems) != tc.problems ||
			tc.last > 0 && !strings.HasPrefix(problems[toldClaims], fmt.Sprintf("For %d more", tc.last)) {
			t.Errorf("%d claims of each card: %d news, told as %q", tc.perCard, len(news), problems)
		}
		if news := c.look(many, holders); len(news) > 0 {
			t.Errorf("%d claims of each card are news again: %v", tc.perCard, news)
		}
	}
}
