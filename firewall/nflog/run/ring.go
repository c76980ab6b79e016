package run

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/gatehouse-os/gatehouse/firewall/nflog"
)

// maxRecords is how many packets are kept, at about 300 bytes each.
const maxRecords = 2000

// A ring keeps the last records. When there are too many, the rule that has most of them loses its oldest: one that logs
// all the time does not push out what another logged once.
type ring struct {
	max int

	mu      sync.Mutex
	records []nflog.Record // in the order of Seq
	of      map[string]int
	seq     uint64        // of the newest
	gone    uint64        // the newest that had to go
	changed chan struct{} // closed when one comes; nil: nobody waits
}

func newRing(max int) *ring { return &ring{max: max, of: map[string]int{}} }

// add keeps r by the next number.
func (g *ring) add(r nflog.Record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.records) >= g.max {
		g.makeRoom()
	}
	g.seq++
	r.Seq = g.seq
	g.records = append(g.records, r)
	g.of[r.Rule]++
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

func (g *ring) makeRoom() {
	most := ""
	for rule, n := range g.of {
		if n > g.of[most] {
			most = rule
		}
	}
	i := slices.IndexFunc(g.records, func(r nflog.Record) bool { return r.Rule == most })
	g.gone = max(g.gone, g.records[i].Seq)
	g.records = slices.Delete(g.records, i, i+1)
	if g.of[most]--; g.of[most] == 0 {
		delete(g.of, most)
	}
}

// after returns the records newer than seq, whether some such are gone already, and what is closed when another comes.
func (g *ring) after(seq uint64) (records []nflog.Record, gone bool, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i, _ := slices.BinarySearchFunc(g.records, seq+1, func(r nflog.Record, seq uint64) int { return cmp.Compare(r.Seq, seq) })
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	return slices.Clone(g.records[i:]), g.gone > seq, g.changed
}

// follow calls each for the records newer than seq as they come, until ctx ends or each fails. missing says that some
// before this one came and went while each was busy.
func (g *ring) follow(ctx context.Context, seq uint64, each func(r nflog.Record, missing bool) error) error {
	for {
		records, gone, changed := g.after(seq)
		for _, r := range records {
			if err := each(r, gone); err != nil {
				return err
			}
			seq, gone = r.Seq, false
		}
		if len(records) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
