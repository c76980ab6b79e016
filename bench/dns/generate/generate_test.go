package generate

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// server answers on the loopback what reply makes of a query.
func server(t *testing.T, reply func(query []byte) [][]byte) netip.AddrPort {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			for _, r := range reply(b[:n]) {
				_, _ = conn.WriteToUDPAddrPort(r, from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func answered(q []byte, rcode byte) []byte {
	a := slices.Clone(q)
	a[2], a[3] = a[2]|0x80, rcode
	return a
}

func query(n byte) []byte { return append(make([]byte, 12), 1, n, 0, 0, 1, 0, 1) }

func generator(t *testing.T, o Options) *Generator {
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// TestFloodKeepsBook has every tenth query lost, and every seventh answered twice and once wrongly.
func TestFloodKeepsBook(t *testing.T) {
	var seen, asked atomic.Int64
	addr := server(t, func(q []byte) [][]byte {
		count := seen.Add(1)
		asked.Add(int64(q[13])) // the second of two queries
		switch {
		case count%10 == 0:
			return nil
		case count%7 == 0:
			return [][]byte{answered(q, 3), answered(q, 3), q}
		}
		return [][]byte{answered(q, 0)}
	})
	g := generator(t, Options{Server: addr, Queries: [][]byte{query(0), query(1)}})
	r, err := g.Flood(t.Context(), 16, 1000)
	if err != nil {
		t.Fatal(err)
	}
	seventh := uint64(1000/7 - 1000/70)
	if r.Sent != 1000 || r.Lost != 100 || r.Answered != 900 || r.Rcodes[3] != seventh || r.Rcodes[0] != 900-seventh ||
		asked.Load() != 500 || seen.Load() != 1000 {
		t.Errorf("%+v; the server saw %d", r, seen.Load())
	}
	if r.Strange != 2*seventh {
		t.Errorf("%d strange answers, not %d", r.Strange, 2*seventh)
	}
}

// TestPaceDoesNotWait has a server that holds its answers until 50 further queries have come: they are sent
// all the same, and their latency tells. A machine that itself stands still for Patience loses some, but not
// each time.
func TestPaceDoesNotWait(t *testing.T) {
	const rate, tries = 1000, 3
	var r *Result
	var stood time.Duration
	for i := 0; i < tries && (i == 0 || r.Lost > 0); i++ {
		r, stood = pastAServer(t, rate)
	}
	// However busy this machine is: what is due is sent, so it is late together, and no more than the pace in
	// all.
	if float64(r.Sent) > r.Took.Seconds()*rate+2 || r.Sent < 300 || r.Lost != 0 || r.Answered != r.Sent ||
		len(r.Latency) != int(r.Sent) || !slices.IsSorted(r.Latency) {
		t.Errorf("%s, %d latencies", r, len(r.Latency))
	}
	if longest := r.Percentile(100); longest < stood {
		t.Errorf("the longest latency is %v, and the server stood still for %v", longest, stood)
	}
}

// pastAServer asks one that stands still for a while, and returns for how long.
func pastAServer(t *testing.T, rate int) (*Result, time.Duration) {
	t.Helper()
	const from, until, last = 100, 150, 300 // queries
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stood atomic.Int64
	var began time.Time
	var held [][]byte
	seen := 0
	addr := server(t, func(q []byte) [][]byte {
		switch seen++; seen {
		case from:
			began = time.Now()
		case until:
			stood.Store(int64(time.Since(began)))
		case last:
			cancel()
		}
		held = append(held, answered(q, 0))
		if from <= seen && seen < until {
			return nil
		}
		all := held
		held = nil
		return all
	})
	g := generator(t, Options{Server: addr, Queries: [][]byte{query(0)}})
	r, err := g.Pace(ctx, rate)
	if err != nil {
		t.Fatal(err)
	}
	return r, time.Duration(stood.Load())
}

// TestNobodyAnswers ends all the same, whether the kernel says so or nobody does.
func TestNobodyAnswers(t *testing.T) {
	silent := server(t, func([]byte) [][]byte { return nil })
	for _, addr := range []netip.AddrPort{silent, netip.MustParseAddrPort("127.0.0.1:9")} {
		g := generator(t, Options{Server: addr, Queries: [][]byte{query(0)}})
		r, err := g.Flood(t.Context(), 4, 4)
		if err != nil || r.Answered != 0 || r.Lost != 4 {
			t.Errorf("%v: %v, %+v", addr, err, r)
		}
	}
}
