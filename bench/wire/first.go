package wire

import (
	"fmt"
	"os"
)

// First has all processes of this session take turns before those of others, as far as the kernel groups processes so
// (sched(7), "The autogroup feature"), and returns what undoes it.
func First() (undo func(), err error) {
	const file = "/proc/self/autogroup"
	b, err := os.ReadFile(file)
	if err != nil {
		return func() {}, nil // it does not group them
	}
	var group, nice int
	if _, err := fmt.Sscanf(string(b), "/autogroup-%d nice %d", &group, &nice); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	set := func(nice int) error { return os.WriteFile(file, fmt.Appendln(nil, nice), 0) }
	return func() { _ = set(nice) }, set(-20)
}
