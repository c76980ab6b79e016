package fair

import (
	"net/netip"
	"time"
)

// A Loser is a client of which questions were dropped.
type Loser struct {
	Client  netip.Addr `json:"client"`
	Dropped uint64     `json:"dropped"` // since First, at least
	First   time.Time  `json:"first"`   // since then there was no pause of Memory
	Last    time.Time  `json:"last"`
}

// Memory is how long it is known that a client has lost something.
const Memory = 10 * time.Minute

// losersKept is how many clients are known. Whoever loses more than one of as many is among them.
const losersKept = 16

// losers are those that lost most, by Space-Saving (Metwally, Agrawal, El Abbadi, 2005): a new one takes the
// place of the one with the lowest mark and begins there, so that forged addresses push out no one who loses
// more.
type losers struct {
	all  uint64
	kept [losersKept]struct {
		Loser
		mark uint64
	}
}

// add counts a question that was dropped.
func (l *losers) add(addr netip.Addr, now time.Time) {
	l.all++
	least := &l.kept[0]
	for i := range l.kept {
		k := &l.kept[i]
		if now.Sub(k.Last) >= Memory {
			k.Loser, k.mark = Loser{Client: k.Client}, 0
		}
		if k.Client == addr {
			least = k
			break
		}
		if k.mark < least.mark {
			least = k
		}
	}
	if least.Client != addr || least.Dropped == 0 {
		least.Loser = Loser{Client: addr, First: now}
	}
	least.mark++
	least.Dropped++
	least.Last = now
}

// recent returns those that are known, the one that lost most first.
func (l *losers) recent(now time.Time) (all []Loser) {
	for i := range l.kept {
		if k := &l.kept[i]; k.Dropped > 0 && now.Sub(k.Last) < Memory {
			all = With(all, k.Loser)
		}
	}
	return all
}

// With returns clients with one more, in its place among them: the one that lost most is the first. They are
// few, and a sort for them would weigh as much as this package.
func With(all []Loser, l Loser) []Loser {
	i := len(all)
	for all = append(all, l); i > 0 && all[i-1].Dropped < l.Dropped; i-- {
		all[i] = all[i-1]
	}
	all[i] = l
	return all
}
