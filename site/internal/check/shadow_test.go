package check

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// randomRule makes a rule of few words, so that rules often hide others.
func randomRule(r *rand.Rand) checkedRule {
	rule := checkedRule{from: randomReach(r), to: randomReach(r)}
	for range r.IntN(4) {
		f := model.Flow{Proto: []string{"tcp", "udp", "esp", "icmp", "icmpv6"}[r.IntN(5)]}
		if (f.Proto == "tcp" || f.Proto == "udp") && r.IntN(6) > 0 {
			f.First = uint16(1 + r.IntN(9))
			f.Last = f.First + uint16(r.IntN(9))
			if r.IntN(9) == 0 {
				f.First, f.Last = 1, 65535
			}
		}
		rule.Services = append(rule.Services, model.Service{Flows: []model.Flow{f}})
	}
	if r.IntN(5) == 0 {
		rule.Rate.Count = 1
	}
	return rule
}

func randomReach(r *rand.Rand) reach {
	all := reach{}
	for range 1 + r.IntN(2) {
		in := &reached{everybody: r.IntN(4) == 0}
		for range r.IntN(3) {
			in.networks = append(in.networks, randomNetwork(r))
		}
		in.networks = aggregated(in.networks)
		if r.IntN(4) == 0 {
			in.lists = []string{"x", "y"}[:1+r.IntN(2)]
		}
		all[string(rune('a'+r.IntN(2)))] = in
	}
	return all
}

// TestFirstHides compares the rule that the index finds with the one that a look at all rules finds.
func TestFirstHides(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hidden, shown := 0, 0
	for range 400 {
		x, all, steps := newRuleIndex(), []checkedRule(nil), 0
		for i := range 40 {
			rule := randomRule(r)
			rule.Name = fmt.Sprint(i)
			want := ""
			if at := slices.IndexFunc(all, func(a checkedRule) bool { return hides(a, rule) }); at >= 0 {
				want = all[at].Name
			}
			got, ok := x.first(rule, &steps, func(a checkedRule) bool { return hides(a, rule) })
			if got.Name != want || ok != (want != "") {
				t.Fatalf("rule %d is hidden by %q, want %q", i, got.Name, want)
			}
			all = append(all, rule)
			if ok {
				hidden++
				continue
			}
			shown++
			if rule.Rate == (model.Rate{}) {
				x.add(rule)
			}
		}
	}
	if hidden < 1000 || shown < 1000 {
		t.Errorf("%d rules are hidden, %d not", hidden, shown)
	}
}
