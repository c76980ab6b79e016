package run

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// TestClockIsSet has leases given by a clock that is wrong: when it is set, they end when their clients were told, on
// disk too, whether another client comes or not. One from before, which a right clock had dated, stays as it is.
func TestClockIsSet(t *testing.T) {
	for name, off := range map[string]time.Duration{"1970": -30 * 365 * 24 * time.Hour, "2099": 99 * 365 * 24 * time.Hour, "right": 0} {
		t.Run(name, func(t *testing.T) {
			disk := new(leasefiletest.Disk)
			var old string
			inBubble(t, config(), disk, nil, func(r *rig) { old = r.dora(1) })
			var wrong atomic.Int64
			var set atomic.Bool
			wrong.Store(int64(off))
			options := func(_ *rig, o *Options) {
				begun := time.Now()
				o.Uptime = func() time.Duration { return time.Since(begun) + time.Minute }
				o.Now = func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) }
				o.Synchronised = set.Load
			}
			inBubbleWith(t, config(), disk, options, func(r *rig) {
				addr, end := r.dora(2), time.Now().Add(time.Hour)
				time.Sleep(5 * time.Second)
				synctest.Wait()
				wrong.Store(0)
				set.Store(true)
				time.Sleep(2 * lookEvery)
				synctest.Wait()
				r.ends(addr, end)
				if off <= 0 { // by a clock of 2099 it has expired
					r.ends(old, time.Now().Add(time.Hour-7*time.Second))
				}
				// A machine that is saved for ten minutes has leases that are ten minutes older.
				wrong.Store(int64(10 * time.Minute))
				r.dora(3)
				r.ends(addr, end)
			})
		})
	}
}

// ends checks until when an address is leased, in memory and on disk.
func (r *rig) ends(addr string, want time.Time) {
	r.t.Helper()
	found, err := durable(r.disk)
	if err != nil {
		r.t.Fatal(err)
	}
	all, err := r.s.Leases(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	if l := found[addr]; l.State != lease.Bound || l.Until.Sub(want).Abs() > 2*time.Second {
		r.t.Errorf("on disk %s is %v until %v, want %v", addr, l.State, l.Until, want)
	}
	for _, l := range all {
		if l.Addr.String() == addr && (l.State != "bound" || l.Expires.Sub(want).Abs() > 2*time.Second) {
			r.t.Errorf("%s is %s until %v, want %v", addr, l.State, l.Expires, want)
		}
	}
}
