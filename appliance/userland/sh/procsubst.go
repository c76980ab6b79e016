package sh

import (
	"fmt"
	"maps"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// A piped process is one of <( ) or >( ), with the number that the command has its other end by.
type pipedProcess struct {
	*proc
	number int
}

// highest is the number that the first of them gets.
const highest = 63

// processSubstitution starts what stands in <( ) or >( ), and returns the name of the other end of its output
// or input.
func (s *shell) processSubstitution(p *syntax.ProcSubst) string {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		s.abandon(exitUsage, "pipe: %v", err)
	}
	ours, theirs, number := ends[0], ends[1], 1
	if p.Op != syntax.CmdIn {
		ours, theirs, number = ends[1], ends[0], 0
	}
	files := maps.Clone(s.fds)
	files[number] = theirs
	pid, err := s.fork(p.Stmts, start{files: files}, false)
	unix.Close(theirs)
	if err != nil {
		unix.Close(ours)
		s.abandon(exitUsage, "%v", err)
	}
	free := highest
	for s.descriptor(free) >= 0 && free > 10 {
		free--
	}
	s.put(free, ours)
	s.piped = append(s.piped, pipedProcess{&proc{pid: pid}, free})
	return fmt.Sprintf("/dev/fd/%d", free)
}

// closePiped ends those of a command: all behind the first so many.
func (s *shell) closePiped(keep int) {
	for _, p := range s.piped[keep:] {
		fd := s.descriptor(p.number)
		s.put(p.number, -1)
		s.close(fd)
		p.wait(unix.WNOHANG) // who goes on is taken by the end of the shell
	}
	s.piped = s.piped[:keep]
}
