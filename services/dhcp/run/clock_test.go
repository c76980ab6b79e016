package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

const (
	year = 365 * 24 * time.Hour
	// grace is what a lease may be longer than its client was told: it ends with a whole second.
	grace = 2 * time.Second
)

// A house is a server, its disk, its clocks, and clients who believe their leases by clocks of their own. The
// time of the bubble is true, but for what a machine sleeps.
type house struct {
	t     *testing.T
	r     *rand.Rand
	disk  *leasefiletest.Disk
	cable *cable
	s     *Service
	stop  func()

	slept, missed time.Duration // by which true time is later than that of the bubble, and uptime earlier than true
	wrong         time.Duration // by which the wall clock is ahead of true time
	booted        time.Time
	began         time.Time // the service
	holds         map[int]held
	log           []string
}

// held is what a client believes: until when it has an address.
type held struct {
	addr  string
	until time.Time
	life  time.Duration
}

func newHouse(t *testing.T, seed uint64) *house {
	h := &house{t: t, r: rand.New(rand.NewPCG(seed, 17)), disk: new(leasefiletest.Disk), holds: map[int]held{}}
	h.booted = h.now().Add(-time.Minute)
	h.start()
	return h
}

func (h *house) now() time.Time        { return time.Now().Add(h.slept) }
func (h *house) wall() time.Time       { return h.now().Add(h.wrong).Round(0) }
func (h *house) uptime() time.Duration { return h.now().Sub(h.booted) - h.missed }

func (h *house) note(format string, args ...any) { h.log = append(h.log, fmt.Sprintf(format, args...)) }

// houseConfig has fewer addresses than there are clients.
func houseConfig() dhcp.Config {
	conf := config()
	conf.Subnets[0].Pool = []lease.Range{{First: netip.MustParseAddr("10.1.0.0"), Last: netip.MustParseAddr("10.1.0.4")}}
	return conf
}

func (h *house) start() {
	h.cable = newCable()
	s, err := Open(houseConfig(), Options{FS: h.disk, Log: slog.New(slog.DiscardHandler), Now: h.wall, Uptime: h.uptime,
		Listen: func(string, netip.Addr) (Conn, error) { return h.cable, nil }})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() error { return nil }, func() error { return nil }) }()
	h.s, h.began = s, h.now()
	h.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	}
	synctest.Wait()
}

// say sends one message, and returns the reply.
func (h *house) say(msg []byte) *dhcpv4.DHCPv4 {
	h.cable.in <- msg
	synctest.Wait()
	select {
	case p := <-h.cable.out:
		return p
	default:
		return nil
	}
}

// asks has client n renew what it has, or ask for an address.
func (h *house) asks(n int) {
	life := []dhcpv4.Modifier{dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(time.Duration(2+h.r.IntN(58)) * time.Minute))}
	had, has := h.holds[n]
	var ack *dhcpv4.DHCPv4
	if has = has && h.now().Before(had.until); has {
		life = append(life, dhcpv4.WithClientIP(must4(had.addr)))
		ack = h.say(ask(n, dhcpv4.MessageTypeRequest, life...))
	} else if offer := h.say(ask(n, dhcpv4.MessageTypeDiscover)); offer != nil {
		ack = h.say(ask(n, dhcpv4.MessageTypeRequest, append(life, selecting(offer.YourIPAddr.String())...)...))
	}
	switch {
	case ack == nil && !has:
		h.note("%d gets nothing", n)
		return
	case ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck:
		h.fail("%d has %s until %v and is refused: %v", n, had.addr, had.until, ack)
		return
	}
	got := held{ack.YourIPAddr.String(), h.now().Add(ack.IPAddressLeaseTime(0)), ack.IPAddressLeaseTime(0)}
	h.note("%d gets %s for %v", n, got.addr, ack.IPAddressLeaseTime(0))
	for m, other := range h.holds {
		if m != n && other.addr == got.addr && h.now().Before(other.until) {
			h.fail("%d gets %s, which %d may use until %v", n, got.addr, m, other.until)
		}
	}
	h.holds[n] = got
}

func (h *house) fail(format string, args ...any) {
	h.t.Helper()
	for _, line := range h.log[max(0, len(h.log)-30):] {
		h.t.Log(line)
	}
	h.t.Fatalf(format, args...)
}

// releases has client n give back what it has.
func (h *house) releases(n int) {
	if had, has := h.holds[n]; has && h.now().Before(had.until) {
		h.note("%d gives back %s", n, had.addr)
		h.say(ask(n, dhcpv4.MessageTypeRelease, dhcpv4.WithClientIP(must4(had.addr)),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(must4("10.0.0.1")))))
		delete(h.holds, n)
	}
}

// check compares what the server says, in times of the wall clock, with what clients believe: no lease ends
// earlier, and none later, but for what happened that makes it so: see late.
func (h *house) check() {
	h.t.Helper()
	all, err := h.s.Leases(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	ends := map[string]time.Time{}
	for _, l := range all {
		if l.State != lease.Bound.String() {
			continue
		}
		end := h.now().Add(l.Expires.Sub(h.wall()))
		ends[fmt.Sprintf("%s %s", l.Addr, l.MAC)] = end
		for n, c := range h.holds {
			if c.addr == l.Addr.String() && card(n).String() == l.MAC.String() && end.After(h.late(c)) {
				h.fail("%s of %d ends at %v, its client was told %v, the service began at %v", c.addr, n, end, c.until, h.began)
			}
		}
	}
	for n, c := range h.holds {
		if end := ends[fmt.Sprintf("%s %s", c.addr, card(n))]; h.now().Before(c.until) && end.Before(c.until) {
			h.fail("%s of %d ends at %v, its client was told %v", c.addr, n, end, c.until)
		}
	}
}

// late is how late a lease may end: what uptime has missed is added, and from the start of a service on it
// may run for as long as it was given for.
func (h *house) late(c held) time.Time {
	end := c.until
	if from := h.began.Add(c.life); from.After(end) {
		end = from
	}
	return end.Add(h.missed + grace)
}

// dated checks that the journal has the times of the wall clock.
func (h *house) dated() {
	time.Sleep(dateEvery + 2*lookEvery)
	synctest.Wait()
	found, err := durable(h.disk)
	if err != nil {
		h.t.Fatal(err)
	}
	all, err := h.s.Leases(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range all {
		if on := found[l.Addr.String()]; l.State == lease.Bound.String() && on.Until.Sub(l.Expires).Abs() > grace {
			h.fail("the journal says that %s ends at %v, the server %v", l.Addr, on.Until, l.Expires)
		}
	}
}

// wrongs are by how much clocks are wrong.
var wrongs = []time.Duration{0, time.Second, time.Minute, time.Hour, 30 * 24 * time.Hour, year, 30 * year, 73 * year}

func (h *house) sets() {
	before := h.wrong
	if h.wrong = wrongs[h.r.IntN(len(wrongs))]; h.r.IntN(2) == 0 {
		h.wrong = -h.wrong
	}
	h.note("the wall clock is set by %v", h.wrong-before)
}

// rests is a service that ends, or a machine that is cut off, and comes back. Its clock is the same then, or
// behind, or so far ahead that nobody believes it: see TestClockAheadAtTheStart for the rest.
func (h *house) rests(kind string) {
	h.stop()
	if kind != "ends" {
		h.disk = h.disk.PowerCut(h.r)
		time.Sleep(time.Duration(h.r.IntN(600)) * time.Second)
		h.booted, h.missed = h.now(), 0
		before := h.wrong
		if h.wrong = wrongs[h.r.IntN(len(wrongs))]; h.r.IntN(2) == 0 {
			h.wrong = -h.wrong
		}
		if by := h.wrong - before; by > 0 && by < 2*maxAway {
			h.wrong = before
		}
	}
	h.note("the service %s, and starts with a clock that is %v ahead", kind, h.wrong)
	h.start()
}

// TestClocks is random traffic in a house whose wall clock is set at random, whose machine sleeps, stands
// still, is cut off and restarted. Clients believe their leases by clocks of their own: no address goes to
// another while one may use it, and each is free soon after.
func TestClocks(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, seed)
			for range 150 {
				h.random()
				synctest.Wait()
				h.check()
			}
			h.dated()
			h.empties()
			h.stop()
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func (h *house) random() {
	switch n := h.r.IntN(40); {
	case n < 20:
		h.asks(h.r.IntN(8))
	case n < 22:
		h.releases(h.r.IntN(8))
	case n < 24:
		h.note("it is configured anew")
		if err := h.s.Reconfigure(houseConfig()); err != nil {
			h.t.Fatal(err)
		}
	case n < 32:
		d := []time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, 40 * time.Minute}[h.r.IntN(5)]
		h.note("%v pass", d)
		time.Sleep(d)
	case n < 35:
		h.sets()
	case n < 36:
		h.slept += 20 * time.Minute
		h.note("the machine sleeps, and knows for how long")
	case n < 37: // a paused machine; its wall clock is behind until it is set
		h.slept, h.missed, h.wrong = h.slept+time.Minute, h.missed+time.Minute, h.wrong-time.Minute
		h.note("the machine stands still, and does not know")
	case n < 38:
		h.dated() // so that the journal is dated by the clock that it is cut off with
		h.rests("is cut off")
	case n < 39:
		h.dated()
		h.rests("ends")
	default:
		h.dated()
	}
}

// empties waits until every lease has ended, whatever the clocks were.
func (h *house) empties() {
	time.Sleep(time.Hour + h.missed + grace)
	st, err := h.s.Status(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if n := st.Subnets[0].Leases; n != 0 {
		h.fail("an hour after the last message %d leases run", n)
	}
}

// TestClockAheadAtTheStart is the one case in which addresses are free too early: a clock that is further
// ahead when the service starts than when it ended, by less than maxAway. Each client finds its own address
// all the same.
func TestClockAheadAtTheStart(t *testing.T) {
	for _, wrong := range []time.Duration{2 * time.Hour, maxAway - time.Hour, maxAway + time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t, 0)
			h.asks(1)
			h.asks(2)
			h.wrong = wrong
			h.disk = h.disk.PowerCut(h.r) // at the moment when the clock is set
			h.stop()
			h.booted = h.now()
			h.start()
			all, err := h.s.Leases(t.Context())
			if err != nil || len(all) != 2 {
				t.Fatal(all, err)
			}
			for _, l := range all {
				if early := l.State == lease.Free.String(); early != (wrong < maxAway) {
					t.Errorf("by a clock that is %v ahead %v is %s", wrong, l.Addr, l.State)
				}
			}
			for n, had := range h.holds {
				if offer := h.say(ask(n, dhcpv4.MessageTypeDiscover)); offer == nil || offer.YourIPAddr.String() != had.addr {
					t.Errorf("%d had %s, now %v", n, had.addr, offer)
				}
			}
			h.stop()
		})
	}
}

// TestRecordFromTheFuture: a record that no clock of today can have made runs for its own length, and goes
// before no lease that runs now. So the journal has it then.
func TestRecordFromTheFuture(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when bubbles begin
	later, mac := now.Add(73*year), lease.MAC(card(1))
	at := func(last byte, state lease.State, since, until time.Time) lease.Lease {
		return lease.Lease{Addr: netip.AddrFrom4([4]byte{10, 1, 0, last}), MAC: mac, State: state, Since: since, Until: until}
	}
	runs := at(0, lease.Bound, now.Add(-time.Minute), now.Add(time.Hour))
	future := at(1, lease.Bound, later, later.Add(time.Hour))
	forever := at(2, lease.Bound, now.Add(-time.Hour), later)
	forever.MAC = lease.MAC(card(2))
	for _, records := range [][]lease.Lease{{runs, future, forever}, {future, forever, runs}} {
		synctest.Test(t, func(t *testing.T) {
			disk := new(leasefiletest.Disk)
			j, _, err := leasefile.Open(disk, func(lease.Lease) {})
			if err != nil {
				t.Fatal(err)
			}
			j.Append(records...)
			if err := j.Sync(); err != nil {
				t.Fatal(err)
			}
			h := &house{t: t, r: rand.New(rand.NewPCG(1, 1)), disk: disk, holds: map[int]held{}}
			h.booted = h.now()
			h.start()
			if offer := h.say(ask(1, dhcpv4.MessageTypeDiscover)); offer == nil || offer.YourIPAddr.String() != runs.Addr.String() {
				t.Errorf("offered %v, and %s runs", offer, runs.Addr)
			}
			for _, l := range must[[]dhcp.LeaseInfo](t)(h.s.Leases(t.Context())) {
				most := map[netip.Addr]time.Duration{runs.Addr: time.Hour, future.Addr: time.Hour, forever.Addr: dhcp.MaxLeaseTime}[l.Addr]
				if left := l.Expires.Sub(h.wall()); l.State != "bound" || left > most || left < most-grace {
					t.Errorf("%s is %s for %v, want %v", l.Addr, l.State, left, most)
				}
			}
			h.dated()
			for _, kind := range []string{"is configured anew", "ends", "is cut off"} { // what was bounded is a record of the journal by now
				switch kind {
				case "ends":
					h.stop()
					h.start()
				case "is cut off":
					h.stop()
					h.disk = h.disk.PowerCut(h.r)
					time.Sleep(time.Minute)
					h.start()
				default:
					if err := h.s.Reconfigure(houseConfig()); err != nil {
						t.Fatal(err)
					}
				}
				if offer := h.say(ask(1, dhcpv4.MessageTypeDiscover)); offer == nil || offer.YourIPAddr.String() != runs.Addr.String() {
					t.Errorf("the service %s: offered %v, and %s runs", kind, offer, runs.Addr)
				}
			}
			h.stop()
		})
	}
}

// TestEndOfTheJournal: leases that had to be bounded are not where the journal ends, by which the clock is
// set when that of the machine is not believed.
func TestEndOfTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 1)
		h.asks(1)
		h.stop()
		j, _, err := leasefile.Open(h.disk, func(lease.Lease) {})
		if err != nil {
			t.Fatal(err)
		}
		later := h.now().Add(73 * year)
		j.Append(lease.Lease{Addr: netip.AddrFrom4([4]byte{10, 1, 0, 3}), MAC: lease.MAC(card(7)), State: lease.Bound, Since: later, Until: later.Add(time.Hour)})
		if err := errors.Join(j.Sync(), j.Close()); err != nil {
			t.Fatal(err)
		}
		h.start()
		h.stop()
		h.wrong = -30 * year
		h.start()
		for _, l := range must[[]dhcp.LeaseInfo](t)(h.s.Leases(t.Context())) {
			if l.MAC == lease.MAC(card(1)) && l.Expires.Sub(h.wall()) > h.holds[1].life+grace {
				t.Errorf("%s ends in %v, its client was told %v", l.Addr, l.Expires.Sub(h.wall()), h.holds[1].life)
			}
		}
		if offer := h.say(ask(1, dhcpv4.MessageTypeDiscover)); offer == nil || offer.YourIPAddr.String() != h.holds[1].addr {
			t.Errorf("had %s, now %v", h.holds[1].addr, offer)
		}
		h.stop()
	})
}
