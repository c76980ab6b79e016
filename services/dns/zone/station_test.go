package zone

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// A roll is the obvious model of Stations: all that was ever leased, in its order, and who has which station.
type roll struct {
	leases   []Lease
	stations []Station
	hosts    map[string]string // by client
}

// name is what the machine of a station is called.
func (r *roll) name(t *Table, now time.Time, client string) string {
	if host := r.hosts[client]; host != "" {
		return host
	}
	for i := len(r.leases) - 1; i >= 0; i-- {
		l := r.leases[i]
		replaced := false
		for _, later := range r.leases[i+1:] {
			replaced = replaced || later.Addr == l.Addr
		}
		if l.Client == client && !replaced && now.Before(l.Until) && t.Refuse(l) == nil {
			return l.Name
		}
	}
	return ""
}

// check compares a Table with the model.
func (r *roll) check(t *testing.T, now time.Time, table *Table) {
	t.Helper()
	named := 0
	for _, s := range r.stations {
		want, got := r.name(table, now, s.Client), ""
		if l := table.leases.lease(s.Addr); l != nil {
			got = l.label
		}
		l := Lease{Name: want, Addr: s.Addr, Client: s.Client}
		if want != "" && table.Refuse(l) != nil {
			want = ""
		}
		if want != got {
			t.Fatalf("%s of %s is called %q: want %q", s.Addr, s.Client, got, want)
		}
		if want != "" {
			named++
		}
	}
	if table.Stations() != named {
		t.Fatalf("%d stations are counted: want %d", table.Stations(), named)
	}
	leases := 0
	for i, l := range r.leases {
		last := true
		for _, later := range r.leases[i+1:] {
			last = last && later.Addr != l.Addr
		}
		if last && now.Before(l.Until) && table.Refuse(l) == nil {
			leases++
		}
	}
	if table.Leases() != leases {
		t.Fatalf("%d leases are counted: want %d", table.Leases(), leases)
	}
}

func stationsConfig() Config {
	return Config{
		Domain: "home.example", Router: Host{Name: "gate", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.1")}},
		Hosts: []Host{
			{Name: "web", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.10")}, Clients: []string{"c0"}},
			{Name: "db", Addrs: []netip.Addr{netip.MustParseAddr("2001:db8:32::11")}, Clients: []string{"c1"}},
		},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("2001:db8:32::/64")},
	}
}

func TestStationsAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		table, err := Build(stationsConfig())
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
		r := &roll{hosts: map[string]string{"c0": "web", "c1": "db"}}
		s := NewStations(table, nil)
		for range 60 {
			now = now.Add(time.Duration(rnd.IntN(20)) * time.Minute)
			if rnd.IntN(4) == 0 {
				r.stations = randomStations(rnd)
				s.Set(table, r.stations)
			}
			changes := randomLeases(rnd, now)
			r.leases = append(r.leases, changes...)
			table = s.With(now, table, changes...)
			r.check(t, now, table)
		}
	}
}

func randomStations(rnd *rand.Rand) (all []Station) {
	for i := range 12 {
		if rnd.IntN(2) == 0 {
			a := fmt.Sprintf("2001:db8:32::%x", 0x10+i) // 11 is that of db
			if rnd.IntN(8) == 0 {
				a = fmt.Sprintf("2001:db8:99::%x", i+1) // on no network of the house
			}
			all = append(all, Station{netip.MustParseAddr(a), fmt.Sprintf("c%d", rnd.IntN(5))})
		}
	}
	return all
}

func randomLeases(rnd *rand.Rand, now time.Time) (all []Lease) {
	for range rnd.IntN(3) {
		l := Lease{
			Name: []string{"laptop", "phone", "web", "no name", "tablet"}[rnd.IntN(5)], Client: fmt.Sprintf("c%d", rnd.IntN(5)),
			Addr: netip.AddrFrom4([4]byte{192, 168, 32, byte(100 + rnd.IntN(4))}),
		}
		if rnd.IntN(4) > 0 {
			l.Until = now.Add(time.Duration(1+rnd.IntN(120)) * time.Minute)
		}
		all = append(all, l)
	}
	return all
}

// TestStationAnswers: the names of stations as they are asked for, both ways, and that of a host with an IPv6
// address by the site.
func TestStationAnswers(t *testing.T) {
	table, err := Build(stationsConfig())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	at := netip.MustParseAddr
	s := NewStations(table, []Station{
		{at("2001:db8:32::a0"), "c0"}, {at("2001:db8:32::b0"), "c0"}, {at("2001:db8:32::a1"), "c1"}, {at("2001:db8:32::a2"), "c2"},
	})
	table = s.With(now, table, Lease{Name: "Laptop", Addr: at("192.168.32.100"), Client: "c2", Until: now.Add(time.Hour)})
	for _, q := range []struct {
		name string
		want []string
	}{
		{"web", []string{"2001:db8:32::b0", "2001:db8:32::a0"}},
		{"db", []string{"2001:db8:32::11"}},
		{"laptop", []string{"2001:db8:32::a2"}},
	} {
		wire, _ := appendName(nil, q.name+".home.example.", nil)
		a := table.Answer(nil, Query{Name: wire, Type: typeAAAA, Class: classIN})
		var got []string
		for b := a.Msg; len(b) >= recordLen+16; b = b[recordLen+16:] {
			got = append(got, netip.AddrFrom16([16]byte(b[recordLen:])).String())
		}
		if fmt.Sprint(got) != fmt.Sprint(q.want) || int(a.Answers) != len(q.want) {
			t.Errorf("AAAA of %s: %v, want %v", q.name, got, q.want)
		}
	}
	for addr, want := range map[string]string{
		"2001:db8:32::a0": "web.home.example.", "2001:db8:32::a1": "db.home.example.", "2001:db8:32::11": "db.home.example.",
		"2001:db8:32::a2": "laptop.home.example.", "2001:db8:32::a3": "",
	} {
		a := table.Answer(nil, Query{Name: appendReverse(nil, at(addr), 128), Type: typePTR, Class: classIN})
		got := ""
		if a.Answers == 1 {
			got = display(a.Msg[recordLen:])
		}
		if got != want {
			t.Errorf("PTR of %s: %q, want %q", addr, got, want)
		}
	}
}
