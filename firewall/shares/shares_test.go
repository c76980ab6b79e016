package shares

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestLevelIsMaxMinFair: what everybody has below the level fits, and with one more it would not.
func TestLevelIsMaxMinFair(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	used := func(counts []int, level int) (sum int) {
		for _, n := range counts {
			sum += min(n, level)
		}
		return sum
	}
	for range 20_000 {
		counts := make([]int, 1+r.IntN(20))
		for i := range counts {
			counts[i] = 1 + r.IntN(1<<r.IntN(12))
		}
		room := r.IntN(4000)
		level, most := Level(slices.Clone(counts), room), slices.Max(counts)
		if used(counts, level) > room {
			t.Fatalf("%v in %d: level %d is too much", counts, room, level)
		}
		if level <= most && used(counts, level+1) <= room {
			t.Fatalf("%v in %d: level %d could be higher", counts, room, level)
		}
		if level > most && used(counts, most) > room {
			t.Fatalf("%v in %d: level %d, and not all fit", counts, room, level)
		}
	}
}

func addr(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// house is a table that sources fill.
func house(counts map[int]int) *Census {
	c := NewCensus(Places{Own: map[netip.Addr]bool{addr(0): true}})
	for who, n := range counts {
		for range n {
			c.Add(Conversation{Source: addr(who), Phase: Going})
		}
	}
	return c
}

func TestJudge(t *testing.T) {
	limits := Limits{Table: 16384, Share: 4096}
	many := map[int]int{}
	for i := range 200 {
		many[100+i] = 70
	}
	for _, c := range []struct {
		name    string
		counts  map[int]int
		near    bool
		bound   int
		refused []int
		excess  map[int]int
	}{
		{"a house", map[int]int{0: 100, 1: 900, 2: 30}, false, 4096, nil, nil},
		{"one has its share", map[int]int{1: 4096, 2: 4000}, false, 4096, []int{1}, nil},
		{"one has much more", map[int]int{1: 5000, 2: 10}, false, 4096, []int{1}, map[int]int{1: 904}},
		{"three together", map[int]int{1: 4090, 2: 4090, 3: 4090, 4: 100}, true, 3380, []int{1, 2, 3}, nil},
		{"four together", map[int]int{1: 4090, 2: 4090, 3: 4090, 4: 3000, 5: 20}, true, 2555, []int{1, 2, 3, 4},
			map[int]int{1: 1535, 2: 1535, 3: 1535, 4: 445}},
		{"the appliance itself", map[int]int{0: 13000, 1: 100}, true, 101, nil, nil},
		{"many that have little", many, true, 51, []int{100, 299}, nil},
	} {
		var w Watch
		now := time.Unix(0, 0)
		census := house(c.counts)
		if !w.Due(now, max(census.total, 4096), limits) {
			t.Errorf("%s: no census is due", c.name)
		}
		v := w.Judge(now, time.Millisecond, limits, census)
		if v.Near != c.near || v.Bound != c.bound {
			t.Errorf("%s: near %t, bound %d; want %t, %d", c.name, v.Near, v.Bound, c.near, c.bound)
		}
		for _, who := range c.refused {
			if !slices.ContainsFunc(v.Refused, func(h Holder) bool { return h.Addr == addr(who) }) {
				t.Errorf("%s: %d is not refused", c.name, who)
			}
		}
		if len(c.refused) != 2 && len(v.Refused) != len(c.refused) {
			t.Errorf("%s: refused are %v", c.name, v.Refused)
		}
		for s, n := range v.Excess {
			if who := int(s.Prefix.Addr().As4()[3]); c.excess[who] != n {
				t.Errorf("%s: %d are cut of %d", c.name, n, who)
			}
		}
		if len(v.Excess) != len(c.excess) {
			t.Errorf("%s: cut are %v", c.name, v.Excess)
		}
		if w.Due(now.Add(period-1), 16384, limits) || !w.Due(now.Add(period), 16384, limits) {
			t.Errorf("%s: the next census is not after %v", c.name, period)
		}
	}
}

// TestRoomForLittle: whatever sources do, after a cut there is room, and who has little keeps what he has.
func TestRoomForLittle(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	limits := Limits{Table: 2048, Share: 512}
	var w Watch
	counts := map[int]int{}
	for step := range 3000 {
		for who := 1; who <= 20; who++ {
			counts[who] = max(0, counts[who]+r.IntN(200)-80)
		}
		v := w.Judge(time.Unix(int64(step), 0), 0, limits, house(counts))
		total := 0
		for who := range counts {
			n := v.Excess[Source{Prefix: netip.PrefixFrom(addr(who), 32)}]
			if n > 0 && counts[who]-n < min(Little, v.Bound) {
				t.Fatalf("step %d: %d of %d are cut", step, n, counts[who])
			}
			counts[who] -= n
			total += counts[who]
		}
		if total > limits.Table*full/8 {
			t.Fatalf("step %d: %d of %d are left", step, total, limits.Table)
		}
	}
}

// TestEnds: a refused source begins again when it has an eighth less.
func TestEnds(t *testing.T) {
	var w Watch
	limits := Limits{Table: 16384, Share: 4096}
	for i, step := range []struct {
		has     int
		refused bool
	}{{4096, true}, {4000, true}, {3584, true}, {3583, false}, {4095, false}, {4096, true}} {
		v := w.Judge(time.Unix(int64(i), 0), 0, limits, house(map[int]int{1: step.has}))
		if (len(v.Refused) == 1) != step.refused {
			t.Errorf("%d: with %d refused is %v", i, step.has, v.Refused)
		}
	}
	if w.Due(time.Unix(100, 0), 100, limits) != true {
		t.Error("nobody looks whether the one that is refused may begin again")
	}
}

// TestEndedOnes: for what has ended nobody is refused; it goes when he has his share.
func TestEndedOnes(t *testing.T) {
	var w Watch
	limits := Limits{Table: 16384, Share: 4096}
	for i, step := range []struct{ going, ended, refused, cut int }{
		{4000, 90, 0, 0}, {4000, 96, 0, 96}, {1, 6000, 0, 6000}, {4096, 10, 1, 10}, {4700, 10, 1, 614},
	} {
		c := house(map[int]int{1: step.going})
		for range step.ended {
			c.Add(Conversation{Source: addr(1), Phase: Ended})
		}
		v := w.Judge(time.Unix(int64(i), 0), 0, limits, c)
		cut := 0
		for _, n := range v.Excess {
			cut += n
		}
		if len(v.Refused) != step.refused || cut != step.cut {
			t.Errorf("%+v: refused %v, cut %d", step, v.Refused, cut)
		}
	}
}

func TestSources(t *testing.T) {
	at := netip.MustParseAddr
	p := Places{Card: map[netip.Addr]Card{at("2001:db8:1::5"): {1}, at("2001:db8:1::6"): {1}},
		LANs: []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}}
	same := func(a, b string) bool { return p.source(at(a)) == p.source(at(b)) }
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8:1::5", "2001:db8:1::6", true},  // a card
		{"2001:db8:1::5", "2001:db8:1::7", false}, // its neighbour
		{"2001:db8:1::7", "2001:db8:1::8", false}, // nobody knows whose they are
		{"2001:db8:2::7", "2001:db8:2::8", true},  // a stranger's /64
		{"2001:db8:2::7", "2001:db8:3::7", false},
	} {
		if same(c.a, c.b) != c.want {
			t.Errorf("%s and %s are one source: %t", c.a, c.b, !c.want)
		}
	}
}

// TestCut: the least of a source go, and of others none.
func TestCut(t *testing.T) {
	var all []Conversation
	for phase := range numPhases {
		for i := range 10 {
			for who := range 2 {
				all = append(all, Conversation{addr(who), phase, 1 << i})
			}
		}
	}
	c := NewCut(Places{}, map[Source]int{{Prefix: netip.PrefixFrom(addr(1), 32)}: 23})
	for _, conversation := range all {
		c.Add(conversation)
	}
	c.Done()
	gone := map[Phase]int{}
	for _, conversation := range all {
		if c.Goes(conversation) {
			gone[conversation.Phase]++
			if conversation.Source != addr(1) || conversation.Phase == Going && conversation.Packets > 4 {
				t.Errorf("%v goes", conversation)
			}
		}
	}
	if gone[Ended] != 10 || gone[Unanswered] != 10 || gone[Going] != 3 {
		t.Errorf("gone are %v", gone)
	}
}
