package main

import (
	"strings"
	"testing"
	"time"
)

// TestTable: medians, how many times ours, and sums of what must not be.
func TestTable(t *testing.T) {
	var out strings.Builder
	printTable(&out, []*server{{program: program{name: "a"}}, {program: program{name: "b"}}}, [][]sample{
		{{perSecond: 100, paceCPU: time.Microsecond, p99: 3}, {perSecond: 900, paceCPU: time.Second, p99: 3},
			{perSecond: 200, paceCPU: 2 * time.Microsecond, p99: 3}},
		{{perSecond: 500, paceCPU: time.Microsecond, lost: 3, p99: 3}},
	}, 1000)
	for _, want := range []string{"200                 500 (2.50)", "2µs                 1µs (0.50)",
		"not answered                            0                   3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestPercentile(t *testing.T) {
	r := result{latency: []time.Duration{1, 2, 3, 4}}
	if r.percentile(50) != 3 || r.percentile(99) != 4 || (&result{}).percentile(99) != 0 {
		t.Errorf("%v %v", r.percentile(50), r.percentile(99))
	}
}
