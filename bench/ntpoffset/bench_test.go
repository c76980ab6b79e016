package main

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// TestLaws: each has the mean and the spread that it says, and packets take no time that is negative.
func TestLaws(t *testing.T) {
	const jitter, n = 10 * time.Millisecond, 20_000
	for l, want := range map[law]struct{ mean, deviation float64 }{
		uniform: {15e-3, 10e-3 / math.Sqrt(3)}, normal: {35e-3, 10e-3}, exponential: {15e-3, 10e-3},
	} {
		r, sum, squares := rand.New(rand.NewPCG(1, 1)), 0.0, 0.0
		for range n {
			d := path{l, jitter}.delay(r)
			if d < 0 || l != normal && d < base || l == uniform && d > base+2*jitter {
				t.Fatalf("%s: %v", l, d)
			}
			sum += d.Seconds() / n
			squares += d.Seconds() * d.Seconds() / n
		}
		if deviation := math.Sqrt(squares - sum*sum); math.Abs(sum-want.mean) > 3e-4 || math.Abs(deviation-want.deviation) > 3e-4 {
			t.Errorf("%s: mean %.4f s, deviation %.4f s; want %+v", l, sum, deviation, want)
		}
	}
}

// TestAhead: all times of an answer are later, by the same.
func TestAhead(t *testing.T) {
	const at = 1795910400e9
	h := wire.Header{Mode: wire.ModeServer, Version: 4, Stratum: 1, Origin: 7, Reference: wire.FromUnix(at - 2e9),
		Receive: wire.FromUnix(at), Transmit: wire.FromUnix(at + 5000)}
	b := h.Append(nil)
	ahead(b, 48*time.Hour)
	got, _, err := wire.Read(b)
	if err != nil || got.Origin != 7 || (got.Receive.Sub(h.Receive)-48*time.Hour).Abs() > 2 ||
		(got.Transmit.Sub(h.Transmit)-48*time.Hour).Abs() > 2 || (got.Reference.Sub(h.Reference)-48*time.Hour).Abs() > 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPaths: every jitter with every law, and what is none is said.
func TestPaths(t *testing.T) {
	all, err := paths("1ms,50ms", "normal,uniform")
	if err != nil || len(all) != 4 || all[3] != (path{uniform, 50 * time.Millisecond}) || all[3].String() != "50ms uniform" {
		t.Errorf("%v, %v", all, err)
	}
	for _, bad := range [][2]string{{"1", "normal"}, {"1ms", "gauss"}, {"2s", "normal"}, {"", "normal"}} {
		if _, err := paths(bad[0], bad[1]); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestTable: RMS and worst of all clients together, and of each.
func TestTable(t *testing.T) {
	of := func(all ...time.Duration) (f figures) {
		for _, e := range all {
			f.add(e)
		}
		return f
	}
	var out strings.Builder
	printTable(&out, options{time: 2 * time.Minute, clients: 2}, []row{{
		path:   path{normal, time.Millisecond},
		ours:   []figures{of(3*time.Millisecond, -4*time.Millisecond), of(0, 5*time.Millisecond)},
		theirs: []figures{of(time.Millisecond), of(-7 * time.Millisecond)}, wall: []figures{of(time.Microsecond)}, asked: 480,
	}})
	for _, want := range []string{"120 polls of chronyd, 2h8m0s of ours",
		"1ms normal              3536    5000        5000    7000           0.71          1       0.50   3536 3536 | 1000 7000"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
