package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall/nflog"
)

// TestCards: who floods is named for a minute, whoever else does; others are not.
func TestCards(t *testing.T) {
	var c cards
	if got := c.problems(time.Hour); got == nil || len(got) != 0 {
		t.Errorf("nobody did anything: %q", got)
	}
	add := func(at time.Duration, rule, mac string) {
		c.add(nflog.Record{Up: at, Rule: rule, In: "eth1", MAC: mac})
	}
	add(time.Second, "refused", "02:00:00:00:00:01")
	add(time.Second, "arp", "02:00:00:00:00:02")
	for range manyOf {
		add(2*time.Second, "arp", "02:00:00:00:00:02")
		add(3*time.Second, "neighbours", "02:00:00:00:00:03")
	}
	for n := range manyOf { // less often
		add(time.Duration(n)*4*time.Second-80*time.Second, "arp", "02:00:00:00:00:01")
	}
	got := strings.Join(c.problems(10*time.Second), "\n")
	for _, want := range []string{
		"eth1: the card 02:00:00:00:00:02 " + cardReasons["arp"] + "; some of it was dropped 8s ago: gatehouse firewall log arp",
		"eth1: the card 02:00:00:00:00:03 " + cardReasons["neighbours"] + "; some of it was dropped 7s ago: gatehouse firewall log neighbours",
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if strings.Contains(got, "00:01") {
		t.Errorf("a card that did nothing to neighbours is named: %q", got)
	}
	for n := range 10_000 {
		for range manyOf {
			add(4*time.Second, "arp", fmt.Sprintf("02:00:5e:00:%02x:%02x", n>>8, n&255))
		}
	}
	if got := c.problems(10 * time.Second); len(got) > 2*toldCards+2 || len(c.seen) > maxCards {
		t.Errorf("of many cards %d are remembered, and told is %q", len(c.seen), got)
	}
	if got := c.problems(4*time.Second + cardLately); len(got) != 0 {
		t.Errorf("after a minute: %q", got)
	}
}
