package sh

import (
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/multicall"
)

// What the shell ignores stays ignored in what it starts (XCU 2.12), also in commands of this box, which do
// not see it by themselves (multicall.Ignored).
//
//	trap '' TERM ──► ignored in a command
//	             ├─► a shell, where neither trap nor its - changes it
//	             └─► a subshell, where they do

// entry learns what whoever has started the shell ignores. No trap changes that (XCU trap).
func (s *shell) entry() {
	for _, sig := range multicall.Ignored() {
		s.fixed[sig.(unix.Signal)] = true
	}
	for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGINT} {
		s.fixed[sig] = ignored(sig)
	}
}

// ignores reports whether the shell ignores a signal.
func (s *shell) ignores(sig unix.Signal) bool {
	action, trapped := s.traps[name(sig)]
	return trapped && action == "" || s.fixed[sig]
}

// startIgnoring is for the start of a program, and after it.
func (s *shell) startIgnoring() (after func()) {
	var all []unix.Signal
	for _, sig := range append(taken(), unix.SIGTERM) {
		if s.ignores(sig) {
			all = append(all, sig)
		}
	}
	return multicall.StartIgnoring(all)
}
