package netcfg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// maxRounds is more than any plan needs: one per kind of change, and some again because of what others did.
const maxRounds = 20

// Apply makes n equal to want. It returns what it changed, each as the command that does the same, and one
// error that joins all that could not be done; the rest is done.
func Apply(ctx context.Context, n Network, want Config) (changes []string, err error) {
	r := makeEqual(ctx, n, want, nil)
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
}

// A refusal is a change that the kernel did not make.
type refusal struct {
	Change
	err error
}

func makeEqual(ctx context.Context, n Network, want Config, former []string) result {
	r := result{refused: map[string]refusal{}}
	for range maxRounds {
		settled, err := r.round(ctx, n, want, former)
		if settled || err != nil {
			r.cause = err
			return r
		}
	}
	r.cause = errors.New("something changes it back as fast as it is set")
	return r
}

// round looks at the network and makes the changes of the first kind that there are.
func (r *result) round(ctx context.Context, n Network, want Config, former []string) (settled bool, err error) {
	have, err := n.Observe(want.Sysctls)
	if err != nil {
		return false, err
	}
	changes, problems := Diff(have, want, former)
	r.links, r.problems = have.Links, problems
	changes = slices.DeleteFunc(changes, func(c Change) bool { return r.refused[c.String()].err != nil })
	for _, c := range changes {
		if c.Op != changes[0].Op {
			break
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if err := n.Execute(c); err != nil {
			r.refused[c.String()] = refusal{c, err}
			continue
		}
		r.done = append(r.done, c)
	}
	return len(changes) == 0, nil
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
