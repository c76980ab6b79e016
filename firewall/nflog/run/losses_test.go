package run

import (
	"strings"
	"testing"
	"time"
)

// TestLosses: they are told until none came for a while, and then forgotten.
func TestLosses(t *testing.T) {
	var l losses
	want := func(now time.Duration, want string) {
		t.Helper()
		if got := strings.Join(l.problems(now), "|"); got != want {
			t.Errorf("after %s: %q, want %q", now, got, want)
		}
	}
	l.add(time.Second, 0)
	want(time.Second, "")
	l.add(time.Minute, 3)
	want(time.Minute, "Of what the firewall logged in the last 1s, 3 packets are missing: more came than could be read.")
	l.add(8*time.Minute, 4)
	l.add(9*time.Minute, 0)
	want(17*time.Minute, "Of what the firewall logged in the last 16m, 7 packets are missing: more came than could be read.")
	want(18*time.Minute, "")
	l.add(time.Hour, 1)
	want(time.Hour+time.Second, "Of what the firewall logged in the last 1s, 1 packets are missing: more came than could be read.")
}
