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

// TestPaceDoesNotWait has a server that stops for a while: queries are sent all the same, and their latency
// tells.
func TestPaceDoesNotWait(t *testing.T) {
	var seen atomic.Int64
	const stop = 200 * time.Millisecond
	addr := server(t, func(q []byte) [][]byte {
		if seen.Add(1) == 100 {
			time.Sleep(stop)
		}
		return [][]byte{answered(q, 0)}
	})
	from := []netip.Addr{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
	g := generator(t, Options{Server: addr, From: from, Queries: [][]byte{query(0)}})
	ctx, cancel := context.WithTimeout(t.Context(), 600*time.Millisecond)
	defer cancel()
	r, err := g.Pace(ctx, 1000)
	if err != nil {
		t.Fatal(err)
	}
	// However busy this machine is: what is due is sent, so it is late together, and no more than the pace in
	// all.
	if r.Sent > 602 || r.Lost != 0 || r.Answered != r.Sent || len(r.Latency) != int(r.Sent) ||
		!slices.IsSorted(r.Latency) {
		t.Errorf("%s, %d latencies", r, len(r.Latency))
	}
	if longest := r.Percentile(100); longest < stop {
		t.Errorf("the longest latency is %v", longest)
	}
	first := slices.IndexFunc(r.Latency, func(d time.Duration) bool { return d > stop/4 })
	if waited := len(r.Latency) - first; waited < 50 {
		t.Errorf("%d queries were sent while the server stood still", waited)
	}
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
