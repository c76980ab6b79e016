package lease

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// span is a run of addresses, both ends included.
type span struct{ first, last uint32 }

// pool is the set of addresses that may be given to anybody, with a mark below
// which every address has been touched. Pools of millions cost nothing until used.
type pool struct {
	spans []span              // ascending, disjoint
	skip  map[uint32]struct{} // in a span, but somebody's own
	size  int                 // addresses in spans without those in skip
	at    int                 // the span the mark is in; len(spans): none untouched
	mark  uint32              // the lowest address that may be untouched
}

// newPool returns the addresses of ranges, which must not overlap, that are in none
// of excluded, which may.
func newPool(ranges, excluded []Range) (*pool, error) {
	p := &pool{skip: make(map[uint32]struct{})}
	given, err := spans("pool", ranges)
	if err != nil {
		return nil, err
	}
	for i, s := range given {
		if i > 0 && s.first <= given[i-1].last {
			return nil, fmt.Errorf("pool: two ranges overlap at %s", toAddr(s.first))
		}
	}
	kept, err := spans("excluded", excluded)
	if err != nil {
		return nil, err
	}
	p.spans = without(given, kept)
	for _, s := range p.spans {
		p.size += int(s.last-s.first) + 1
	}
	if len(p.spans) > 0 {
		p.mark = p.spans[0].first
	}
	return p, nil
}

// spans returns ranges in ascending order.
func spans(what string, ranges []Range) (all []span, err error) {
	for _, r := range ranges {
		if !r.First.Is4() || !r.Last.Is4() || r.Last.Less(r.First) {
			return nil, fmt.Errorf("%s %s-%s: want two IPv4 addresses, the lower one first", what, r.First,
				r.Last)
		}
		all = append(all, span{toUint(r.First), toUint(r.Last)})
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	return all, nil
}

// without returns what is left of given, disjoint, without excluded; both ascend.
func without(given, excluded []span) (left []span) {
	for _, s := range given {
		for _, x := range excluded {
			if x.last < s.first || x.first > s.last {
				continue
			}
			if s.first < x.first {
				left = append(left, span{s.first, x.first - 1})
			}
			if s.first = x.last + 1; x.last >= s.last {
				s.first, s.last = 1, 0 // nothing is left of it
				break
			}
		}
		if s.first <= s.last {
			left = append(left, s)
		}
	}
	return left
}

// exclude keeps a out of the pool.
func (p *pool) exclude(a uint32) {
	if p.has(a) {
		p.skip[a] = struct{}{}
		p.size--
	}
}

// has reports whether a may be given to anybody.
func (p *pool) has(a uint32) bool {
	_, found := slices.BinarySearchFunc(p.spans, a, func(s span, a uint32) int {
		switch {
		case s.last < a:
			return -1
		case s.first > a:
			return 1
		}
		return 0
	})
	_, skipped := p.skip[a]
	return found && !skipped
}

// untouched returns the lowest address of the pool for which touched is false,
// and moves the mark there. Over the life of a pool it calls touched once per
// address, plus once per call.
func (p *pool) untouched(touched func(uint32) bool) (uint32, bool) {
	for p.at < len(p.spans) {
		_, skipped := p.skip[p.mark]
		if !skipped && !touched(p.mark) {
			return p.mark, true
		}
		p.advance()
	}
	return 0, false
}

func (p *pool) advance() {
	if p.mark < p.spans[p.at].last {
		p.mark++
		return
	}
	if p.at++; p.at < len(p.spans) {
		p.mark = p.spans[p.at].first
	}
}

// ahead reports whether untouched will come to a by itself.
func (p *pool) ahead(a uint32) bool { return p.at < len(p.spans) && a >= p.mark }

func toUint(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func toAddr(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}
