package sshadmin

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Our own choices: what is told of those that were turned away.
const (
	keptTurned = 256              // the last that are remembered
	crowdTime  = 30 * time.Second // for how long they are told of
	crowdSize  = 20               // so many are a crowd: fewer are clients that have given up
	namedMost  = 3                // sources that are named
)

// turned are the connections of late that were ended before a login, by somebody else's coming or by what
// they sent.
type turned struct {
	mu   sync.Mutex
	last []away // oldest first
}

// away is one of them.
type away struct {
	source source
	at     time.Duration // since the kernel started
}

// note adds one.
func (d *turned) note(from source, now time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.last) == keptTurned {
		d.last = slices.Delete(d.last, 0, 1)
	}
	d.last = append(d.last, away{from, now})
}

// crowd is a sentence about them for people, "" if they are few.
func (d *turned) crowd(now time.Duration) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = slices.DeleteFunc(d.last, func(a away) bool { return now-a.at > crowdTime })
	if len(d.last) < crowdSize {
		return ""
	}
	number, more := fmt.Sprint(len(d.last)), ""
	if len(d.last) == keptTurned {
		more = " or more"
	}
	count := map[string]int{}
	for _, a := range d.last {
		count[a.source.String()]++
	}
	return fmt.Sprintf("A crowd is at the door: %s%s connections were ended within half a minute before they had logged in, of %s.",
		number, more, most(count))
}

// most names who has most, with how many: "192.0.2.7 (12), 192.0.2.8 (3) and 2 more".
func most(count map[string]int) string {
	all := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	var words []string
	for _, name := range all[:min(len(all), namedMost)] {
		words = append(words, fmt.Sprintf("%s (%d)", name, count[name]))
	}
	text := strings.Join(words, ", ")
	if n := len(all) - namedMost; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
