package netcfg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// maxRounds is more than any plan needs: one per kind of change, and some again because of what others did.
const maxRounds = 20

// Apply makes n equal to want. It returns what it changed, each as the command that does the same, and one
// error that joins all that could not be done; the rest is done.
func Apply(ctx context.Context, n Network, want Config) (changes []string, err error) {
	r := makeEqual(ctx, n, want, past{})
	for _, c := range r.done {
		changes = append(changes, c.String())
	}
	return changes, told(slices.Concat(r.missing(), r.wrong()))
}

// A Network is what is made equal to a plan: the kernel's, or a test's.
type Network interface {
	// Observe reads all that Diff asks about.
	Observe(wanted []Sysctl) (State, error)
	// Execute makes one change.
	Execute(c Change) error
}

// A result says how far a plan could be applied.
type result struct {
	done     []Change
	links    map[string]LinkState // as they were last seen; nil: they could not be listed
	problems []error              // what cannot be done as things are, links that are missing among them
	refused  map[string]refusal   // what the kernel did not do, by its command
	cause    error                // why it ended early

	first, last map[Address]bool // the addresses as they were found, and as they were last seen

	later bool // settings are looked at when all else is done
}

// past is what earlier plans have left.
type past struct {
	up []string // links that they had up, and that are to be set down
	// links are what links had that got another hardware address or MTU, by name; nil: nobody remembers.
	links    map[string]LinkState
	settings []Sysctl // of the last plan that was applied
}

// of returns a plan in which links that say nothing of address and MTU get back what they had.
func (p past) of(want Config, links map[string]LinkState) Config {
	want.Links = slices.Clone(want.Links)
	for i, l := range want.Links {
		was, changed := p.links[l.Name]
		if !changed || links[l.Name].Index != was.Index {
			continue
		}
		want.Links[i].MAC, want.Links[i].MTU = cmp.Or(l.MAC, was.MAC), cmp.Or(l.MTU, was.MTU)
	}
	return want
}

// remember keeps what a link had before c.
func (p past) remember(c Change, had LinkState) {
	if p.links == nil || c.Op != SetMAC && c.Op != SetMTU || p.links[c.Link.Name].Index == had.Index {
		return
	}
	p.links[c.Link.Name] = had
}

// A refusal is a change that the kernel did not make.
type refusal struct {
	Change
	err error
}

func makeEqual(ctx context.Context, n Network, want Config, p past) result {
	r := result{refused: map[string]refusal{}, later: slices.Equal(p.settings, want.Sysctls)}
	for range maxRounds {
		settled, err := r.round(ctx, n, want, p)
		if settled || err != nil {
			r.cause = err
			return r
		}
	}
	r.cause = errors.New("something changes it back as fast as it is set")
	return r
}

// round looks at the network and makes the changes of the first kind that there are. Settings come first, for
// a link must not be up without its own. But they are many files, which take longer to read than all else:
// those that were set before are looked at last, if no link is to be changed.
func (r *result) round(ctx context.Context, n Network, want Config, p past) (settled bool, err error) {
	if r.later {
		want.Sysctls = nil
	}
	have, err := n.Observe(want.Sysctls)
	if err != nil {
		return false, err
	}
	changes, problems := Diff(have, p.of(want, have.Links), p.up)
	changes = slices.DeleteFunc(changes, func(c Change) bool { return r.refused[c.String()].err != nil })
	if r.later && (len(changes) == 0 || changes[0].Op < ChangeAddress) {
		r.later = false
		return false, nil
	}
	r.links, r.problems = have.Links, problems
	if r.last = have.Addresses; r.first == nil {
		r.first = have.Addresses
	}
	if err := r.execute(ctx, n, changes, have, p); err != nil {
		return false, err
	}
	return len(changes) == 0, nil
}

// execute makes the changes of the first kind.
func (r *result) execute(ctx context.Context, n Network, changes []Change, have State, p past) error {
	for _, c := range changes {
		if c.Op != changes[0].Op {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := n.Execute(c); err != nil {
			r.refused[c.String()] = refusal{c, err}
			continue
		}
		p.remember(c, have.Links[c.Link.Name])
		r.done = append(r.done, c)
	}
	return nil
}

// gone are the addresses of ours that the box has no more, in order.
func (r *result) gone() []netip.Addr {
	is := map[netip.Addr]bool{}
	for a := range r.last {
		is[a.Prefix.Addr()] = true
	}
	var all []netip.Addr
	for a, ours := range r.first {
		if ours && !is[a.Prefix.Addr()] {
			all = append(all, a.Prefix.Addr())
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// missing is what there is to say of links that are not there.
func (r *result) missing() []error {
	return slices.DeleteFunc(slices.Clone(r.problems), func(err error) bool { return !isAbsence(err) })
}

// wrong is everything else that could not be done, what was refused in the order of its commands.
func (r *result) wrong() []error {
	errs := slices.DeleteFunc(slices.Clone(r.problems), isAbsence)
	for _, line := range slices.Sorted(maps.Keys(r.refused)) {
		errs = append(errs, fmt.Errorf("%s: %w", line, r.refused[line].err))
	}
	if r.cause != nil {
		errs = append(errs, r.cause)
	}
	return errs
}

// told joins errors for those who do not know that they are about the network; nil if there are none.
func told(errs []error) error {
	var all []error
	for _, err := range errs {
		all = append(all, fmt.Errorf("network: %w", err))
	}
	return errors.Join(all...)
}

// again reports whether it may go better in a while, with the links as they are.
func (r *result) again() bool { return r.cause != nil || len(r.refused) > 0 }

// refusedOn joins what was refused on one link.
func (r *result) refusedOn(link string) error {
	var errs []error
	for _, line := range slices.Sorted(maps.Keys(r.refused)) {
		if f := r.refused[line]; f.on() == link {
			errs = append(errs, fmt.Errorf("%s: %w", line, f.err))
		}
	}
	return errors.Join(errs...)
}
