package compare

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestChanges: taken over, the changes make the one text the other, and what is left is as long as can be.
func TestChanges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		a, b := make([]int, r.IntN(12)), make([]int, r.IntN(12))
		for i := range a {
			a[i] = r.IntN(4)
		}
		for i := range b {
			b[i] = r.IntN(4)
		}
		all := changes(a, b)
		var made []int
		at, kept := 0, 0
		for _, c := range all {
			made = append(append(made, a[at:c.a0]...), b[c.b0:c.b1]...)
			kept += c.a0 - at
			at = c.a1
		}
		made = append(made, a[at:]...)
		kept += len(a) - at
		if !slices.Equal(made, b) || kept != longest(a, b) {
			t.Fatalf("%v -> %v: %v makes %v, keeps %d, not %d", a, b, all, made, kept, longest(a, b))
		}
	}
}

// longest is the length of the longest common subsequence, by the definition.
func longest(a, b []int) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		before := 0
		for j, y := range b {
			was := row[j+1]
			if x == y {
				row[j+1] = before + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			before = was
		}
	}
	return row[len(b)]
}
