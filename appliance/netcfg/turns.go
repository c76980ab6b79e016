package netcfg

import (
	"fmt"
	"slices"
	"sync"
)

// A Notice is one thing that the kernel has told.
type Notice struct {
	Down int  // the index of a link that is down or gone; 0: another thing
	Lost bool // there was more to tell than the socket holds
}

// maxDown bounds the links that are remembered for having been down. Beyond, all may have been.
const maxDown = 1024

// news gathers notices until they are looked at.
type news struct {
	wake chan struct{} // has something in it when there are any

	mu   sync.Mutex
	down down
}

// down are links that were down, if only for a moment.
type down struct {
	links map[int]bool // by index
	any   bool         // nobody knows which: the kernel had too much to tell
}

func (d down) has(index int) bool { return d.any || d.links[index] }

func newNews() *news { return &news{wake: make(chan struct{}, 1)} }

func (n *news) add(heard Notice) {
	n.mu.Lock()
	if heard.Down != 0 && !n.down.any {
		if n.down.links == nil {
			n.down.links = map[int]bool{}
		}
		n.down.links[heard.Down] = true
	}
	if heard.Lost || len(n.down.links) > maxDown {
		n.down = down{any: true}
	}
	n.mu.Unlock()
	wake(n.wake)
}

// take returns what has been gathered.
func (n *news) take() down {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.down
	n.down = down{}
	return d
}

// wake makes sure that something is in a channel that holds one.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// turns are the links of a plan that are not what they were a look ago. A card that was taken out and put
// back has gone and come, by its index, even if nobody saw it missing.
type turns struct {
	gone, come []Link
	// was down, or may have been, and is up: the kernel has dropped routes and IPv6 addresses
	back []Link
}

func (t turns) none() bool { return len(t.gone)+len(t.come)+len(t.back) == 0 }

// turnsOf compares two looks; between holds the links that were down in between. A link that is set down is
// no turn: somebody wants it so.
func turnsOf(want []Link, then, now map[string]LinkState, between down) turns {
	var t turns
	for _, l := range want {
		was, had := then[l.Name]
		is, has := now[l.Name]
		same := had && has && was.Index == is.Index
		if had && !same {
			t.gone = append(t.gone, l)
		}
		if has && !same {
			t.come = append(t.come, l)
		}
		if same && is.Up && (!was.Up || between.has(is.Index)) {
			t.back = append(t.back, l)
		}
	}
	return t
}

// lines are what to tell people of the turns after the plan was applied with the result r. known are the
// links that were there before.
func (t turns) lines(r *result, known map[string]bool) []string {
	var all []string
	for _, l := range t.gone {
		all = append(all, l.label()+" is gone")
	}
	for _, l := range t.come {
		how := "is there"
		if known[l.Name] {
			how = "is back"
		}
		all = append(all, configured(l, r, how))
	}
	for _, l := range t.back {
		if slices.ContainsFunc(r.done, func(c Change) bool { return c.on() == l.Name }) {
			all = append(all, configured(l, r, "is up again"))
		}
	}
	return all
}

func configured(l Link, r *result, how string) string {
	if err := r.refusedOn(l.Name); err != nil {
		return fmt.Sprintf("%s %s, but could not be configured: %v", l.label(), how, err)
	}
	return fmt.Sprintf("%s %s and configured", l.label(), how)
}
