package check

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// slips are all texts that one slip of the hand makes of a name, digits left alone.
func slips(name string) map[string]bool {
	const letters = "abc-1"
	all := map[string]bool{}
	digit := func(s string) bool { return strings.ContainsAny(s, "0123456789") }
	for i := range len(name) + 1 {
		for _, c := range letters {
			if !digit(string(c)) {
				all[name[:i]+string(c)+name[i:]] = true
			}
			if i < len(name) && !digit(string(c)+name[i:i+1]) {
				all[name[:i]+string(c)+name[i+1:]] = true
			}
		}
		if i < len(name) && !digit(name[i:i+1]) {
			all[name[:i]+name[i+1:]] = true
		}
		if i+1 < len(name) && !digit(name[i:i+2]) {
			all[name[:i]+name[i+1:i+2]+name[i:i+1]+name[i+2:]] = true
		}
	}
	delete(all, name)
	return all
}

// TestOneSlip compares with a list of all slips, for names of few letters.
func TestOneSlip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	name := func() string {
		b := make([]byte, 3+random.IntN(3))
		for i := range b {
			b[i] = "abc-1"[random.IntN(5)]
		}
		return string(b)
	}
	near := 0
	for range 100_000 {
		a, b := name(), name()
		want := slips(a)[b]
		if got := oneSlip(a, b); got != want || oneSlip(b, a) != got {
			t.Fatalf("%q and %q: %t, want %t", a, b, got, want)
		}
		if want {
			near++
		}
	}
	if near < 1000 {
		t.Errorf("only %d are near", near)
	}
}

// TestLikeNamesAreBounded: files that programs have made are not compared, name by name.
func TestLikeNamesAreBounded(t *testing.T) {
	steps := func(n int) int {
		var hosts, ethers strings.Builder
		for i := range n {
			fmt.Fprintf(&hosts, "10.1.%d.%d host%d\n", i/250, 1+i%250, i)
			fmt.Fprintf(&ethers, "00:16:3e:21:%02x:%02x card%d\n", i/250, i%250, i)
		}
		l, err := loadFiles(t, `pool = "10.2.0.1-10.2.9.255"`, hosts.String(), ethers.String())
		if err != nil {
			t.Fatal(err)
		}
		return l.steps
	}
	if most := steps(maxLike - 1); most != maxLike*(maxLike-1) { // web1 is in hosts too
		t.Errorf("%d comparisons", most)
	}
	if more := steps(maxLike + 1); more != 0 {
		t.Errorf("%d comparisons of more than that", more)
	}
}
