package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall/nflog"
)

const (
	cardLately = time.Minute // how long what a card did is a problem to tell
	maxCards   = 64          // that are remembered
	toldCards  = 3           // of each reason
)

// cardReasons are the names by which rules log what a card does to its neighbours, and what that is.
var cardReasons = map[string]string{
	"arp":        "says of addresses that they are its own which are not, or are of no network there",
	"neighbours": "comes with more addresses, or asks for more, than hosts do",
}

// cards are those that did so lately.
type cards struct {
	mu   sync.Mutex
	last map[cardKey]time.Duration // since the kernel started
}

type cardKey struct{ reason, link, mac string }

// add notes a record. When there are many the one that was silent longest goes.
func (c *cards) add(r nflog.Record) {
	if cardReasons[r.Rule] == "" || r.MAC == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = map[cardKey]time.Duration{}
	}
	key := cardKey{r.Rule, r.In, r.MAC}
	if _, known := c.last[key]; !known && len(c.last) >= maxCards {
		delete(c.last, c.sorted()[maxCards-1])
	}
	c.last[key] = r.Up
}

// sorted are all that are remembered, those of one reason and link together, who was heard last first; the very
// last is who was silent longest.
func (c *cards) sorted() []cardKey {
	return slices.SortedFunc(maps.Keys(c.last), func(a, b cardKey) int {
		return cmp.Or(cmp.Compare(c.last[b], c.last[a]), cmp.Compare(a.mac, b.mac), cmp.Compare(a.reason, b.reason), cmp.Compare(a.link, b.link))
	})
}

// problems says at now which cards did what, some sentences at most.
func (c *cards) problems(now time.Duration) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, more := []string{}, map[string]int{}
	for _, key := range c.sorted() {
		if now-c.last[key] >= cardLately {
			continue
		}
		if more[key.reason]++; more[key.reason] <= toldCards {
			all = append(all, fmt.Sprintf("%s: the card %s %s; some of it was dropped %s ago: gatehouse firewall log %s", key.link, key.mac,
				cardReasons[key.reason], (now-c.last[key]).Round(time.Second), key.reason))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(more)) {
		if n := more[reason] - toldCards; n > 0 {
			all = append(all, fmt.Sprintf("at least %d more cards: gatehouse firewall log %s", n, reason))
		}
	}
	return all
}
