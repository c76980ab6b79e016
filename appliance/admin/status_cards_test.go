package admin

import (
	"testing"

	"github.com/gatehouse-os/gatehouse/site"
)

// TestWithNames: cards of hosts of the site have their names behind them, once.
func TestWithNames(t *testing.T) {
	hosts := []site.Host{{Name: "web1", MACs: []site.MAC{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}}, {Name: "laptop", MACs: []site.MAC{{2, 0, 0, 0, 0, 0xaf}}}}
	for text, want := range map[string]string{
		"": "", "no card": "no card", "the card ": "the card ", "the card 02:00": "the card 02:00",
		"the card 02:00:00:00:00:03 is":                                       "the card 02:00:00:00:00:03 is",
		"the card 02:00:00:00:00:af":                                          "the card 02:00:00:00:00:af of laptop",
		"of the card 02:00:00:00:00:01, of which, the card 02:00:00:00:00:AF": "of the card 02:00:00:00:00:01 of web1, of which, the card 02:00:00:00:00:AF of laptop",
		"the card 02:00:00:00:00:02 of tv, and card card 02:00:00:00:00:02":   "the card 02:00:00:00:00:02 of tv, and card card 02:00:00:00:00:02 of web1",
	} {
		if got := withNames(text, hosts); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
