package admin

import (
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// TestSiteLines: which site runs, and what is to be done about it.
func TestSiteLines(t *testing.T) {
	when := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		runs box.Running
		want []string
	}{
		{box.Running{Note: "site 7 was applied to another image"}, []string{"of the image", "site 7 was applied to another image"}},
		{box.Running{Number: 8, Meta: bundle.Meta{When: when, Who: "ann", What: "a tablet"}},
			[]string{"8 of 2026-11-29 10:00:00 UTC by ann: a tablet"}},
		{box.Running{Number: 9, Trial: &box.TrialInfo{Number: 9, By: box.Person{Who: "bob", From: "192.168.32.6"}, Left: 42400 * time.Millisecond}},
			[]string{"9 of bob from 192.168.32.6, on trial for another 42s: gatehouse confirm, or rollback"}},
	} {
		if got := siteLines(c.runs); !slices.Equal(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
