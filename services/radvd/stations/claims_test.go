package stations

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// seen is a machine that was seen with an address.
func seen(n int, a string, confirmed bool) Observation {
	return Observation{Network: lan, MAC: card(n), Addr: netip.MustParseAddr(a), Confirmed: confirmed}
}

// TestClaims: who answers for the address of another is told once, and is a problem while he does.
func TestClaims(t *testing.T) {
	const made, made2 = "fe80::ff:fe00:1", "2001:db8:32::ff:fe00:1" // of card(1), which is 02:00:00:00:00:01
	belongs := func(a, of string) string {
		return fmt.Sprintf("%s on lan belongs to the card 02:00:00:00:00:01%s, and the card 02:00:00:00:00:02 answers for it.", a, of)
	}
	of := ", of which it is made"
	for what, steps := range map[string][]struct {
		o        Observation
		after    time.Duration
		news     int
		problems string
	}{
		"a link-local address that is made of a card": {
			{seen(2, made, true), 0, 0, ""}, // whose nobody knows
			{seen(1, "fe80::7", true), 0, 0, ""},
			{seen(2, made, false), 0, 0, ""}, // who only says so
			{seen(2, made, true), 0, 1, belongs(made, of)},
			{seen(2, made, true), 0, 0, belongs(made, of)},
			{seen(1, made, false), time.Minute, 0, belongs(made, of)},
			{seen(1, made, true), time.Minute, 0, ""},
			{seen(2, made, true), time.Minute, 0, belongs(made, of)}, // told of eight minutes ago
			{seen(2, made, false), 14 * time.Minute, 0, belongs(made, of)},
			{seen(1, made, true), time.Minute, 0, ""},
			{seen(2, made, true), 11 * time.Minute, 1, belongs(made, of)},
			{seen(9, "fe80::9", true), 15 * time.Minute, 0, ""}, // nobody was seen with it
		},
		"another that is": {
			{seen(1, made2, true), 0, 0, ""},
			{seen(2, made2, true), time.Minute, 1, belongs(made2, of)},
			{seen(2, made2, true), 10 * time.Minute, 0, belongs(made2, of)},
			{seen(2, made2, true), 10 * time.Minute, 0, belongs(made2, of)},
			{seen(2, made2, true), 10 * time.Minute, 0, belongs(made2, of)},
			{seen(2, made2, true), 10 * time.Minute, 0, belongs(made2, of)},
			{seen(2, made2, true), 10 * time.Minute, 0, belongs(made2, of)},
			{seen(2, made2, true), 10 * time.Minute, 0, belongs(made2, of)},
			{seen(2, made2, true), 10 * time.Minute, 0, belongs(made2, of)}, // for ever
		},
		"a link-local address that was another's": {
			{seen(1, "fe80::7", false), 0, 0, ""},
			{seen(2, "fe80::7", true), time.Minute, 1, belongs("fe80::7", "")},
			{seen(2, "fe80::7", true), 14 * time.Minute, 0, belongs("fe80::7", "")},
			{seen(2, "fe80::7", true), 14 * time.Minute, 0, belongs("fe80::7", "")},
			{seen(2, "fe80::7", true), 14 * time.Minute, 0, belongs("fe80::7", "")},
			{seen(2, "fe80::7", true), 14 * time.Minute, 0, belongs("fe80::7", "")},
			{seen(2, "fe80::7", true), 4 * time.Minute, 0, ""}, // it is his by now
			{seen(2, "fe80::7", true), 0, 0, ""},
		},
		"an address that was another's": {
			{seen(1, "2001:db8:32::7", true), 0, 0, ""},
			{seen(2, "2001:db8:32::7", true), time.Minute, 1, belongs("2001:db8:32::7", "")},
			{seen(1, "2001:db8:32::7", true), time.Second, 0, ""},
			{seen(2, "2001:db8:32::7", true), time.Second, 0, belongs("2001:db8:32::7", "")},
			{seen(1, "2001:db8:32::7", true), time.Minute, 0, ""},
			{seen(1, "2001:db8:32::7", true), time.Hour, 0, ""},
		},
		"on other links": {
			{seen(1, "fe80::7", true), 0, 0, ""},
			{Observation{Network: "dmz", MAC: card(2), Addr: netip.MustParseAddr("fe80::7"), Confirmed: true}, 0, 0, ""},
		},
	} {
		conf := oneLAN()
		conf.LANs = append(conf.LANs, LAN{Network: "dmz"})
		table, now := New(conf, nil), 100*time.Hour
		for i, s := range steps {
			now += s.after
			table.Tick(now)
			table.Observe(now, s.o)
			if news := table.News(); len(news) != s.news {
				t.Errorf("%s, %d: news are %v, want %d", what, i, news, s.news)
			}
			if got := strings.Join(table.Problems(now), "\n"); got != s.problems {
				t.Errorf("%s, %d: problems are\n%s\nwant\n%s", what, i, got, s.problems)
			}
		}
	}
}

// TestManyClaims: they are bounded, whoever claims what, and few are told of.
func TestManyClaims(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	table, now := New(oneLAN(), nil), time.Duration(0)
	for n := range 2000 {
		table.Observe(now, confirmed(n, uint64(1+n)))
	}
	news := 0
	for range 3000 {
		table.Observe(now, confirmed(10_000+rnd.IntN(10), uint64(1+rnd.IntN(2000))))
		table.Observe(now, Observation{Network: lan, MAC: card(rnd.IntN(1 << 11)), Addr: netip.AddrFrom16([16]byte{0xfe, 0x80, 15: byte(rnd.IntN(256))}), Confirmed: true})
		news += len(table.News())
	}
	if len(table.claims) != maxClaims || len(table.locals) > maxMachines || news > 2*maxClaims {
		t.Errorf("%d claims, %d link-local addresses, %d times told", len(table.claims), len(table.locals), news)
	}
	problems := table.Problems(now)
	if len(problems) != toldClaims+1 || !strings.HasPrefix(problems[toldClaims], "For 251 more IPv6 addresses") {
		t.Errorf("%q", problems)
	}
	table.Tick(now + KeepOther + time.Hour)
	table.Tick(now + KeepOther + time.Hour)
	if n := len(table.claims) + len(table.locals); n > 0 {
		t.Errorf("%d are left", n)
	}
	if table.News() != nil || slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, ethernet.MAC{}.String()) }) {
		t.Errorf("%q", problems)
	}
}
