package run

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// withHost is conf with one more host, of card n.
func withHost(conf dhcp.Config, n int, name, addr string) dhcp.Config {
	h := dhcp.Host{Name: name, MACs: []lease.MAC{lease.MAC(card(n))}, Addrs: []netip.Addr{netip.MustParseAddr(addr)}}
	conf.Hosts = append(slices.Clip(conf.Hosts), h)
	return conf
}

func (r *rig) reconfigure(conf dhcp.Config) {
	r.t.Helper()
	if err := r.s.Reconfigure(conf); err != nil {
		r.t.Fatal(err)
	}
}

// TestReconfigure: what was there is there still, and what is new counts.
func TestReconfigure(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		guests := s.cards["eth2"]
		addr := r.dora(1)
		r.reconfigure(withHost(conf, 2, "printer", "10.0.0.9"))
		if got := r.dora(1); got != addr {
			t.Errorf("card 1 has %s, had %s", got, addr)
		}
		if got := r.dora(2); got != "10.0.0.9" {
			t.Errorf("the new host has %s", got)
		}
		if isClosed(r.cable) || isClosed(guests) {
			t.Error("sockets were opened anew for a host")
		}
		mac := lease.MAC(card(1))
		if all := must[[]Exchange](t)(r.s.Recent(r.t.Context(), &mac)); len(all) != 4 || all[0].Subnet != "lan" {
			t.Errorf("remembered of card 1: %+v", all)
		}
		other := conf
		other.Subnets = []dhcp.Subnet{conf.Subnets[1], conf.Subnets[0]} // the indexes change
		r.reconfigure(other)
		if got := r.dora(1); got != addr {
			t.Errorf("in another order card 1 has %s, had %s", got, addr)
		}
		st := must[Status](t)(r.s.Status(r.t.Context())).Subnets
		if st[1].Sent["ACK"] != 4 || st[1].Name != "lan" || st[0].Sent["ACK"] != 0 {
			t.Errorf("%+v", st)
		}
		r.reconfigure(dhcp.Config{Subnets: conf.Subnets[:1]})
		if !isClosed(guests) || isClosed(r.cable) {
			t.Error("want the sockets of guests closed, and no others")
		}
		back := r.on(newCable())
		s.in("eth2", back.cable)
		settle()
		r.reconfigure(conf)
		if back.dora(3) == "" || r.dora(1) != addr {
			t.Error("with guests again, not both LANs are served")
		}
		renamed := withHost(conf, 4, "desk", "10.0.0.8")
		renamed.Subnets = slices.Clone(conf.Subnets)
		renamed.Subnets[0].Name = "home"
		r.reconfigure(renamed)
		if isClosed(r.cable) || r.dora(1) != addr || r.problems() != "" {
			t.Error("with another name the LAN is not served as before")
		}
	})
}

// TestReconfigureRefuses: with an error all is as before.
func TestReconfigureRefuses(t *testing.T) {
	conf, s := twoLANs()
	disk := new(leasefiletest.Disk)
	inBubbleWith(t, conf, disk, s.use, func(r *rig) {
		guests := r.on(s.cards["eth2"])
		addr, guest := r.dora(1), guests.dora(2)
		bad := conf
		bad.Subnets = slices.Clone(conf.Subnets)
		bad.Subnets[1].LeaseTime = 0
		if err := r.s.Reconfigure(bad); err == nil || !strings.Contains(err.Error(), "dhcp configuration: subnet guests: lease time 0s") {
			t.Error(err)
		}
		s.set(errors.New("address in use"))
		more := withHost(conf, 1, "desk", "10.0.0.8")
		third := conf.Subnets[0]
		third.Name, third.Interface, third.Address, third.Router = "third", "eth3", netip.MustParseAddr("172.16.0.1"), netip.Addr{}
		third.Prefix, third.Pool = netip.MustParsePrefix("172.16.0.0/24"), nil
		more.Subnets = append(slices.Clip(conf.Subnets[:1]), third)
		s.in("eth3", newCable())
		if err := r.s.Reconfigure(more); err == nil || !strings.Contains(err.Error(), "third: address in use") {
			t.Error(err)
		}
		s.set(nil)
		back := r.on(newCable()) // guests' sockets had been closed, and cannot be opened a moment later
		s.in("eth2", back.cable)
		settle()
		if r.dora(1) != addr || back.dora(2) != guest {
			t.Error("not both LANs are served as before")
		}
		if st := must[Status](t)(r.s.Status(r.t.Context())); len(st.Subnets) != 2 || len(st.Problems) > 0 {
			t.Errorf("%+v", st)
		}
		if st, err := r.s.Status(r.t.Context()); err != nil || r.s.Reconfigure(conf) != nil || len(st.Subnets) != 2 {
			t.Error("a good configuration is not taken afterwards")
		}
	})
}

// TestReconfigureWithoutTheLink: it is served when it comes.
func TestReconfigureWithoutTheLink(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, dhcp.Config{Subnets: conf.Subnets[:1]}, new(leasefiletest.Disk), s.use, func(r *rig) {
		s.in("eth2", nil)
		r.reconfigure(conf)
		if got := r.problems(); got != "No leases for guests: link eth2 is not there." {
			t.Errorf("problems: %q", got)
		}
		guests := r.on(newCable())
		s.in("eth2", guests.cable)
		settle()
		if guests.dora(1) == "" || r.problems() != "" {
			t.Error("it is not served")
		}
	})
}

// TestReconfigureKeepsOffers: who was made an offer gets that address, and nobody else.
func TestReconfigureKeepsOffers(t *testing.T) {
	inBubble(t, config(), new(leasefiletest.Disk), nil, func(r *rig) {
		for n := range 100 {
			r.cable.in <- ask(n, dhcpv4.MessageTypeDiscover)
		}
		synctest.Wait()
		offers := r.replies()
		r.reconfigure(withHost(config(), 5000, "printer", "10.1.0.7")) // which is on offer
		if st := must[Status](t)(r.s.Status(r.t.Context())); st.Subnets[0].Offered != 99 {
			t.Errorf("%d are on offer", st.Subnets[0].Offered)
		}
		for n := range 100 {
			addr := r.dora(1000 + n)
			offered := func(o *dhcpv4.DHCPv4) bool { return o.YourIPAddr.String() == addr }
			if addr == "" || slices.ContainsFunc(offers, offered) {
				t.Errorf("another gets %q, which is on offer", addr)
			}
		}
		for n, o := range offers {
			want := dhcpv4.MessageTypeAck
			if o.YourIPAddr.String() == "10.1.0.7" {
				want = dhcpv4.MessageTypeNak
			}
			got := r.say(ask(n, dhcpv4.MessageTypeRequest, selecting(o.YourIPAddr.String())...))
			if len(got) != 1 || got[0].MessageType() != want {
				t.Errorf("%s was offered; now %v", o.YourIPAddr, got)
			}
		}
	})
}

// TestReconfigureWhileTheyWait: for a probe, for the disk, and in the queue.
func TestReconfigureWhileTheyWait(t *testing.T) {
	disk := new(leasefiletest.Disk)
	inBubble(t, probing(), disk, nil, func(r *rig) {
		r.cable.in <- ask(1, dhcpv4.MessageTypeDiscover)
		synctest.Wait()
		r.reconfigure(withHost(probing(), 1, "desk", "10.0.0.8"))
		synctest.Wait()
		if got := r.replies(); len(got) != 1 || got[0].YourIPAddr.String() != "10.0.0.8" {
			t.Errorf("who waits for a probe, and has a reservation now, hears %v", got)
		}
		r.cable.in <- ask(2, dhcpv4.MessageTypeDiscover)
		synctest.Wait()
		r.reconfigure(probing())
		time.Sleep(2 * wait)
		synctest.Wait()
		if got := r.replies(); len(got) != 1 {
			t.Errorf("who waits for a probe hears %v", got)
		}
		if st := must[Status](t)(r.s.Status(r.t.Context())); st.Subnets[0].Probes.Sent != 3 {
			t.Errorf("%+v", st.Subnets[0].Probes)
		}
		disk.Slow(time.Second)
		r.demand(1, 1)
		r.demand(2, 300)
		r.reconfigure(withHost(probing(), 3000, "desk", "10.0.0.8"))
		r.demand(301, 400)
		r.reconfigure(probing())
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if _, acks := r.count(); acks != 400 {
			t.Errorf("%d acknowledgements, want 400", acks)
		}
		known := must[[]dhcp.LeaseInfo](t)(r.s.Leases(r.t.Context()))
		if found, err := durable(disk); err != nil || len(found) != 400 || len(known) != 400 {
			t.Errorf("%d leases on disk, %d known, %v", len(found), len(known), err)
		}
	})
}

// TestReconfigureInAFlood: not one message is lost, however often.
func TestReconfigureInAFlood(t *testing.T) {
	conf := config()
	inBubble(t, conf, new(leasefiletest.Disk), nil, func(r *rig) {
		sent := 0
		for i := range 50 {
			for range 90 {
				r.cable.in <- ask(sent, dhcpv4.MessageTypeDiscover)
				sent++
			}
			if i%2 == 0 {
				r.reconfigure(withHost(conf, 1<<20, "printer", "10.0.0.9"))
			} else {
				r.reconfigure(conf)
			}
		}
		synctest.Wait()
		if got := len(r.replies()); got != sent {
			t.Errorf("%d answers to %d messages", got, sent)
		}
	})
}

// TestReconfigureOutOfALAN: messages of a LAN that is no longer there are nobody's.
func TestReconfigureOutOfALAN(t *testing.T) {
	conf, s := twoLANs()
	conf.Subnets[1].Probe = time.Second
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		guests := s.cards["eth2"]
		guests.in <- ask(1, dhcpv4.MessageTypeDiscover)
		synctest.Wait()
		r.reconfigure(dhcp.Config{Subnets: conf.Subnets[:1]})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(r.s.probes.waiting); n > 0 {
			t.Errorf("%d messages still wait", n)
		}
		if r.dora(2) == "" {
			t.Error("the other LAN is not served")
		}
	})
}

// TestReconfigureAndRewrite: what is rewritten for the old configuration is not taken.
func TestReconfigureAndRewrite(t *testing.T) {
	disk := new(leasefiletest.Disk)
	less := config()
	less.Subnets[0].Pool[0].First = netip.MustParseAddr("10.1.0.1")
	inBubble(t, less, disk, nil, func(r *rig) {
		r.reconfigure(config())
		addr := r.dora(1)
		if addr != "10.1.0.0" {
			t.Fatal(addr)
		}
		r.say(ask(1, dhcpv4.MessageTypeRelease, func(p *dhcpv4.DHCPv4) {
			p.ClientIPAddr = []byte{10, 1, 0, 0}
			p.UpdateOption(dhcpv4.OptServerIdentifier([]byte{10, 0, 0, 1}))
		}))
		r.reconfigure(less)
		for range slack / 10 {
			r.demand(2, 11)
		}
		disk.Slow(time.Second)
		for i := 0; r.s.journal.rewriting == nil; i++ { // it is rewritten for less
			if i == 20 {
				t.Fatal("it is not rewritten")
			}
			r.demand(2, 11)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		r.reconfigure(config())
		disk.Slow(0)
		time.Sleep(time.Minute)
		r.demand(2, 2)
		if n := r.log.count("the configuration has changed meanwhile"); n != 1 {
			t.Errorf("logged %d times that a rewrite is dropped", n)
		}
		if found, err := durable(disk); err != nil || found[addr].MAC != lease.MAC(card(1)) {
			t.Errorf("of %s is known %+v, %v", addr, found[addr], err)
		}
		time.Sleep(time.Minute)
		r.demand(2, 2)
		time.Sleep(time.Minute)
		if st := must[Status](t)(r.s.Status(r.t.Context())); st.Journal.Rewrites != 1 || !st.Journal.OK {
			t.Errorf("%+v", st.Journal)
		}
	})
}

// TestReconfigureNobody: a service that is over says so.
func TestReconfigureNobody(t *testing.T) {
	inBubble(t, config(), new(leasefiletest.Disk), nil, func(r *rig) {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if err := r.s.Reconfigure(config()); !errors.Is(err, errOver) {
			t.Error(err)
		}
		r.stop = func() error { return nil }
	})
}

// TestReconfigureStorm: with links that come and go.
func TestReconfigureStorm(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		stop, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(7 * time.Millisecond):
				}
				next := []dhcp.Config{conf, {Subnets: conf.Subnets[:1]}, withHost(conf, 9, "desk", "10.0.0.8")}[i%3]
				if err := r.s.Reconfigure(next); err != nil {
					t.Error(err)
				}
			}
		}()
		for range 300 {
			s.in("eth2", newCable())
			time.Sleep(11 * time.Millisecond)
			s.in("eth2", nil)
			r.cable.in <- ask(1, dhcpv4.MessageTypeDiscover)
		}
		close(stop)
		<-over
		guests := r.on(newCable())
		s.in("eth2", guests.cable)
		settle()
		r.replies()
		r.reconfigure(conf)
		settle()
		if r.dora(1) == "" || guests.dora(2) == "" || r.problems() != "" {
			t.Errorf("not both LANs are served: %s", r.problems())
		}
	})
}

// TestProblems: the list alone, empty when there are none.
func TestProblems(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		ask := func() string {
			var got string
			show := func(result any) error { got = fmt.Sprintf("%q", result); return nil }
			if err := r.s.Methods()["problems"](context.Background(), nil, show); err != nil {
				t.Error(err)
			}
			return got
		}
		if got := ask(); got != "[]" {
			t.Error(got)
		}
		s.in("eth2", nil)
		time.Sleep(links.Settle)
		synctest.Wait()
		if got := ask(); got != `["No leases for guests: link eth2 is not there."]` {
			t.Error(got)
		}
	})
}
