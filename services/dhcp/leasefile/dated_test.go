package leasefile_test

import (
	"maps"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// TestDated has a clock set again and again while leases are given: at any instant all times of the file are
// by one clock.
func TestDated(t *testing.T) {
	const year = 365 * 24 * time.Hour
	disk := new(leasefiletest.Disk)
	j, _, _ := open(t, disk)
	want := latest{}
	n := 0
	add := func() {
		t.Helper()
		for range 30 {
			j.Append(record(n))
			want.add(record(n))
			n++
		}
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	same := func(ahead time.Duration) {
		t.Helper()
		by := latest{}
		for _, l := range want {
			l.Since, l.Until = l.Since.Add(ahead), l.Until.Add(ahead)
			by.add(l)
		}
		if _, got, _ := open(t, disk); !maps.Equal(got, by) || j.Ahead() != ahead {
			t.Fatalf("%v ahead, want %v:\n%v\nwant\n%v", j.Ahead(), ahead, got, by)
		}
	}
	was := time.Duration(0)
	for _, ahead := range []time.Duration{0, -56 * year, 73 * year, time.Second + 1, 0} {
		add()
		then := maps.Clone(want)
		r := j.Begin(ahead, func(l lease.Lease) bool {
			if l != then[l.Addr] {
				t.Errorf("asked whether to keep %v, which was %v", l, then[l.Addr])
			}
			return true
		})
		add()
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		add()
		same(was)
		if err := j.Finish(r); err != nil {
			t.Fatal(err)
		}
		same(ahead)
		add()
		same(ahead)
		was = ahead
	}
}
