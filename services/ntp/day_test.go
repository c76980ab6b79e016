package ntp_test

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
)

// address is that of the nth server.
func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }

// sources are a Config of so many servers.
func sources(n int) (c ntp.Config) {
	for i := range n {
		c.Sources = append(c.Sources, ntp.Source{Addrs: []netip.Addr{address(i + 1)}})
	}
	return c
}

// path is a server at the end of a path with queues of a mean.
func path(n int, way, queue time.Duration) *ntptest.Server {
	return &ntptest.Server{Addr: address(n), Out: way, Back: way, Queue: ntptest.Exponential(queue)}
}

// crystal is one in a room.
var crystal = ntptest.Crystal{Frequency: 31e-6, Wander: 1e-19, Warm: 0.5e-6, Every: 6 * time.Hour}

// figures of a run, after it has locked.
type figures struct {
	lock                time.Duration // until the time of day was within limit
	rms, worst, est     float64       // of the time of day and of the estimate, in s
	steps, jumps, asked int
}

// String is a line of the table.
func (f figures) String() string {
	return fmt.Sprintf("lock %5.1f s, time of day RMS %9.1f µs worst %9.1f µs, estimate RMS %9.1f µs, steps %d, jumps %d, questions %d",
		f.lock.Seconds(), f.rms*1e6, f.worst*1e6, f.est*1e6, f.steps, f.jumps, f.asked)
}

// measure runs a world and sees how wrong it is each second, from settle after the lock on.
func measure(w *ntptest.World, limit, settle, until time.Duration) (f figures) {
	var n, sum, esum float64
	f.lock = -1
	w.Watch = func(at time.Duration) {
		e := w.Error().Seconds()
		if f.lock < 0 && math.Abs(e) <= limit.Seconds() {
			f.lock = at
		}
		if f.lock < 0 || at < f.lock+settle {
			return
		}
		n++
		sum += e * e
		f.worst = max(f.worst, math.Abs(e))
		if e, ok := w.Estimate(); ok {
			esum += e.Seconds() * e.Seconds()
		}
	}
	w.Run(until)
	f.rms, f.est = math.Sqrt(sum/n), math.Sqrt(esum/n)
	f.steps, f.jumps = len(w.Steps), len(w.Jumps)
	for _, s := range w.Servers {
		f.asked += len(s.Asked)
	}
	return f
}

// A day of each network, with all servers good: the table.
func TestDay(t *testing.T) {
	for _, c := range []struct {
		name          string
		way, queue    time.Duration
		servers       int
		rms, worst    time.Duration
		limit, settle time.Duration
	}{
		{"LAN, 50 µs of queue, 1 server", 100 * time.Microsecond, 50 * time.Microsecond, 1, 30 * time.Microsecond, 400 * time.Microsecond, time.Millisecond, time.Hour},
		{"1 ms, 1 server", 5 * time.Millisecond, time.Millisecond, 1, 260 * time.Microsecond, 1200 * time.Microsecond, 5 * time.Millisecond, time.Hour},
		{"1 ms, 4 servers", 5 * time.Millisecond, time.Millisecond, 4, 200 * time.Microsecond, 1200 * time.Microsecond, 5 * time.Millisecond, time.Hour},
		{"10 ms, 4 servers", 10 * time.Millisecond, 10 * time.Millisecond, 4, 600 * time.Microsecond, 4 * time.Millisecond, 20 * time.Millisecond, time.Hour},
		{"50 ms, 4 servers", 20 * time.Millisecond, 50 * time.Millisecond, 4, 2200 * time.Microsecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Hour},
	} {
		var servers []*ntptest.Server
		for i := range c.servers {
			servers = append(servers, path(i+1, c.way, c.queue))
		}
		w := ntptest.New(t, 7, sources(c.servers), crystal, -40*time.Second, discipline.Kept{}, servers...)
		f := measure(w, c.limit, c.settle, 24*time.Hour)
		t.Logf("%-30s %v", c.name, f)
		if f.rms > c.rms.Seconds() || f.worst > c.worst.Seconds() || f.lock > 5*time.Second || f.steps != 1 || f.jumps != 0 {
			t.Errorf("%s: %v; at most RMS %v, worst %v, 5 s, 1 step, no jump", c.name, f, c.rms, c.worst)
		}
	}
}
