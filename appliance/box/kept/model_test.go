package kept

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// model is a Store that cannot fail: it remembers.
type model struct {
	kept    map[int]string // names of sites; "" is damaged
	staged  int            // 0: none
	content string
	last    int
}

func (m *model) numbers() []int {
	all := slices.Sorted(maps.Keys(m.kept))
	slices.Reverse(all)
	return all
}

// commit reports whether the number becomes a site.
func (m *model) commit(n int) bool {
	if n != m.staged || n == 0 {
		return false
	}
	m.kept[n], m.staged = m.content, 0
	for _, old := range m.numbers()[min(maxKept, len(m.kept)):] {
		delete(m.kept, old)
	}
	return true
}

// latest is the number that a box starts with.
func (m *model) latest() int {
	for _, n := range m.numbers() {
		if m.kept[n] != "" {
			return n
		}
	}
	return 0
}

// TestModel does at random what can be done to a store, restarts it now and then, and compares with the model.
func TestModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := Open(t.TempDir())
		m := &model{kept: map[int]string{}}
		for i := range 150 {
			what := operate(t, r, s, m, fmt.Sprintf("%d of %d", i, seed))
			if what == "restart" {
				s = Open(s.dir)
			}
			compare(t, s, m, fmt.Sprintf("seed %d, step %d, %s", seed, i, what))
			if t.Failed() {
				return
			}
		}
	}
}

// operate does one thing to both, and says which.
func operate(t *testing.T, r *rand.Rand, s *Store, m *model, name string) string {
	t.Helper()
	switch r.IntN(12) {
	default:
		n := stage(t, s, siteOf(name), metaOf(name))
		if n <= m.last {
			t.Errorf("number %d after %d", n, m.last)
		}
		m.staged, m.content, m.last = n, name, n
		return "stage"
	case 0, 1, 2, 3, 4:
		n := m.staged
		if r.IntN(4) == 0 {
			n = r.IntN(m.last + 2)
		}
		done := m.commit(n)
		if unpruned, err := s.Commit(n); (err == nil) != done || unpruned != nil {
			t.Errorf("commit %d: %v, %v; want %t", n, unpruned, err, done)
		}
		return "commit"
	case 5:
		m.staged = 0
		if err := s.Discard(); err != nil {
			t.Error(err)
		}
		return "discard"
	case 6:
		if m.staged == 0 { // otherwise numbers of lost candidates may come again, which does no harm
			m.last = max(0, slices.Max(append(m.numbers(), 0)))
			return "restart"
		}
		return "nothing"
	case 7:
		if n := m.latest(); n != 0 {
			if err := os.Truncate(s.path(n), 20); err != nil {
				t.Fatal(err)
			}
			m.kept[n] = ""
		}
		return "damage"
	}
}

func compare(t *testing.T, s *Store, m *model, after string) {
	t.Helper()
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, e := range all {
		got = append(got, e.Number)
		b, err := s.Get(e.Number)
		name := m.kept[e.Number]
		if (err != nil) != (name == "") || (e.Err != nil) != (name == "") {
			t.Errorf("after %s: site %d: %v, %v; want %q", after, e.Number, err, e.Err, name)
		}
		if err == nil && (e.Meta.What != name || !maps.EqualFunc(b.Files, siteOf(name), bytes.Equal)) {
			t.Errorf("after %s: site %d is %q, want %q", after, e.Number, b.Files, name)
		}
	}
	if want := m.numbers(); !slices.Equal(got, want) {
		t.Errorf("after %s: kept are %v, want %v", after, got, want)
	}
	if got, _ := s.Latest(image); got.Number != m.latest() {
		t.Errorf("after %s: the box starts with %d, want %d", after, got.Number, m.latest())
	}
}
