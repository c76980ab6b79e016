package run

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// sentBy has all that comes from now on be in frames of a card.
func (c *cable) sentBy(mac lease.MAC) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = mac
}

// isWatched reports whether it is looked at which card sends.
func (c *cable) isWatched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.watched
}

// takes has n clients from the given number on ask for an address, and returns how many have one.
func (r *rig) takes(first, n int) (got int) {
	r.t.Helper()
	for i := first; i < first+n; i++ {
		offers := r.say(ask(i, dhcpv4.MessageTypeDiscover))
		if len(offers) == 0 {
			continue
		}
		acks := r.say(ask(i, dhcpv4.MessageTypeRequest, selecting(offers[0].YourIPAddr.String())...))
		if len(acks) == 1 && acks[0].MessageType() == dhcpv4.MessageTypeAck {
			got++
		}
	}
	return got
}

// TestWhoFilledThePool: of a pool that is nearly full because of one card, and of one that is full, status
// and log say who asked for the leases; and a client that gets nothing has it in its exchanges.
func TestWhoFilledThePool(t *testing.T) {
	evil := lease.MAC{0, 0, 0x5e, 0, 0x53, 0x66}
	inBubble(t, withPool(config(), 40), new(leasefiletest.Disk), nil, func(r *rig) {
		if got := r.takes(0, 10); got != 10 || r.problems() != "" || r.cable.isWatched() {
			r.t.Fatalf("%d of 10, watched %v, %s", got, r.cable.isWatched(), r.problems())
		}
		time.Sleep(30 * time.Minute) // their half time
		synctest.Wait()
		r.cable.sentBy(evil)
		if got := r.takes(1000, 60); got != 25 {
			r.t.Errorf("one card has %d addresses", got)
		}
		// The frames are looked at since half of it was leased.
		by := fmt.Sprintf("15 of its 35 leases were asked for by the card %s on eth1; 35 began within the last hour, and who asked for 20 is not known before they are renewed.", evil)
		if p, want := r.problems(), "The pool of lan is nearly full: of 40 addresses, 35 are leased; the others are kept from the card that has most. "+by; p != want {
			r.t.Errorf("problems: %s\nwant %s", p, want)
		}
		if n := r.log.count("the last addresses of the pool are kept from a card"); n != 1 || r.log.count(by) != 1 {
			r.t.Errorf("logged %d times: %s", n, r.log.b.String())
		}
		refused := lease.MAC(card(1059))
		all := must[[]Exchange](r.t)(r.s.Recent(r.t.Context(), &refused))
		if last := all[len(all)-1]; last.Drop != "kept-for-others" || last.From != evil || last.Filled != by {
			r.t.Errorf("%+v", last)
		}
		if n := len(must[[]Exchange](r.t)(r.s.Recent(r.t.Context(), &evil))); n == 0 {
			r.t.Error("what that card sent is not found by it")
		}
		r.cable.sentBy(lease.MAC{})
		if got := r.takes(100, 10); got != 5 {
			r.t.Errorf("of the others %d got an address", got)
		}
		by = fmt.Sprintf("15 of its 40 leases were asked for by the card %s on eth1; 40 began within the last hour, and who asked for 20 is not known before they are renewed.", evil)
		if p, want := r.problems(), "The pool of lan has no free address for new clients: of 40, 40 are leased, 0 on offer and 0 in quarantine. "+by; p != want {
			r.t.Errorf("problems: %s\nwant %s", p, want)
		}
		if r.log.count("the pool has no free address") != 1 || r.log.count(by) != 1 {
			r.t.Errorf("log: %s", r.log.b.String())
		}
		// Another configuration knows it, too.
		if err := r.s.Reconfigure(withPool(config(), 40)); err != nil {
			r.t.Fatal(err)
		}
		if p := r.problems(); !strings.HasSuffix(p, by) {
			r.t.Errorf("configured anew: %s", p)
		}
		time.Sleep(2 * time.Hour)
		if p := r.problems(); p != "" {
			r.t.Errorf("when their leases are over: %s", p)
		}
		was := r.cable.isWatched()
		if r.takes(500, 1); !was || r.cable.isWatched() {
			r.t.Errorf("watched while the pool was full %v, and when one address is leased %v", was, r.cable.isWatched())
		}
	})
}

// TestManyFilledThePool: clients that asked for themselves, of which some are new; and after a restart it is
// not known.
func TestManyFilledThePool(t *testing.T) {
	disk := new(leasefiletest.Disk)
	conf := withPool(config(), 20)
	conf.Subnets[0].LeaseTime = 3 * time.Hour
	full := "The pool of lan has no free address for new clients: of 20, 20 are leased, 0 on offer and 0 in quarantine. "
	inBubble(t, conf, disk, nil, func(r *rig) {
		r.takes(0, 15)
		time.Sleep(2 * time.Hour)
		if got := r.takes(100, 10); got != 5 {
			r.t.Errorf("%d", got)
		}
		want := full + "Its 20 leases: 10 asked for by the cards themselves; 5 began within the last hour, and who asked for 10 is not known before they are renewed."
		if p := r.problems(); p != want {
			r.t.Errorf("problems: %s\nwant %s", p, want)
		}
	})
	inBubble(t, conf, disk, nil, func(r *rig) {
		want := "Who asked for its 20 leases is not known before they are renewed."
		if got := must[Status](r.t)(r.s.Status(r.t.Context())).Subnets[0].FilledBy; got != want {
			r.t.Errorf("after a restart: %s", got)
		}
	})
}

// TestOrigins: what is said of who asked for leases.
func TestOrigins(t *testing.T) {
	evil := lease.Sender{MAC: lease.MAC{0, 0, 0x5e, 0, 0x53, 0x66}}
	agent := lease.Sender{Agent: config().Subnets[0].Address}
	port := lease.Sender{Agent: agent.Agent, Circuit: "ge-0\x1b"}
	for _, tt := range []struct {
		o    lease.Origins
		want string
	}{
		{lease.Origins{}, ""},
		{lease.Origins{Leases: 9, Unknown: 9}, "Who asked for its 9 leases is not known before they are renewed."},
		{lease.Origins{Leases: 9, Unknown: 4, ByMost: 3, Most: evil, New: 5}, "3 of its 9 leases were asked for by the card 00:00:5e:00:53:66 on eth1; 5 began within the last hour, and who asked for 4 is not known before they are renewed."},
		{lease.Origins{Leases: 9, Unknown: 1, ByMost: 2, Most: evil}, "2 of its 9 leases were asked for by the card 00:00:5e:00:53:66 on eth1; 0 began within the last hour, and who asked for 1 is not known before they are renewed."},
		{lease.Origins{Leases: 9, Unknown: 5, ByMost: 1, Most: evil}, "Its 9 leases: 3 asked for by the cards themselves; 0 began within the last hour, and who asked for 5 is not known before they are renewed."},
		{lease.Origins{Leases: 9, ByMost: 4, Most: evil}, "Its 9 leases are of as many cards, and no more than 4 were asked for by one, the card 00:00:5e:00:53:66 on eth1; 0 began within the last hour."},
		{lease.Origins{Leases: 9, ByMost: 1, Most: evil, New: 2}, "Its 9 leases are of as many cards that asked for themselves; 2 began within the last hour."},
		{lease.Origins{Leases: 9, ByMost: 9, Most: agent}, "9 of its 9 leases were asked for by the relay agent 10.0.0.1; 0 began within the last hour."},
		{lease.Origins{Leases: 9, ByMost: 9, Most: port}, `9 of its 9 leases were asked for by the relay agent 10.0.0.1 for its port "ge-0\x1b"; 0 began within the last hour.`},
	} {
		if got := origins(tt.o, "eth1"); got != tt.want {
			t.Errorf("%+v\n%s\nwant %s", tt.o, got, tt.want)
		}
	}
}
