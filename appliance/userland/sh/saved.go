package sh

import (
	"maps"
	"os"

	"golang.org/x/sys/unix"
)

// saved are the files that redirections have replaced. Only their numbers come back: what exec does meanwhile
// with others, in a loop or a function, stays.
type saved struct {
	*shell
	before map[int]int // descriptors by their numbers, -1: none
}

// put gives a descriptor a number, and keeps the one that had it; -1 takes the number away.
func (r *saved) put(to, fd int) {
	if _, seen := r.before[to]; !seen {
		old := r.descriptor(to)
		r.before[to] = old
		r.held[old]++
	}
	r.shell.put(to, fd)
}

// undo gives numbers back what they had.
func (r *saved) undo() {
	if r == nil {
		return
	}
	var over []int
	for n, old := range r.before {
		over = append(over, r.descriptor(n))
		r.shell.put(n, old)
		r.release(old)
	}
	for _, fd := range over {
		r.close(fd)
	}
}

// keep forgets what numbers had.
func (r *saved) keep() {
	if r == nil {
		return
	}
	for _, old := range r.before {
		r.release(old)
		r.close(old)
	}
}

func (r *saved) release(fd int) {
	if r.held[fd]--; r.held[fd] == 0 {
		delete(r.held, fd)
	}
}

// put gives a descriptor a number; -1 takes it away. Who has the table of before keeps it.
func (s *shell) put(to, fd int) {
	s.fds = maps.Clone(s.fds)
	if fd < 0 {
		delete(s.fds, to)
		return
	}
	s.fds[to] = fd
}

// close closes a descriptor of the process that has no number any more, nor gets one back. The first three
// stay open, for what opens a file expects to get no other: what they were, perhaps a pipe that somebody
// reads to its end, is closed.
func (s *shell) close(fd int) {
	if fd < 0 || s.held[fd] > 0 {
		return
	}
	for _, used := range s.fds {
		if used == fd {
			return
		}
	}
	switch {
	case fd > 2:
		unix.Close(fd)
	case !s.interactive():
		null, err := openFile(os.DevNull, unix.O_RDWR, 0)
		if err != nil {
			unix.Close(fd)
			return
		}
		_ = unix.Dup3(null, fd, unix.O_CLOEXEC) // both are open
		unix.Close(null)
	}
}
