package sh

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// console makes the shell one that talks with a person: it takes the terminal and the signals.
func (s *shell) console() error {
	tty, err := openTerminal(os.Stdin)
	if err != nil {
		return err
	}
	s.program.Ignore(unix.SIGTTOU)
	defer s.byDefault(unix.SIGTTOU)
	s.tty, s.edit = tty, newEditor(tty, s.complete)
	s.catch(handled()...)
	// Without a controlling terminal there is no job control: ^Z stops nothing.
	group, err := unix.IoctlGetInt(tty.fd(), unix.TIOCGPGRP)
	if err != nil {
		return nil //nolint:nilerr // said above
	}
	s.tty.group = group
	s.flags['m'] = true
	_ = unix.Setpgid(0, 0) // it leads a session then, and has a group
	s.takeBack()
	return nil
}

// giveBack restores the terminal.
func (s *shell) giveBack() {
	if s.tty.group > 0 {
		s.program.Ignore(unix.SIGTTOU)
		_ = unix.IoctlSetPointerInt(s.tty.fd(), unix.TIOCSPGRP, s.tty.group) // a hang-up is no news any more
	}
	s.tty.close()
}

// begin prepares the terminal for commands, and forgets what was pressed for an earlier line.
func (s *shell) begin() {
	s.gather()
	for _, sig := range pressed() {
		s.pending[sig].Store(false)
	}
	s.tty.cooked()
}

// settle takes the terminal behind the commands of a line.
func (s *shell) settle() {
	s.tty.settle()
}

// prompt tells of jobs, and is the name of the box, the directory and a # for root.
func (s *shell) prompt() string {
	s.notices()
	s.lines++
	name, err := os.Hostname()
	if err != nil || name == "" {
		name = "(none)"
	}
	name, _, _ = strings.Cut(name, ".")
	sign := "$"
	if os.Geteuid() == 0 {
		sign = "#"
	}
	return printable.String(name+":"+s.value("PWD")) + sign + " "
}

// prompted is the value of PS4, in which variables count.
func (s *shell) prompted(name string) string {
	value, set := s.parameter(name)
	if !set || !strings.ContainsAny(value, "$`") {
		return value
	}
	word, err := syntax.NewParser().Document(strings.NewReader(value))
	if err != nil {
		return value
	}
	traces := s.flags['x'] // not what is in it
	s.flags['x'] = false
	defer func() { s.flags['x'] = traces }()
	return s.documentText(word)
}
