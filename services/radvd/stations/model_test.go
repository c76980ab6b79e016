package stations

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// A sight is an observation and when it was made.
type sight struct {
	Observation
	at time.Duration
}

// model is the obvious one: of few machines, all that was ever seen of them. It has no bounds.
type model struct {
	conf  Config
	known map[netip.Addr]*Station
	moves map[netip.Addr][]time.Duration
	seen  []sight
	last  map[ethernet.MAC]time.Duration // when a machine was seen
}

// local reports whether a machine was seen with a link-local address that ends like a.
func (m *model) local(mac ethernet.MAC, a netip.Addr) bool {
	return slices.ContainsFunc(m.seen, func(s sight) bool {
		return s.MAC == mac && s.Addr.IsLinkLocalUnicast() && s.Addr.As16()[15] == a.As16()[15] && interfaceID(s.Addr) == interfaceID(a)
	})
}

func (m *model) prefixOf(network string, a netip.Addr) (netip.Prefix, bool) {
	for _, l := range m.conf.LANs {
		for _, p := range l.Prefixes {
			if (network == "" || l.Network == network) && p.Contains(a) && !slices.Contains(l.Own, a) {
				return p, true
			}
		}
	}
	return netip.Prefix{}, false
}

func (m *model) observe(now time.Duration, o Observation) {
	known := slices.ContainsFunc(m.conf.LANs, func(l LAN) bool { return l.Network == o.Network })
	local := known && o.Addr.IsLinkLocalUnicast()
	_, on := m.prefixOf(o.Network, o.Addr)
	if !local && !on {
		return
	}
	m.seen = append(m.seen, sight{o, now})
	if local || m.known[o.Addr] == nil || o.Confirmed {
		m.last[o.MAC] = now
	}
	if local {
		return
	}
	s := m.known[o.Addr]
	switch {
	case s == nil:
	case s.MAC == o.MAC && o.Confirmed:
		if now-s.Last <= 2*time.Hour {
			s.Used += now - s.Last
		}
		s.Last = now
		if s.Kind == Other && m.kept(s) {
			s.Kind = Stable
		}
		return
	case s.MAC != o.MAC && o.Confirmed:
		last := m.moves[o.Addr]
		if len(last) > 0 && now-last[len(last)-1] < time.Minute {
			return
		}
		m.moves[o.Addr] = append(last, now)
	default:
		return
	}
	m.known[o.Addr] = &Station{Addr: o.Addr, MAC: o.MAC, Network: o.Network, First: now, Last: now}
}

// kept is what the package says of temporary addresses.
func (m *model) kept(s *Station) bool {
	p, _ := m.prefixOf("", s.Addr)
	beside, younger := 0, 0
	for _, x := range m.known {
		if x.MAC == s.MAC && p.Contains(x.Addr) {
			beside++
			if m.kind(x) == Other && x.First > s.First {
				younger++
			}
		}
	}
	return beside <= 8 && (s.Used >= 170*time.Hour || s.Used >= 26*time.Hour && younger == 0)
}

func (m *model) kind(s *Station) Kind {
	b := s.Addr.As16()
	mac := fmt.Sprintf("%02x%02x%02x%02x%02x%02x", b[8]^2, b[9], b[10], b[13], b[14], b[15])
	switch {
	case b[11] == 0xff && b[12] == 0xfe && mac == fmt.Sprintf("%x", s.MAC[:]):
		return EUI64
	case s.Kind == Other && m.local(s.MAC, s.Addr):
		return Stable
	}
	return s.Kind
}

// list is what there is to know now. What was not seen for long is forgotten.
func (m *model) list(now time.Duration) (all []Station) {
	for a, s := range m.known {
		_, current := m.prefixOf("", a)
		s.Kind, s.Current = m.kind(s), current
		limit := 30 * 24 * time.Hour
		if s.Kind == Other || !current {
			limit = 3 * 24 * time.Hour
		}
		if now-s.Last >= limit {
			delete(m.known, a)
			delete(m.moves, a)
			continue
		}
		all = append(all, *s)
	}
	// Of a machine without any address, the link-local ones are forgotten with the rest.
	m.seen = slices.DeleteFunc(m.seen, func(s sight) bool {
		has := slices.ContainsFunc(all, func(x Station) bool { return x.MAC == s.MAC })
		return !has && now-m.last[s.MAC] >= 3*24*time.Hour
	})
	slices.SortFunc(all, func(x, y Station) int { return x.Addr.Compare(y.Addr) })
	return all
}

func configs() []Config {
	p := netip.MustParsePrefix
	router := []netip.Addr{netip.MustParseAddr("2001:db8:32::1")}
	return []Config{
		{LANs: []LAN{{"lan", []netip.Prefix{p("2001:db8:32::/64"), p("fd00:32::/64")}, router}, {"lab", []netip.Prefix{p("2001:db8:34::/64")}, nil}}},
		{LANs: []LAN{{"lan", []netip.Prefix{p("2001:db8:99::/64"), p("fd00:32::/64")}, router}, {"lab", []netip.Prefix{p("2001:db8:34::/64")}, nil}}},
		{LANs: []LAN{{"lan", []netip.Prefix{p("2001:db8:32::/64")}, router}}},
	}
}

// randomSight is of few machines with few addresses, of several prefixes, some in two LANs.
func randomSight(rnd *rand.Rand) Observation {
	mac := ethernet.MAC{0, 0x16, 0x3e, 0, 0, byte(rnd.IntN(3))}
	nets := []string{"2001:db8:32::/64", "fd00:32::/64", "2001:db8:34::/64", "2001:db8:99::/64", "fe80::/64", "::/64", "ff02::/64"}
	b := netip.MustParsePrefix(nets[rnd.IntN(len(nets))]).Addr().As16()
	b[15] = byte(1 + rnd.IntN(maxLocals))
	if rnd.IntN(3) == 0 && b[0] != 0xfe { // of one of the machines, which need not be the one that has it
		copy(b[8:], []byte{2, 0x16, 0x3e, 0xff, 0xfe, 0, 0, byte(rnd.IntN(3))})
	}
	return Observation{
		Network: []string{"lan", "lan", "lab", "dmz"}[rnd.IntN(4)], MAC: mac, Addr: netip.AddrFrom16(b), Confirmed: rnd.IntN(4) > 0,
	}
}

func TestTableAgainstModel(t *testing.T) {
	kinds := map[Kind]int{}
	for seed := range uint64(60) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		now := -time.Duration(rnd.IntN(1000)) * time.Hour
		conf := configs()[0]
		table := New(conf, nil)
		m := &model{conf: conf, known: map[netip.Addr]*Station{}, moves: map[netip.Addr][]time.Duration{}, last: map[ethernet.MAC]time.Duration{}}
		few := []Observation{randomSight(rnd), randomSight(rnd), randomSight(rnd)} // seen all the time
		for range 400 {
			now += time.Duration(rnd.IntN(100)+1) * time.Minute
			before := m.list(now)
			table.Tick(now)
			revision := table.Revision()
			if rnd.IntN(60) == 0 {
				conf = configs()[rnd.IntN(3)]
				m.conf = conf
				table.Reconfigure(conf)
				table.Tick(now)
				m.list(now)
			}
			for _, o := range append(few, randomSight(rnd)) {
				table.Observe(now, o)
				m.observe(now, o)
			}
			want, got := m.list(now), table.List()
			if !slices.Equal(want, got) {
				t.Fatalf("seed %d at %v:\ngot  %v\nwant %v", seed, now, got, want)
			}
			if changed := table.Revision() != revision; !changed && !slices.EqualFunc(before, want, alike) {
				t.Fatalf("seed %d at %v: another list, and the same revision", seed, now)
			}
			for _, s := range got {
				kinds[s.Kind]++
			}
		}
	}
	if len(kinds) != 3 {
		t.Errorf("kinds: %v", kinds)
	}
}

// alike is what a revision is about.
func alike(x, y Station) bool {
	x.Last, x.Used, x.First, y.Last, y.Used, y.First = 0, 0, 0, 0, 0, 0
	return x == y
}
