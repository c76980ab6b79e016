package nft

import (
	"reflect"
	"slices"
	"sync"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// An Owner loads one policy after the other, and changes no more of the kernel's table than it must: for a
// policy with the same rules nothing, for one that differs in its live sets alone their elements, and else
// the rules, as [Load] does. It must be the only one that loads; bans are not its business. The zero value
// has loaded nothing yet.
type Owner struct {
	mu     sync.Mutex
	loaded *firewall.Loaded
	arp    *firewall.Table
	asked  *question
}

// A question is what the kernel was last asked about a short cut, and what it said.
type question struct {
	devices []device
	able    bool
}

// Offload is as the function, and asks the kernel once about the same devices. To ask is a transaction, and
// at its end the kernel waits until no processor uses what it took away: so does whoever has a new address
// upstream, and then again for its rules.
func (o *Owner) Offload(devices []string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := existing(devices)
	if o.asked == nil || !slices.Equal(o.asked.devices, now) {
		able, err := offloads(now)
		if err != nil {
			o.asked = nil
			return nil
		}
		o.asked = &question{now, able}
	}
	if !o.asked.able {
		return nil
	}
	return namesOf(now)
}

// Set makes the kernel's rules those of a policy. With an error the rules before it still hold.
func (o *Owner) Set(l firewall.Loaded) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := l.Policy.Check(); err != nil {
		return err
	}
	if err := o.setARP(l); err != nil {
		return err
	}
	if o.loaded == nil || !sameRules(*o.loaded, l) {
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

// setARP makes the kernel's rules about ARP those of a policy.
func (o *Owner) setARP(l firewall.Loaded) error {
	arp := l.ARP()
	if o.arp != nil && reflect.DeepEqual(*o.arp, arp) {
		return nil
	}
	if err := Load(arp); err != nil {
		return err
	}
	o.arp = &arp
	return nil
}

// sameRules reports whether a and b have the same rules, and sets that could differ only in what changes
// while the rules stay. Not each policy that is another has other rules: these ask the kernel which addresses
// upstream are its own, and a new one does not wait for a transaction.
func sameRules(a, b firewall.Loaded) bool {
	a, b = rulesOf(a), rulesOf(b)
	if reflect.DeepEqual(a, b) {
		return true
	}
	if !reflect.DeepEqual(a.Policy.Sets, b.Policy.Sets) {
		return false
	}
	of, errA := a.Table()
	to, errB := b.Table()
	return errA == nil && errB == nil && reflect.DeepEqual(of, to)
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
