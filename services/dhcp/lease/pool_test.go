package lease

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// TestPoolEqualsASet compares pools with the set of their addresses.
func TestPoolEqualsASet(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		var ranges, excluded []Range
		for at := r.IntN(8); at < 60; {
			end := at + r.IntN(12)
			ranges = append(ranges, Range{addr(at), addr(end)})
			at = end + 1 + r.IntN(6)
		}
		for range r.IntN(6) {
			at := r.IntN(80)
			excluded = append(excluded, Range{addr(at), addr(at + r.IntN(20))})
		}
		r.Shuffle(len(ranges), func(i, j int) { ranges[i], ranges[j] = ranges[j], ranges[i] })
		p, err := newPool(ranges, excluded)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for i := range 100 {
			want := inAny(ranges, addr(i)) && !inAny(excluded, addr(i))
			if p.has(toUint(addr(i))) != want {
				t.Fatalf("pool %v without %v has %s: %t", ranges, excluded, addr(i), !want)
			}
			size += is(want)
		}
		seen := map[uint32]bool{}
		for a, ok := p.untouched(func(a uint32) bool { return seen[a] }); ok; a, ok = p.untouched(func(a uint32) bool { return seen[a] }) {
			seen[a] = true
		}
		if p.size != size || len(seen) != size {
			t.Fatalf("pool %v without %v has %d addresses, %d are found, want %d", ranges, excluded, p.size, len(seen), size)
		}
	}
}

func inAny(ranges []Range, a netip.Addr) bool {
	for _, r := range ranges {
		if r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0 {
			return true
		}
	}
	return false
}

// TestPoolEnds: the first and the last address there is.
func TestPoolEnds(t *testing.T) {
	all := Range{netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("255.255.255.255")}
	p, err := newPool([]Range{all}, []Range{{all.First, all.First}, {addr(1), all.Last}})
	if err != nil || p.has(toUint(all.First)) || p.has(toUint(all.Last)) || !p.has(toUint(addr(0))) || p.size != int(toUint(addr(0))) {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := newPool([]Range{all}, []Range{all}); err != nil || p.size != 0 || len(p.spans) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPoolErrors(t *testing.T) {
	ok := []Range{{addr(1), addr(9)}}
	for want, c := range map[string][2][]Range{
		"pool 192.168.32.9-192.168.32.1: want two":     {{{addr(9), addr(1)}}, nil},
		"excluded 192.168.32.9-192.168.32.1: want two": {ok, {{addr(9), addr(1)}}},
		"excluded ::1-::1: want two":                   {ok, {{netip.IPv6Loopback(), netip.IPv6Loopback()}}},
		"two ranges overlap at 192.168.32.9":           {{{addr(9), addr(20)}, ok[0]}, nil},
	} {
		if _, err := newPool(c[0], c[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
