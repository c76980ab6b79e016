package regex

import "bytes"

// maxSteps bounds the ways that a match tries from one place of the text.
const maxSteps = 20_000_000

// A matcher tries the ways that a pattern can match, and keeps the longest.
type matcher struct {
	root        *node
	groups      int
	fold, lines bool
}

// A run is one search.
type run struct {
	*matcher
	text  []byte
	caps  []int
	best  []int
	steps int
}

func (m *matcher) all(text []byte, n int) (all [][]int, err error) {
	for at, last := 0, -1; at <= len(text) && (n < 0 || len(all) < n); {
		found, err := m.find(text, at)
		if err != nil || found == nil {
			return all, err
		}
		switch start, end := found[0], found[1]; {
		case start == end && end == last: // an empty one behind another
			at = end + 1
			continue
		case start == end:
			at, last = end+1, end
		default:
			at, last = end, end
		}
		all = append(all, found)
	}
	return all, nil
}

func (m *matcher) find(text []byte, at int) ([]int, error) {
	r := run{matcher: m, text: text, caps: make([]int, 2*m.groups+2)}
	for ; at <= len(text); at++ {
		for i := range r.caps {
			r.caps[i] = -1
		}
		r.try(m.root, at, func(end int) bool {
			if r.best == nil || end > r.best[1] {
				r.caps[0], r.caps[1] = at, end
				r.best = append(r.best[:0], r.caps...)
			}
			return end == len(text)
		})
		if r.steps > maxSteps {
			return nil, ErrTooHard
		}
		if r.best != nil {
			break
		}
	}
	return r.best, nil
}

// try matches n at a place and calls next with where it ends, for each way until next is content.
func (r *run) try(n *node, at int, next func(int) bool) bool {
	if r.steps++; r.steps > maxSteps {
		return true
	}
	switch n.kind {
	case kSet:
		return at < len(r.text) && n.set.has(r.text[at]) && next(at+1)
	case kCat:
		return r.sequence(n.subs, at, next)
	case kAlt:
		for _, sub := range n.subs {
			if r.try(sub, at, next) {
				return true
			}
		}
		return false
	case kRepeat:
		if n.subs[0].kind == kSet {
			return r.repeatSet(n, at, next)
		}
		return r.repeat(n, 0, at, next)
	case kGroup:
		return r.group(n, at, next)
	case kBack:
		end, ok := r.back(n.group, at)
		return ok && next(end)
	}
	return r.holds(n, at) && next(at)
}

func (r *run) sequence(subs []*node, at int, next func(int) bool) bool {
	if len(subs) == 0 {
		return next(at)
	}
	return r.try(subs[0], at, func(end int) bool { return r.sequence(subs[1:], end, next) })
}

// repeatSet is the usual repetition, the longest first.
func (r *run) repeatSet(n *node, at int, next func(int) bool) bool {
	most := 0
	for (n.hi < 0 || most < n.hi) && at+most < len(r.text) && n.subs[0].set.has(r.text[at+most]) {
		most++
	}
	for ; most >= n.lo; most-- {
		if r.steps++; next(at + most) {
			return true
		}
	}
	return false
}

func (r *run) repeat(n *node, done, at int, next func(int) bool) bool {
	if n.hi < 0 || done < n.hi {
		again := func(end int) bool {
			// An empty round leads nowhere, but where some are still due.
			return (end > at || done < n.lo) && r.repeat(n, done+1, end, next)
		}
		if r.try(n.subs[0], at, again) {
			return true
		}
	}
	return done >= n.lo && next(at)
}

func (r *run) group(n *node, at int, next func(int) bool) bool {
	pair := r.caps[2*n.group : 2*n.group+2]
	start, end := pair[0], pair[1]
	if r.try(n.subs[0], at, func(to int) bool {
		was := [2]int{pair[0], pair[1]}
		pair[0], pair[1] = at, to
		if next(to) {
			return true
		}
		pair[0], pair[1] = was[0], was[1]
		return false
	}) {
		return true
	}
	pair[0], pair[1] = start, end
	return false
}

// back matches what a group took.
func (r *run) back(group, at int) (end int, ok bool) {
	from, to := r.caps[2*group], r.caps[2*group+1]
	if from < 0 || at+to-from > len(r.text) {
		return 0, false
	}
	a, b := r.text[from:to], r.text[at:at+to-from]
	return at + to - from, bytes.Equal(a, b) || r.fold && bytes.EqualFold(a, b)
}

// holds is for what takes no bytes.
func (r *run) holds(n *node, at int) bool {
	before := at > 0 && isWord(r.text[at-1])
	behind := at < len(r.text) && isWord(r.text[at])
	switch n.kind {
	case kBegin:
		return at == 0 || r.lines && r.text[at-1] == '\n'
	case kEnd:
		return at == len(r.text) || r.lines && r.text[at] == '\n'
	case kTextBegin:
		return at == 0
	case kTextEnd:
		return at == len(r.text)
	case kWordBegin:
		return !before && behind
	case kWordEnd:
		return before && !behind
	case kWordEdge:
		return before != behind
	case kNoWordEdge:
		return before == behind
	}
	return true
}
