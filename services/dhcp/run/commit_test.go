package run

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// demand has cards ask for addresses without having been offered them.
func (r *rig) demand(first, last int) {
	for n := first; n <= last; n++ {
		addr := netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)})
		r.cable.in <- ask(n, dhcpv4.MessageTypeRequest, selecting(addr.String())...)
	}
	synctest.Wait()
}

// count returns how many OFFERs and ACKs have come.
func (r *rig) count() (offers, acks int) {
	for _, p := range r.replies() {
		switch p.MessageType() {
		case dhcpv4.MessageTypeOffer:
			offers++
		case dhcpv4.MessageTypeAck:
			acks++
		}
	}
	return offers, acks
}

// TestSlowDisk: while the disk works, clients get offers, and those who wait for the
// disk share what it does next.
func TestSlowDisk(t *testing.T) {
	const sync = time.Second
	disk := new(leasefiletest.Disk)
	inBubble(t, config(), disk, nil, func(r *rig) {
		step := func(what string, wantOffers, wantACKs int) {
			t.Helper()
			synctest.Wait()
			if offers, acks := r.count(); offers != wantOffers || acks != wantACKs {
				t.Errorf("%s: %d offers and %d acknowledgements, want %d and %d", what, offers, acks, wantOffers, wantACKs)
			}
		}
		disk.Slow(sync)
		r.demand(1, 1)
		r.demand(2, 11)
		for n := range 10 {
			r.cable.in <- ask(1000+n, dhcpv4.MessageTypeDiscover)
		}
		step("the disk works for the first", 10, 0)
		time.Sleep(sync)
		step("and then for all the others", 0, 1)
		time.Sleep(sync)
		step("these are stored", 0, 10)

		r.demand(1, 1)
		r.demand(2, maxBatch+1)
		r.demand(maxBatch+2, maxBatch+100) // no room for these
		r.cable.in <- ask(2000, dhcpv4.MessageTypeDiscover)
		step("more than a batch holds", 0, 0)
		if st := must[Status](t)(r.s.Status(r.t.Context())); st.Journal.Syncs != 2 {
			t.Errorf("%d syncs so far", st.Journal.Syncs)
		}
		time.Sleep(sync)
		step("the first of many", 1, 1)
		time.Sleep(sync)
		step("a whole batch", 0, maxBatch)
		time.Sleep(sync)
		step("the rest", 0, 99)

		disk.Slow(time.Hour)
		r.demand(1, 1)
		time.Sleep(stuckAfter)
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if st.Journal.OK || len(st.Problems) != 1 || !strings.Contains(st.Problems[0], "the disk does not end a write") {
			t.Errorf("%+v", st)
		}
		disk.Slow(sync)
		time.Sleep(time.Hour)
		step("the disk took its time", 0, 1)

		r.demand(1, 1)
		r.demand(2, 5)
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		step("what is under way is brought to its end", 0, 5)
		r.stop = func() error { return nil }
	})
}

// TestSlowDiskFails: what waited for a disk that fails is tried once, and told to nobody.
func TestSlowDiskFails(t *testing.T) {
	disk := new(leasefiletest.Disk)
	inBubble(t, config(), disk, nil, func(r *rig) {
		disk.Slow(time.Second)
		r.demand(1, 1)
		r.demand(2, 5)
		disk.FailSync(errDisk)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if offers, acks := r.count(); offers+acks > 0 || st.Journal.OK || st.Subnets[0].Dropped["not-stored"] != 5 {
			t.Errorf("%d acknowledgements, %+v", acks, st)
		}
		disk.FailSync(nil)
		r.demand(1, 5)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, acks := r.count(); acks != 5 {
			t.Errorf("%d acknowledgements when the disk works again", acks)
		}
		if found, err := durable(disk); err != nil || len(found) != 5 {
			t.Errorf("%v, %v", found, err)
		}
		if e, i := r.log.count("cannot be written"), r.log.count("can be written again"); e != 1 || i != 1 {
			t.Errorf("logged %d failures and %d recoveries", e, i)
		}
	})
}
