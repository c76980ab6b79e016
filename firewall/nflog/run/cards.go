package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/internal/span"
)

const (
	cardLately = time.Minute // how long what a card did is a problem to tell
	maxCards   = 64          // that are remembered
	toldCards  = 3           // of each reason
	manyOf     = 20          // in a minute: a host of another network asks now and then, and is no problem
)

// cardReasons are the names by which rules log what a card does to its neighbours, and what that is.
var cardReasons = map[string]string{
	"arp":        "says of addresses that they are its own which are not, or are of no network there",
	"neighbours": "comes with more addresses, or asks for more, than hosts do",
}

// cards are those that did so lately.
type cards struct {
	mu   sync.Mutex
	seen map[cardKey]sightings
}

type cardKey struct{ reason, link, mac string }

// sightings are how often in this minute of one card and the one before. Times are since the kernel started.
type sightings struct {
	last, since time.Duration
	now, before int
}

// many reports whether a card was seen often enough at a time to be told of.
func (s sightings) many(at time.Duration) bool {
	return at-s.last < cardLately && max(s.now, s.before) >= manyOf
}

// add notes a record. When there are many the one that was silent longest goes.
func (c *cards) add(r nflog.Record) {
	if cardReasons[r.Rule] == "" || r.MAC == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[cardKey]sightings{}
	}
	key := cardKey{r.Rule, r.In, r.MAC}
	s, known := c.seen[key]
	if !known && len(c.seen) >= maxCards {
		delete(c.seen, c.sorted()[maxCards-1])
	}
	if past := r.Up - s.since; !known || past >= cardLately {
		if past >= 2*cardLately {
			s.now = 0
		}
		s = sightings{since: r.Up, before: s.now}
	}
	s.last, s.now = r.Up, s.now+1
	c.seen[key] = s
}

// sorted are all that are remembered, those of one reason and link together, who was heard last first; the
// very last is who was silent longest.
func (c *cards) sorted() []cardKey {
	return slices.SortedFunc(maps.Keys(c.seen), func(a, b cardKey) int {
		return cmp.Or(cmp.Compare(c.seen[b].last, c.seen[a].last), cmp.Compare(a.mac, b.mac),
			cmp.Compare(a.reason, b.reason), cmp.Compare(a.link, b.link))
	})
}

// problems says at now which cards did what, some sentences at most.
func (c *cards) problems(now time.Duration) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, more := []string{}, map[string]int{}
	for _, key := range c.sorted() {
		if !c.seen[key].many(now) {
			continue
		}
		if more[key.reason]++; more[key.reason] <= toldCards {
			all = append(all, fmt.Sprintf("%s: the card %s %s; some of it was dropped %s ago: gatehouse firewall log %s", key.link, key.mac,
				cardReasons[key.reason], span.Text(now-c.seen[key].last), key.reason))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(more)) {
		if n := more[reason] - toldCards; n > 0 {
			all = append(all, fmt.Sprintf("at least %d more cards: gatehouse firewall log %s", n, reason))
		}
	}
	return all
}
