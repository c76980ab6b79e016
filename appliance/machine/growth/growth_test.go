package growth

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type one = map[string]uint64

func TestGrowth(t *testing.T) {
	const s, m = time.Second, time.Minute
	w := Watch[string]{Least: one{"dropped": 100}}
	for _, c := range []struct {
		at   time.Duration
		read one
		want []Grown[string]
	}{
		{10 * s, one{"dropped": 5000, "kills": 7}, nil}, // what was before is nobody's news
		{20 * s, one{"dropped": 5099, "kills": 7}, nil}, // less than is worth a word
		{30 * s, one{"dropped": 5100, "kills": 7}, []Grown[string]{{"dropped", 100, 0}}},
		{40 * s, one{"dropped": 5100, "kills": 9}, []Grown[string]{{"dropped", 100, 10 * s}, {"kills", 2, 0}}},
		{5 * m, one{"dropped": 6100, "kills": 9}, []Grown[string]{{"dropped", 1100, 5*m - 30*s}, {"kills", 2, 5*m - 40*s}}},
		{9*m + 59*s, one{"dropped": 6100, "kills": 9}, []Grown[string]{{"dropped", 1100, 9*m + 29*s}, {"kills", 2, 9*m + 19*s}}},
		{10 * m, one{"dropped": 6100, "kills": 9}, []Grown[string]{{"dropped", 1000, 9*m + 30*s}}}, // the problem is gone
		{11 * m, one{"kills": 9}, []Grown[string]{{"dropped", 1000, 10*m + 30*s}}},                 // not told: no news
		{15 * m, one{"dropped": 6100, "kills": 9}, nil},
		{16 * m, one{"dropped": 50, "kills": 9}, nil}, // it began anew
		{17 * m, one{"dropped": 150, "kills": 9}, []Grown[string]{{"dropped", 100, 0}}},
		{24 * 7 * time.Hour, one{"dropped": 150, "kills": 10}, []Grown[string]{{"kills", 1, 0}}}, // nobody has read for a week
	} {
		w.Sample(c.at, c.read)
		if d := cmp.Diff(c.want, w.Grown(c.at)); d != "" {
			t.Errorf("at %v (-want +got):\n%s", c.at, d)
		}
	}
}

// TestAgainstModel: the same as adding up all that ever was, every time.
func TestAgainstModel(t *testing.T) {
	said := 0
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 0))
		least := 1 + r.Uint64N(30)
		w := Watch[string]{Least: one{"n": least}}
		now, n := time.Duration(r.Int64N(int64(time.Hour))), r.Uint64N(1000)
		grown, growing, since := map[int64]uint64{}, false, now // by the minute
		w.Sample(now, one{"n": n})
		for range 300 {
			now += time.Duration(r.Int64N(int64(2 * time.Minute)))
			if by := r.Uint64N(20); r.IntN(3) == 0 {
				n += by
				grown[int64(now/slot)] += by
			}
			w.Sample(now, one{"n": n})
			sum := uint64(0)
			for minute, by := range grown {
				if minute > int64(now/slot)-slots {
					sum += by
				}
			}
			if sum >= least && !growing {
				since = now
			}
			growing = sum >= least
			var want []Grown[string]
			if growing {
				want = []Grown[string]{{"n", sum, now - since}}
				said++
			}
			if d := cmp.Diff(want, w.Grown(now)); d != "" {
				t.Fatalf("seed %d at %v (-want +got):\n%s", seed, now, d)
			}
		}
	}
	if said == 0 {
		t.Error("nothing ever grew")
	}
}
