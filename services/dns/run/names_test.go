package run

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// A journal is that of the DHCP service.
type journal struct{ *leasefile.Follower }

func follow(dir string) Journal { return journal{leasefile.Follow(dir)} }

// Poll implements Journal.
func (j journal) Poll(restart func(), each func(zone.Lease)) error {
	return j.Follower.Poll(restart, func(l lease.Lease) {
		z := zone.Lease{Name: l.Name, Addr: l.Addr, Client: l.MAC.String()}
		if l.State == lease.Bound {
			z.Until = l.Until
		}
		each(z)
	})
}

// A desk is names with a clock and a journal of a test.
type desk struct {
	*names
	t        *testing.T
	dir      string
	journal  *leasefile.Journal
	at       time.Time
	sets     int
	shown    *zone.Table
	stations stationList
}

// A stationList is the file of stations of a test.
type stationList struct {
	all  []zone.Station
	read bool
	err  error
}

// Poll implements Stations.
func (s *stationList) Poll() ([]zone.Station, bool, error) {
	if s.err != nil {
		return nil, false, s.err
	}
	again := !s.read
	s.read = true
	return s.all, again, nil
}

// station has the file name these addresses of cards.
func (d *desk) station(all ...zone.Station) {
	d.stations.all, d.stations.read = all, false
}

// with adopts a site with these directories.
func (d *desk) with(base *zone.Table, leases string) {
	d.adopt(base, &dns.Config{Leases: leases})
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, dir: t.TempDir(), at: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
	d.names = newNames(func(z *zone.Table) { d.shown = z; d.sets++ }, &Options{
		Log: slog.New(slog.DiscardHandler), Follow: follow, Now: func() time.Time { return d.at },
		Stations: func(dir string, temporary bool) Stations { return &d.stations },
	})
	d.open()
	t.Cleanup(func() { d.journal.Close() })
	return d
}

func (d *desk) open() {
	d.t.Helper()
	j, _, err := leasefile.Open(leasefile.Dir(d.dir), func(lease.Lease) {})
	if err != nil {
		d.t.Fatal(err)
	}
	d.journal = j
}

// lease writes one for so long.
func (d *desk) lease(addr, name string, last byte, length time.Duration) {
	d.t.Helper()
	l := lease.Lease{Addr: netip.MustParseAddr(addr), MAC: lease.MAC{2, 0, 0, 0, 0, last}, Name: name, State: lease.Bound,
		Since: d.at, Until: d.at.Add(length)}
	if length == 0 {
		l.State = lease.Free
	}
	d.journal.Append(l)
	if err := d.journal.Sync(); err != nil {
		d.t.Fatal(err)
	}
}

// says checks the addresses of a name.
func (d *desk) says(name string, want ...string) {
	d.t.Helper()
	d.saysOf(1, 4, name, want)
}

// says6 checks those of IPv6.
func (d *desk) says6(name string, want ...string) {
	d.t.Helper()
	d.saysOf(28, 16, name, want)
}

func (d *desk) saysOf(typ uint16, size int, name string, want []string) {
	d.t.Helper()
	var wire []byte
	for _, label := range []string{name, "home", "example"} {
		wire = append(append(wire, byte(len(label))), label...)
	}
	a := d.shown.Answer(nil, zone.Query{Name: append(wire, 0), Type: typ, Class: 1})
	var got []string
	for b := a.Msg; a.RCode == 0 && a.Answers > 0 && len(b) >= 12+size; b = b[12+size:] { // a pointer, ten bytes, an address
		addr, _ := netip.AddrFromSlice(b[12 : 12+size])
		got = append(got, addr.String())
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("%s: %v, not %v (rcode %d)", name, got, want, a.RCode)
	}
}

func site(t testing.TB) *zone.Table {
	t.Helper()
	table, err := zone.Build(zone.Config{
		Domain: "home.example", Router: zone.Host{Name: "gate", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.1")}},
		Hosts: []zone.Host{{
			Name: "web", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.10")}, Clients: []string{"02:00:00:00:00:10"},
		}},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("2001:db8:32::/64")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestNames(t *testing.T) {
	d := newDesk(t)
	d.lease("192.168.32.100", "laptop", 1, time.Hour)
	d.with(site(t), d.dir)
	d.says("laptop", "192.168.32.100") // from the start
	d.says("web", "192.168.32.10")
	sets := d.sets
	d.poll()
	if d.sets != sets {
		t.Error("nothing has changed, and there is another table")
	}

	d.lease("192.168.32.101", "tablet", 2, 2*time.Hour)
	d.lease("192.168.32.102", "web", 3, 2*time.Hour) // a host of the site has the name
	d.poll()
	d.says("tablet", "192.168.32.101")
	d.says("web", "192.168.32.10")

	d.at = d.at.Add(time.Hour)
	if pause := d.pause(); pause != 0 {
		t.Errorf("a lease has ended, and the next look is in %v", pause)
	}
	d.poll()
	d.says("laptop")
	d.says("tablet", "192.168.32.101")

	d.lease("192.168.32.101", "tablet", 2, 0) // released
	d.lease("192.168.32.103", "phone", 4, time.Hour)
	d.poll()
	d.says("tablet")
	d.says("phone", "192.168.32.103")

	// The journal is rewritten.
	r := d.journal.Begin(0, func(l lease.Lease) bool { return l.State == lease.Bound })
	r.Run(t.Context())
	if err := d.journal.Finish(r); err != nil {
		t.Fatal(err)
	}
	d.lease("192.168.32.104", "watch", 5, time.Hour)
	d.poll()
	d.says("phone", "192.168.32.103")
	d.says("watch", "192.168.32.104")

	// Another site without leases, and again with them.
	d.with(site(t), "")
	d.says("phone")
	d.with(site(t), d.dir)
	d.says("phone", "192.168.32.103")
}

// TestNamesAtOnce: a name is there within a tenth of a second of its record.
func TestNamesAtOnce(t *testing.T) {
	d := newDesk(t)
	w, err := newWatch()
	if err != nil || w.set(t.TempDir()) != nil || w.set("", t.TempDir(), d.dir) != nil {
		t.Fatal(err)
	}
	defer w.Close()
	go w.run()
	shown := make(chan *zone.Table, 100)
	d.set = func(z *zone.Table) { shown <- z }
	d.with(site(t), d.dir)
	<-shown
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go d.run(ctx, w.written)
	d.lease("192.168.32.100", "laptop", 1, time.Hour)
	for z := range shown { // until there is one with it, or the test's time is over
		if z.Leases() == 1 {
			break
		}
	}
	cancel()
	<-d.over
}

// TestStations: addresses that hosts made have the names of their cards, whatever comes first, and as long.
func TestStations(t *testing.T) {
	d := newDesk(t)
	of := func(addr string, card string) zone.Station {
		return zone.Station{Addr: netip.MustParseAddr(addr), Client: "02:00:00:00:00:" + card}
	}
	web, laptop := of("2001:db8:32::10", "10"), of("2001:db8:32::1a", "01")
	d.station(web, laptop)
	d.adopt(site(t), &dns.Config{Leases: d.dir, Stations: "published"})
	d.says6("web", "2001:db8:32::10")
	d.says6("laptop")
	d.lease("192.168.32.100", "laptop", 1, time.Hour)
	d.poll()
	d.says6("laptop", "2001:db8:32::1a")
	if n, m := d.shown.Leases(), d.shown.Stations(); n != 1 || m != 2 {
		t.Errorf("%d leases and %d stations", n, m)
	}
	d.station(web, laptop, of("2001:db8:32::1b", "01"))
	d.poll()
	d.says6("laptop", "2001:db8:32::1b", "2001:db8:32::1a")

	d.lease("192.168.32.100", "thinkpad", 1, 2*time.Hour) // called otherwise now
	d.poll()
	d.says6("laptop")
	d.says6("thinkpad", "2001:db8:32::1b", "2001:db8:32::1a")
	d.station(web, of("2001:db8:32::1b", "01"))
	d.poll()
	d.says6("thinkpad", "2001:db8:32::1b")

	d.stations.err = errors.New("out of order")
	d.poll()
	if d.made.failed != "out of order" {
		t.Errorf("failed: %q", d.made.failed)
	}
	d.says6("thinkpad", "2001:db8:32::1b")
	d.stations.err = nil

	d.at = d.at.Add(2 * time.Hour) // and its lease ends
	d.poll()
	d.says6("thinkpad")
	d.says6("web", "2001:db8:32::10")
	if d.made.failed != "" || d.shown.Leases() != 0 || d.shown.Stations() != 1 {
		t.Errorf("%d leases, %d stations, failed %q", d.shown.Leases(), d.shown.Stations(), d.made.failed)
	}
	d.adopt(site(t), &dns.Config{Leases: d.dir})
	d.says6("web")
}
