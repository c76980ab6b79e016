package run

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// withPool has a pool of n addresses.
func withPool(conf dhcp.Config, n int) dhcp.Config {
	first := netip.MustParseAddr("10.1.0.0")
	last := first
	for range n - 1 {
		last = last.Next()
	}
	conf.Subnets[0].Pool = []lease.Range{{First: first, Last: last}}
	return conf
}

// TestProxyARP: a router answers for every address that is looked for. It takes a few from clients, is named,
// and is not believed any more; who sits on an address besides is found all the same.
func TestProxyARP(t *testing.T) {
	router, squatter := lease.MAC{0, 0, 0x5e, 0, 0x53, 1}, lease.MAC{0, 0, 0x5e, 0, 0x53, 2}
	for _, tc := range []struct{ pool, quarantined int }{{200, dhcp.MaxByOne}, {40, 10}, {2, 1}} {
		disk := new(leasefiletest.Disk)
		inBubble(t, withPool(probing(), tc.pool), disk, nil, func(r *rig) {
			for i := range tc.pool {
				r.neighbours.set(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}).String(), router)
			}
			offered := func(n int) string {
				r.t.Helper()
				r.cable.in <- ask(n, dhcpv4.MessageTypeDiscover)
				synctest.Wait()
				time.Sleep(wait)
				synctest.Wait()
				if got := r.replies(); len(got) == 1 {
					return got[0].YourIPAddr.String()
				}
				return "nothing"
			}
			want := fmt.Sprintf("10.1.0.%d", tc.quarantined)
			if got := offered(1); got != want {
				t.Fatalf("the first client is offered %s, want %s", got, want)
			}
			for n := 2; n <= min(10, tc.pool-tc.quarantined); n++ {
				if got := offered(n); !strings.HasPrefix(got, "10.1.0.") {
					t.Errorf("client %d is offered %s", n, got)
				}
			}
			st := must[Status](t)(r.s.Status(r.t.Context()))
			if sub := st.Subnets[0]; sub.Declined != tc.quarantined || sub.Probes.InUse != uint64(tc.quarantined) || sub.Probes.Doubted == 0 {
				t.Errorf("%+v", sub)
			}
			if p := strings.Join(st.Problems, "\n"); !strings.Contains(p, fmt.Sprintf("%d addresses of lan are in quarantine because of the card %s", tc.quarantined, router)) {
				t.Errorf("problems: %s", p)
			}
			if n := r.log.count("not believed"); n != 1 || r.log.count("in use") != tc.quarantined {
				t.Errorf("logged %d times\n%s", n, r.log.b.String())
			}
			if found := must[map[string]lease.Lease](t)(durable(disk)); len(found) != tc.quarantined {
				t.Errorf("%d records for %d addresses", len(found), tc.quarantined)
			}
			if tc.pool < 100 {
				return
			}
			next := fmt.Sprintf("10.1.0.%d", tc.quarantined+10)
			r.cable.in <- ask(50, dhcpv4.MessageTypeDiscover)
			synctest.Wait()
			r.neighbours.answers <- answer{netip.MustParseAddr(next), squatter}
			synctest.Wait()
			time.Sleep(wait)
			synctest.Wait()
			if got := r.replies(); len(got) != 1 || got[0].YourIPAddr.String() == next {
				t.Errorf("with somebody on %s: %v", next, got)
			}
			// Ten minutes later it is believed again, and no more than before.
			time.Sleep(dhcp.Quarantine)
			if p := must[Status](t)(r.s.Status(r.t.Context())).Problems; len(p) != 0 {
				t.Errorf("problems: %s", p)
			}
		})
	}
}

// TestSharedCard: two hosts with one card and identifiers of their own are a problem while they renew, logged
// once.
func TestSharedCard(t *testing.T) {
	inBubble(t, config(), new(leasefiletest.Disk), nil, func(r *rig) {
		id := func(s string) dhcpv4.Modifier { return dhcpv4.WithGeneric(dhcpv4.OptionClientIdentifier, []byte(s)) }
		addr := r.dora(1)
		for range 20 {
			for _, who := range []string{"\xffone", "\xfftwo"} {
				if got := r.say(ask(1, dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(must4(addr)), id(who))); len(got) != 1 || got[0].MessageType() != dhcpv4.MessageTypeAck {
					t.Fatal(got)
				}
			}
			time.Sleep(time.Minute)
		}
		problems := func() string {
			return strings.Join(must[Status](r.t)(r.s.Status(r.t.Context())).Problems, "\n")
		}
		if p := problems(); !strings.HasPrefix(p, "Two hosts, or two programs of one, have "+addr) || r.log.count("have one address by one card") != 1 {
			t.Errorf("problems: %s\n%s", p, r.log.b.String())
		}
		time.Sleep(time.Hour)
		if p := problems(); p != "" {
			t.Errorf("an hour later: %s", p)
		}
	})
}

// TestDeclinesOneAfterTheOther: a client finds everything in use, because somebody answers for everything, or
// because it wants it so. It takes a few addresses from others, and no line or record more, and others are
// served.
func TestDeclinesOneAfterTheOther(t *testing.T) {
	disk := new(leasefiletest.Disk)
	inBubble(t, withPool(config(), 100), disk, nil, func(r *rig) {
		declines := func() {
			addr := r.dora(1)
			r.say(ask(1, dhcpv4.MessageTypeDecline, selecting(addr)...))
		}
		for range 100 {
			declines()
		}
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if n := st.Subnets[0]; n.Declined != dhcp.MaxByOne || n.Dropped["not-believed"] != uint64(100-dhcp.MaxByOne) || n.PoolFree != 100-dhcp.MaxByOne-1 {
			t.Errorf("%+v", n)
		}
		if p := strings.Join(st.Problems, "\n"); !strings.Contains(p, "because of the card "+card(1).String()) {
			t.Errorf("problems: %s", p)
		}
		if a, b := r.log.count("msg=declined"), r.log.count("not believed"); a != dhcp.MaxByOne || b != 1 {
			t.Errorf("%d lines of DECLINEs, %d that it is not believed", a, b)
		}
		for n := 2; n < 50; n++ {
			r.dora(n)
		}
		// After a restart it has as many in quarantine as before.
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		found := must[map[string]lease.Lease](t)(durable(disk))
		engine := must[*dhcp.Server](t)(dhcp.New(withPool(config(), 100)))
		now := r.s.clock.now()
		for _, l := range found {
			engine.Restore(l)
		}
		if engine.Believes(now, 0, lease.MAC(card(1))) {
			t.Error("after a restart it is believed")
		}
		if !engine.Believes(now.Add(dhcp.Quarantine), 0, lease.MAC(card(1))) {
			t.Error("ten minutes later it is not believed")
		}
		r.stop = func() error { return nil }
	})
}
