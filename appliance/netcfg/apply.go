package netcfg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// maxRounds is more than any plan needs: one per kind of change, and some again because of what others did.
const maxRounds = 20

// Apply makes the network namespace of the calling thread equal to want. It returns what it changed, each as the
// command that does the same, and one error that joins all that could not be done; the rest is done.
func Apply(ctx context.Context, want Config) (changes []string, err error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("network: netlink: %w", err)
	}
	defer handle.Close()
	a := applier{kernel: kernel{handle}, failed: map[string]error{}}
	for range maxRounds {
		settled, err := a.round(ctx, want)
		if err != nil {
			return a.done, fmt.Errorf("network: %w", err)
		}
		if settled {
			return a.done, a.err()
		}
	}
	return a.done, errors.Join(a.err(), errors.New("network: something changes it back as fast as it is set"))
}

type applier struct {
	kernel
	done     []string
	failed   map[string]error // by change
	problems []error          // of the last look
}

// round looks at the kernel and makes the changes of the first kind that there are.
func (a *applier) round(ctx context.Context, want Config) (settled bool, err error) {
	have, err := a.observe(want.Sysctls)
	if err != nil {
		return false, err
	}
	changes, problems := diff(have, want)
	a.problems = problems
	changes = slices.DeleteFunc(changes, func(c change) bool { return a.failed[c.String()] != nil })
	for _, c := range changes {
		if c.op != changes[0].op {
			break
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if err := a.execute(c); err != nil {
			a.failed[c.String()] = err
			continue
		}
		a.done = append(a.done, c.String())
	}
	return len(changes) == 0, nil
}

// err joins all that could not be done, what failed in the order of its commands.
func (a *applier) err() error {
	errs := slices.Clone(a.problems)
	for _, line := range slices.Sorted(maps.Keys(a.failed)) {
		errs = append(errs, fmt.Errorf("%s: %w", line, a.failed[line]))
	}
	for i, err := range errs {
		errs[i] = fmt.Errorf("network: %w", err)
	}
	return errors.Join(errs...)
}
