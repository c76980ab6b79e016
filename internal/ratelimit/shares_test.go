package ratelimit

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestShares(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewShares(100, 20*time.Millisecond, 1000, 1, now)
	take := func(client string, n int) (ok int) {
		for range n {
			if s.Take(addr(client), now) {
				ok++
			}
		}
		return ok
	}
	// A page with 60 names at once, asked for by A, AAAA and HTTPS, is more than one burst; one by A is not.
	for _, tt := range []struct {
		client string
		n, ok  int
	}{
		{"192.0.2.1", 60, 60}, {"192.0.2.1", 60, 40}, {"192.0.2.2", 60, 60}, {"::ffff:192.0.2.2", 60, 40},
		{"2001:db8::1", 110, 100}, {"2001:db8::2", 110, 100}, {"fe80::1", 110, 100},
	} {
		if ok := take(tt.client, tt.n); ok != tt.ok {
			t.Errorf("%s: %d of %d, want %d", tt.client, ok, tt.n, tt.ok)
		}
	}
	now = now.Add(time.Second)
	for _, client := range []string{"192.0.2.1", "2001:db8::2", "fe80::1"} {
		if ok := take(client, 100); ok != 50 {
			t.Errorf("%s a second later: %d", client, ok)
		}
	}
	now = now.Add(time.Hour)
	if ok := take("192.0.2.1", 1000); ok != 100 {
		t.Errorf("an hour later: %d", ok)
	}
	// A clock that is set back earns nothing, and takes nothing for long.
	now = now.Add(-time.Hour)
	if ok := take("192.0.2.1", 10); ok != 0 {
		t.Errorf("an hour before: %d", ok)
	}
	now = now.Add(2 * time.Second)
	if ok := take("192.0.2.1", 1000); ok != 100 {
		t.Errorf("two seconds after that: %d", ok)
	}
}

// TestSharesOfANetwork: whoever takes one address after the other has eight shares, and no more; those of
// another network and of IPv4 have theirs.
func TestSharesOfANetwork(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewShares(100, time.Millisecond, 10_000, 1, now)
	a, ok := addr("2001:db8::").As16(), 0
	for i := range 10_000 {
		binary.BigEndian.PutUint64(a[8:], uint64(i))
		if s.Take(netip.AddrFrom16(a), now) {
			ok++
		}
	}
	if ok != 800 {
		t.Errorf("%d of 10000 addresses of one network had a token", ok)
	}
	for _, client := range []string{"2001:db8:0:1::1", "192.0.2.1", "fe80::1"} {
		if !s.Take(addr(client), now) {
			t.Errorf("%s has none", client)
		}
	}
	now = now.Add(time.Millisecond)
	for i := range 9 {
		if s.Take(addr("2001:db8::ffff:0"), now) != (i < 8) {
			t.Errorf("token %d of a millisecond", i)
		}
	}
}

// TestSharesOfAFlood: one that asks too much stays known while many others, forged perhaps, come by; and so
// many that ask little all have their share.
func TestSharesOfAFlood(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewShares(100, 10*time.Millisecond, 1024, 1, now)
	greedy := 0
	for i := range 100_000 {
		now = now.Add(100 * time.Microsecond) // ten seconds in all
		if s.Take(addr("192.0.2.1"), now) {
			greedy++
		}
		if !s.Take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now) {
			t.Fatalf("client %d has nothing", i)
		}
	}
	if greedy < 1099 || greedy > 1101 {
		t.Errorf("the greedy one had %d, want 1100", greedy)
	}
}

// TestSharesAreBuckets compares with a bucket for each client, as there is place for all.
func TestSharesAreBuckets(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	now := time.Unix(1000, 0)
	s := NewShares(5, 10*time.Millisecond, 4096, 9, now)
	hosts, nets := map[netip.Addr]*Bucket{}, map[netip.Prefix]*Bucket{}
	for step := range 200_000 {
		now = now.Add(time.Duration(random.IntN(200)) * time.Microsecond)
		client := netip.AddrFrom4([4]byte{10, 0, 0, byte(random.IntN(100))})
		net, of6 := netip.Prefix{}, random.IntN(2) == 0
		if of6 {
			a := [16]byte{0x20, 1, 7: byte(random.IntN(3)), 15: byte(random.IntN(100))}
			client = netip.AddrFrom16(a)
			net = netip.PrefixFrom(client, 64).Masked()
		}
		if hosts[client] == nil {
			hosts[client] = NewBucket(5, 10*time.Millisecond)
		}
		if nets[net] == nil {
			nets[net] = NewBucket(8*5, 10*time.Millisecond/8)
		}
		want, _ := hosts[client].Take(now)
		if want && of6 {
			want, _ = nets[net].Take(now)
		}
		if got := s.Take(client, now); got != want {
			t.Fatalf("step %d, %v: %v, want %v", step, client, got, want)
		}
	}
}

func TestSharesOfSeveral(t *testing.T) {
	now := time.Unix(1000, 0)
	s := NewShares(100, time.Hour, 16, 1, now)
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if s.Take(addr("192.0.2.1"), now) {
					mu.Lock()
					taken++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if taken != 100 {
		t.Errorf("%d taken", taken)
	}
	if n := testing.AllocsPerRun(100, func() { s.Take(netip.IPv6Loopback(), now) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkShares(b *testing.B) {
	now := time.Now()
	s := NewShares(200, time.Millisecond, 4096, 1, now)
	clients := make([]netip.Addr, 2000)
	for i := range clients {
		clients[i] = netip.AddrFrom16([16]byte{0x20, 1, 14: byte(i >> 8), 15: byte(i)})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Take(clients[i%len(clients)], now.Add(time.Duration(i)*time.Microsecond))
	}
}
