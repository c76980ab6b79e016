package stations

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

const lan = "lan"

func oneLAN() Config {
	return Config{LANs: []LAN{{Network: lan, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:32::/64")}}}}
}

// card is the hardware address of a machine by its number.
func card(n int) ethernet.MAC {
	m := ethernet.MAC{2}
	binary.BigEndian.PutUint32(m[2:], uint32(n))
	return m
}

// addr is an address on the LAN.
func addr(id uint64) netip.Addr {
	b := netip.MustParseAddr("2001:db8:32::").As16()
	binary.BigEndian.PutUint64(b[8:], id)
	return netip.AddrFrom16(b)
}

func confirmed(n int, id uint64) Observation {
	return Observation{Network: lan, MAC: card(n), Addr: addr(id), Confirmed: true}
}

// use has a machine speak from an address every half hour.
func use(t *Table, now *time.Duration, length time.Duration, n int, ids ...uint64) {
	for end := *now + length; *now < end; *now += 30 * time.Minute {
		for _, id := range ids {
			t.Observe(*now, confirmed(n, id))
		}
	}
}

func kindOf(t *testing.T, table *Table, id uint64) Kind {
	t.Helper()
	e := table.entries[addr(id)]
	if e == nil {
		t.Fatalf("%s is not known", addr(id))
	}
	return e.Kind
}

// TestKinds: how each kind is known.
func TestKinds(t *testing.T) {
	table, now := New(oneLAN(), nil), time.Duration(0)
	table.Observe(now, Observation{Network: lan, MAC: ethernet.MAC{0, 0x16, 0x3e, 1, 2, 3}, Addr: addr(0x0216_3eff_fe01_0203)})
	if k := kindOf(t, table, 0x0216_3eff_fe01_0203); k != EUI64 {
		t.Errorf("an address with the hardware address in it is %s", k)
	}
	table.Observe(now, Observation{Network: lan, MAC: card(1), Addr: addr(0x0216_3eff_fe01_0204), Confirmed: true})
	if k := kindOf(t, table, 0x0216_3eff_fe01_0204); k != Other {
		t.Errorf("one with another's is %s", k)
	}
	table.Observe(now, confirmed(2, 7))
	table.Observe(now, Observation{Network: lan, MAC: card(2), Addr: netip.MustParseAddr("fe80::7")})
	if k := kindOf(t, table, 7); k != Stable {
		t.Errorf("one that ends as the link-local address does is %s", k)
	}
	table.Observe(now, confirmed(3, 7)) // the address of another now, and not that one's
	if k := kindOf(t, table, 7); k != Other {
		t.Errorf("one that ends as another's link-local address does is %s", k)
	}

	use(table, &now, 25*time.Hour, 4, 100)
	if k := kindOf(t, table, 100); k != Other {
		t.Errorf("after 25 h of use it is %s", k)
	}
	use(table, &now, 2*time.Hour, 4, 100)
	if k := kindOf(t, table, 100); k != Stable {
		t.Errorf("after 27 h it is %s", k)
	}
}

// TestTemporary: a host that makes a temporary address each day, and goes on to use that of the day before,
// keeps none of them; one that sleeps does not either.
func TestTemporary(t *testing.T) {
	table, now := New(oneLAN(), nil), time.Duration(0)
	use(table, &now, 23*time.Hour, 1, 1000)
	for day := uint64(1001); day < 1020; day++ {
		use(table, &now, time.Hour, 1, day-1, day)    // the next is made
		use(table, &now, 22*time.Hour, 1, day-1, day) // and conversations go on with the last
		if k := kindOf(t, table, day-1); k != Other {
			t.Fatalf("day %d: a temporary address is %s", day-1000, k)
		}
		table.Tick(now)
	}
	if n := len(table.List()); n > 5 {
		t.Errorf("%d temporary addresses are remembered", n)
	}
	for range 10 { // three hours of use, and then it sleeps
		use(table, &now, 2*time.Hour, 2, 50)
		now += 10 * time.Hour
	}
	if k := kindOf(t, table, 50); k != Other {
		t.Errorf("an address of a host that slept is %s", k)
	}
	use(table, &now, 180*time.Hour, 3, 60, 61)
	if k := kindOf(t, table, 60); k != Stable {
		t.Errorf("an address that is used for a week beside another is %s", k)
	}
}

// TestPrefixGone: addresses of a prefix that goes are no more current at once, and those that are kept are
// when it comes back.
func TestPrefixGone(t *testing.T) {
	table, now := New(oneLAN(), nil), time.Duration(0)
	use(table, &now, 30*time.Hour, 1, 5)
	revision := table.Revision()
	table.Reconfigure(Config{LANs: []LAN{{Network: lan}}})
	if s := table.List()[0]; s.Current || s.Kind != Stable || table.Revision() == revision {
		t.Errorf("its prefix has gone: %+v", s)
	}
	now += time.Hour
	table.Tick(now)
	table.Reconfigure(oneLAN())
	if s := table.List()[0]; !s.Current || s.Kind != Stable {
		t.Errorf("its prefix has come back: %+v", s)
	}
	again := New(oneLAN(), table.List())
	if got := again.List(); len(got) != 1 || got[0] != table.List()[0] {
		t.Errorf("known before: %+v", got)
	}
}

// TestContested: an address that two machines use changes hands once a minute at most, and is a problem.
func TestContested(t *testing.T) {
	table, now := New(oneLAN(), nil), time.Duration(0)
	changes, last := 0, ethernet.MAC{}
	for range 600 { // ten minutes
		for n := range 2 {
			table.Observe(now, confirmed(1+n, 9))
			if got := table.List()[0].MAC; got != last {
				changes, last = changes+1, got
			}
		}
		now += time.Second
	}
	if changes < 5 || changes > 12 {
		t.Errorf("it changed hands %d times in ten minutes", changes)
	}
	problems := table.Problems(now)
	if len(problems) != 1 || !strings.Contains(problems[0], card(1).String()) || !strings.Contains(problems[0], card(2).String()) {
		t.Errorf("problems: %q", problems)
	}
	if table.Problems(now+time.Hour) != nil {
		t.Error("an hour later it is a problem still")
	}
	table.Observe(now+time.Hour, Observation{Network: lan, MAC: card(5), Addr: addr(9)})
	if table.List()[0].MAC == card(5) {
		t.Error("it was given to one that only says so")
	}
}

// TestProxy: a machine that answers for a whole network has a few addresses, and none of them is kept.
func TestProxy(t *testing.T) {
	table, now := New(oneLAN(), nil), time.Duration(0)
	table.Observe(now, confirmed(1, 1))
	writes := 0
	for range 24 * 10 {
		revision := table.Revision()
		for id := range uint64(200) {
			table.Observe(now, confirmed(7, 1000+id))
		}
		table.Observe(now, confirmed(1, 1))
		if table.Revision() != revision {
			writes++
		}
		now += time.Hour
	}
	n := 0
	for _, s := range table.List() {
		if s.MAC == card(7) {
			n++
			if s.Kind != Other {
				t.Fatalf("%s is %s", s.Addr, s.Kind)
			}
		}
	}
	if n != MaxPerMachine || table.List()[0].Addr != addr(1) {
		t.Errorf("%d addresses, and then %v", n, table.List()[0])
	}
	if writes > 24*10/2 {
		t.Errorf("another list %d times in %d hours", writes, 24*10)
	}
}

// TestBounds: whatever is seen, the table keeps its bounds, and machines with few addresses that speak keep
// them.
func TestBounds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 3))
	table, now := New(oneLAN(), nil), time.Duration(0)
	honest := func() {
		for n := range 50 {
			table.Observe(now, confirmed(n, uint64(1+n)))
		}
	}
	honest()
	for range 60_000 {
		now += 100 * time.Millisecond
		if rnd.IntN(2000) == 0 {
			honest()
		}
		// 300 machines of one attacker, with any number of addresses.
		o := confirmed(1000+rnd.IntN(300), 1<<32+rnd.Uint64N(1<<20))
		o.Confirmed = rnd.IntN(2) == 0
		if rnd.IntN(50) == 0 {
			o.MAC, o.Addr = card(rnd.IntN(1<<20)), netip.MustParseAddr("fe80::1") // who has no address
		}
		table.Observe(now, o)
	}
	if len(table.entries) != MaxAddresses || len(table.machines) > maxMachines || table.Refused() == 0 {
		t.Errorf("%d addresses, %d machines, %d refused", len(table.entries), len(table.machines), table.Refused())
	}
	for _, m := range table.machines {
		if len(m.entries) > MaxPerMachine || len(m.locals) > maxLocals {
			t.Fatalf("%s has %d addresses and %d link-local ones", m.mac, len(m.entries), len(m.locals))
		}
	}
	for n := range 50 {
		if e := table.entries[addr(uint64(1+n))]; e == nil || e.MAC != card(n) {
			t.Fatalf("the address of an honest machine is gone: %v", e)
		}
	}
	if got := New(oneLAN(), table.List()).List(); len(got) != MaxAddresses {
		t.Errorf("%d of them are known again", len(got))
	}
	table.Tick(now + Keep)
	table.Tick(now + 2*Keep)
	if len(table.entries)+len(table.machines) != 0 {
		t.Errorf("%d addresses and %d machines are left", len(table.entries), len(table.machines))
	}
}
