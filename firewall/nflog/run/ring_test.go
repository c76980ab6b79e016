package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-os/gatehouse/firewall/nflog"
)

// TestRingBounds: whoever logs most loses, the order stays, and what is gone is known.
func TestRingBounds(t *testing.T) {
	g := newRing(10)
	g.add(nflog.Record{Rule: "once"})
	for range 1000 {
		g.add(nflog.Record{Rule: "flood"})
	}
	g.add(nflog.Record{Rule: "twice"})
	g.add(nflog.Record{Rule: "twice"})
	records, gone, _ := g.after(0)
	counts := map[string]int{}
	for i, r := range records {
		counts[r.Rule]++
		if i > 0 && r.Seq <= records[i-1].Seq {
			t.Errorf("record %d after %d", r.Seq, records[i-1].Seq)
		}
	}
	if fmt.Sprint(counts) != "map[flood:7 once:1 twice:2]" || !gone {
		t.Errorf("%v, gone %t", counts, gone)
	}
	if _, gone, _ := g.after(records[2].Seq); gone {
		t.Error("nothing behind that record is gone")
	}
}

// TestRingIsBoundedForAnyRules compares with what must hold after each of many records of many rules.
func TestRingIsBoundedForAnyRules(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	g := newRing(50)
	for seq := uint64(1); seq < 5000; seq++ {
		g.add(nflog.Record{Rule: fmt.Sprint(random.IntN(1 + random.IntN(100)))})
		records, _, _ := g.after(0)
		sum := 0
		for _, n := range g.of {
			sum += n
		}
		if len(records) > 50 || sum != len(records) || records[len(records)-1].Seq != seq {
			t.Fatalf("after %d: %d records, %d counted, the newest %d", seq, len(records), sum, records[len(records)-1].Seq)
		}
	}
}

func TestRingFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRing(4)
		ctx, cancel := context.WithCancel(t.Context())
		got, release, done := []string{}, make(chan struct{}), make(chan error)
		go func() {
			done <- g.follow(ctx, 0, func(r nflog.Record, missing bool) error {
				got = append(got, fmt.Sprint(r.Seq, missing))
				<-release
				return nil
			})
		}()
		synctest.Wait()
		g.add(nflog.Record{Rule: "a"})
		synctest.Wait()
		for range 6 { // while the reader is busy
			g.add(nflog.Record{Rule: "a"})
		}
		close(release)
		synctest.Wait()
		g.add(nflog.Record{Rule: "a"})
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if want := "[1 false 4 true 5 false 6 false 7 false 8 false]"; fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
	})
}
