package main

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
)

// TestSearch: whatever a server can do is found, nearly, and soon.
func TestSearch(t *testing.T) {
	for _, can := range []int{30, 250, 3999, 4000, 9000, 15_000, 29_000} {
		var s search
		trials := 0
		for rate := s.next(); rate > 0; rate = s.next() {
			s.tried(rate, rate <= can)
			trials++
		}
		if s.works > can || float64(s.works)*closeTo < float64(can) || trials > 9 {
			t.Errorf("of %d, %d was found in %d trials", can, s.works, trials)
		}
	}
	var all, none search
	for rate := all.next(); rate > 0; rate = all.next() {
		all.tried(rate, true)
	}
	for rate := none.next(); rate > 0; rate = none.next() {
		none.tried(rate, false)
	}
	if all.works < lastRate || none.works != 0 {
		t.Errorf("%+v, %+v", all, none)
	}
}

// TestDelays: who got no lease waited longest.
func TestDelays(t *testing.T) {
	d := delays{sent: 100, acks: make([]time.Duration, 99)}
	for i := range d.acks {
		d.acks[i] = time.Duration(i+1) * time.Millisecond
	}
	half, ok := d.at(0.5)
	if half != 50*time.Millisecond || !ok {
		t.Errorf("half of them within %s", half)
	}
	if _, ok := d.at(1); ok {
		t.Error("the lost one came in time")
	}
	if got, want := d.String(), "50 % within 50.00 ms, 99 % within 99.00 ms, all: lost"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	slower := delays{sent: 100, acks: slices.Repeat([]time.Duration{time.Second}, 100)}
	if b := better(slower, d); b.acks[0] != time.Millisecond {
		t.Error("the slower round counts")
	}
	if b := better(d, delays{sent: 100}); b.acks == nil {
		t.Error("a round without answers counts")
	}
}

// TestExchange: what the generator says, a server takes for a client's messages.
func TestExchange(t *testing.T) {
	e, err := dhcp.New(benchConfig())
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange(e, time.Now(), 0); err != nil || e.Len() != engineRun {
		t.Errorf("%d leases, %v", e.Len(), err)
	}
}

// TestCPU: a process that computes gets older by it, and one that is not there is none.
func TestCPU(t *testing.T) {
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; {
		now, err := cpuOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now-before > time.Millisecond {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%s of CPU in 10 s of work", now-before)
		}
	}
	if got, err := cpuOf(1 << 22); err == nil { // beyond pid_max
		t.Errorf("nobody has computed %s", got)
	}
}
