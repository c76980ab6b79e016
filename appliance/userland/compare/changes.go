package compare

import "sort"

// A change is lines of one text where the other has others: a[a0:a1] and b[b0:b1].
type change struct{ a0, a1, b0, b1 int }

// changes compares two texts, each line a number: equal lines have equal ones. It keeps a longest common
// subsequence, by Hunt's and Szymanski's algorithm; of several as long as each other, the one that diff(1)
// has always chosen.
func changes(a, b []int) []change {
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && a[endA-1] == b[endB-1] {
		endA, endB = endA-1, endB-1
	}
	var all []change
	at := change{start, start, start, start}
	flush := func() {
		if at.a0 < at.a1 || at.b0 < at.b1 {
			all = append(all, at)
		}
	}
	for _, pair := range common(a[start:endA], b[start:endB]) {
		at.a1, at.b1 = start+pair[0], start+pair[1]
		flush()
		at = change{a0: at.a1 + 1, b0: at.b1 + 1}
	}
	at.a1, at.b1 = endA, endB
	flush()
	return all
}

// A link is a pair of equal lines and the one before it.
type link struct {
	a, b   int
	before *link
}

// crowd is from how many equal lines on only so many are tried for each: those at about the same place among
// them. What comes out may keep less than it could, and is done in time.
const crowd = 2000

// common returns pairs of equal lines, both ascending.
func common(a, b []int) [][2]int {
	where := map[int][]int{} // of each line of b, ascending
	for i, line := range b {
		where[line] = append(where[line], i)
	}
	// last[n] is the end of the common subsequence of n+1 lines that ends first in b.
	var last []*link
	seen := map[int]int{} // how many of each line of a are done
	for i, line := range a {
		places := where[line]
		if n := len(places); n > crowd {
			from := min(max(0, seen[line]-crowd/2), n-crowd)
			places = places[from : from+crowd]
			seen[line]++
		}
		for p := len(places) - 1; p >= 0; p-- {
			at := places[p]
			n := sort.Search(len(last), func(n int) bool { return last[n].b >= at })
			var before *link
			if n > 0 {
				before = last[n-1]
			}
			switch {
			case n == len(last):
				last = append(last, &link{i, at, before})
			case last[n].b > at:
				last[n] = &link{i, at, before}
			}
		}
	}
	pairs := make([][2]int, len(last))
	if len(last) == 0 {
		return pairs
	}
	for l, n := last[len(last)-1], len(last)-1; l != nil; l, n = l.before, n-1 {
		pairs[n] = [2]int{l.a, l.b}
	}
	return pairs
}

// hunks groups changes that have no more than twice the context between them.
func hunks(all []change, context int) (groups [][]change) {
	for i, c := range all {
		if i == 0 || c.a0 > all[i-1].a1+2*context {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], c)
	}
	return groups
}
