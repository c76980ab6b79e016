package keep

import (
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
)

// TestFromFile starts by clocks that are right and wrong, with a station that was seen an hour before the
// other.
func TestFromFile(t *testing.T) {
	last := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	known := []stationfile.Station{
		{First: last.Add(-48 * time.Hour), Last: last.Add(-time.Hour)},
		{First: last.Add(-24 * time.Hour), Last: last},
	}
	for _, c := range []struct{ away, want time.Duration }{
		{0, 0}, {10 * time.Minute, 10 * time.Minute}, {maxAway, maxAway},
		{-time.Minute, 0}, {-56 * 365 * 24 * time.Hour, 0}, {maxAway + 1, 0}, {73 * 365 * 24 * time.Hour, 0},
	} {
		now := time.Minute
		got := fromFile(known, now, last.Add(c.away))
		if got[1].Last != now-c.want || got[0].Last != now-c.want-time.Hour || got[0].First != now-c.want-48*time.Hour {
			t.Errorf("by a clock %v after the file, it was seen at %v and %v, first at %v; want %v, and an hour before", c.away,
				got[1].Last, got[0].Last, got[0].First, now-c.want)
		}
	}
}
