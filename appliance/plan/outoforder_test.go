package plan

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOutOfOrder compares with an obvious way to find how long an ascent can be.
func TestOutOfOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		numbers := r.Perm(r.IntN(12))
		out := outOfOrder(slices.Clone(numbers))
		rest := slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return slices.Contains(out, n) })
		longest := 0
		ascent := make([]int, len(numbers)) // the longest that ends here
		for i, n := range numbers {
			ascent[i] = 1
			for j := range i {
				if numbers[j] < n {
					ascent[i] = max(ascent[i], ascent[j]+1)
				}
			}
			longest = max(longest, ascent[i])
		}
		if !slices.IsSorted(rest) || !slices.IsSorted(out) || len(rest) != longest || len(rest)+len(out) != len(numbers) {
			t.Fatalf("%v: out of order are %v", numbers, out)
		}
	}
}
