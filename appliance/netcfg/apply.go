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

// Apply makes the network namespace of the calling thread equal to want. It returns what it changed, each as the
// command that does the same, and one error that joins all that could not be done; the rest is done.
func Apply(ctx context.Context, want Config) (changes []string, err error) {
	k, err := openKernel()
	if err != nil {
		return nil, err
	}
	defer k.Close()
	r := makeEqual(ctx, k, want)
	for _, c := range r.done {
		changes = append(changes, c.String())
	}
	return changes, told(slices.Concat(r.missing(), r.wrong()))
}

// A network is what is made equal to a plan: the kernel's, or a test's.
type network interface {
	// observe reads all that diff asks about.
	observe(wanted []Sysctl) (state, error)
	// execute makes one change.
	execute(c change) error
}

// A result says how far a plan could be applied.
type result struct {
	done     []change
	links    map[string]linkState // as they were last seen; nil: they could not be listed
	problems []error              // what cannot be done as things are, links that are missing among them
	refused  map[string]refusal   // what the kernel did not do, by its command
	cause    error                // why it ended early
}

// A refusal is a change that the kernel did not make.
type refusal struct {
	change
	err error
}

func makeEqual(ctx context.Context, n network, want Config) result {
	r := result{refused: map[string]refusal{}}
	for range maxRounds {
		settled, err := r.round(ctx, n, want)
		if settled || err != nil {
			r.cause = err
			return r
		}
	}
	r.cause = errors.New("something changes it back as fast as it is set")
	return r
}

// round looks at the network and makes the changes of the first kind that there are.
func (r *result) round(ctx context.Context, n network, want Config) (settled bool, err error) {
	have, err := n.observe(want.Sysctls)
	if err != nil {
		return false, err
	}
	changes, problems := diff(have, want)
	r.links, r.problems = have.links, problems
	changes = slices.DeleteFunc(changes, func(c change) bool { return r.refused[c.String()].err != nil })
	for _, c := range changes {
		if c.op != changes[0].op {
			break
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if err := n.execute(c); err != nil {
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
