package main

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// TestConfig: what ours is to say, it can.
func TestConfig(t *testing.T) {
	c := config()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if c.Links[0].Name != wire.ServerLink {
		t.Errorf("it is on %s", c.Links[0].Name)
	}
}

// TestTable: medians, and how many times ours.
func TestTable(t *testing.T) {
	var out strings.Builder
	printTable(&out, []*server{{program: program{name: "a"}}, {program: program{name: "b"}}}, [][]sample{
		{{cpu: time.Second, p50: 1, p99: 1}, {cpu: 9 * time.Second, p50: 1, p99: 1}, {cpu: 2 * time.Second, p50: 1, p99: 1}},
		{{cpu: 5 * time.Second, p50: 1, p99: 1, lost: 3}},
	})
	for _, want := range []string{"2s", "5s (2.50)", "not answered              0                   3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
