package bzip2

import "slices"

// rotations sorts the rotations of a block. It returns the last byte of each in that order, and which of them
// is the block itself: all that a reader needs to put the block together again (Burrows and Wheeler).
//
// They are sorted by two bytes first, and then, of those that are equal so far, by the order that is known of
// what follows in them: by 4, 8, 16 bytes, as Larsson and Sadakane do. So no input takes long.
func rotations(block []byte) (last []byte, first int) {
	s := sorter{n: len(block), order: make([]int32, len(block)), rank: make([]int32, len(block))}
	groups := s.pairs(block)
	for have := 2; len(groups) > 0 && have < s.n; have *= 2 {
		var left []group
		for _, g := range groups {
			left = s.refine(g, have, left)
		}
		groups = left
	}
	last = make([]byte, s.n)
	for i, at := range s.order {
		if at == 0 {
			first, at = i, int32(s.n)
		}
		last[i] = block[at-1]
	}
	return last, first
}

type sorter struct {
	n     int
	order []int32  // where rotations begin, in their order as far as it is known
	rank  []int32  // of the rotation that begins there: where its group begins in order
	keys  []uint64 // for refine
}

// A group is a part of the order: rotations that are equal as far as they were compared.
type group struct{ from, to int32 }

// pairs sorts by two bytes.
func (s *sorter) pairs(block []byte) (groups []group) {
	pair := func(i int) int {
		next := i + 1
		if next == s.n {
			next = 0
		}
		return int(block[i])<<8 | int(block[next])
	}
	starts := make([]int32, 1<<16+1)
	for i := range s.n {
		starts[pair(i)+1]++
	}
	for i := range 1 << 16 {
		starts[i+1] += starts[i]
	}
	ends := slices.Clone(starts)
	for i := range s.n {
		p := pair(i)
		s.order[ends[p]] = int32(i)
		s.rank[i] = starts[p]
		ends[p]++
	}
	for p := range 1 << 16 {
		if starts[p+1]-starts[p] > 1 {
			groups = append(groups, group{starts[p], starts[p+1]})
		}
	}
	return groups
}

// refine sorts a group of rotations whose first bytes, as many as have says, are equal, by as many more. What
// is still equal is appended to left.
func (s *sorter) refine(g group, have int, left []group) []group {
	s.keys = s.keys[:0]
	for _, at := range s.order[g.from:g.to] {
		next := (int(at) + have) % s.n
		s.keys = append(s.keys, uint64(s.rank[next])<<32|uint64(at))
	}
	slices.Sort(s.keys)
	for i := 0; i < len(s.keys); {
		from := i
		for i < len(s.keys) && s.keys[i]>>32 == s.keys[from]>>32 {
			at := int32(uint32(s.keys[i]))
			s.order[int(g.from)+i] = at
			s.rank[at] = g.from + int32(from)
			i++
		}
		if i-from > 1 {
			left = append(left, group{g.from + int32(from), g.from + int32(i)})
		}
	}
	return left
}
