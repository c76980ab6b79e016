package nft

import (
	"reflect"
	"slices"
	"sync"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// An Owner loads one policy after the other, and changes no more of the kernel's table than it must: for the
// same policy nothing, for one that differs in its live sets alone their elements, and else the rules, as
// [Load] does. It must be the only one that loads; bans are not its business. The zero value has loaded
// nothing yet.
type Owner struct {
	mu     sync.Mutex
	loaded *firewall.Loaded
}

// Set makes the kernel's rules those of a policy. With an error the rules before it still hold.
func (o *Owner) Set(l firewall.Loaded) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.loaded == nil || !reflect.DeepEqual(rulesOf(*o.loaded), rulesOf(l)) {
		table, err := l.Table()
		if err != nil {
			return err
		}
		if err := Load(table); err != nil {
			return err
		}
	} else if before, sets := otherSets(o.loaded.Policy, l.Policy); len(sets) > 0 {
		if err := Replace(firewall.TableName, before, sets); err != nil {
			return err
		}
	}
	o.loaded = &l
	return nil
}

// rulesOf is l without what can change while the rules stay.
func rulesOf(l firewall.Loaded) firewall.Loaded {
	l.Policy.Sets = slices.Clone(l.Policy.Sets)
	for i := range l.Policy.Sets {
		if l.Policy.Sets[i].Live {
			l.Policy.Sets[i].Networks = nil
		}
	}
	return l
}

// otherSets are the live sets of to that have other networks in from, which has the same sets, as they are in
// both.
func otherSets(from, to firewall.Policy) (before, after []firewall.Set) {
	for i, s := range to.Sets {
		if s.Live && !slices.Equal(from.Sets[i].Networks, s.Networks) {
			before, after = append(before, from.Sets[i].Sets()...), append(after, s.Sets()...)
		}
	}
	return before, after
}
