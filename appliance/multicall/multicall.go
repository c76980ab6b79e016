// Package multicall is for a program that is many commands, as busybox is: which one, it is told by the name
// that it is called by. Signals, and ending the process, are left to the program, and to those of its
// commands that are mains.
package multicall

import (
	"context"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// A Command is a function. args[0] is the name that it is called by, the result its exit status.
// ctx ends when the process is asked to end.
type Command func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

// A Table has the commands of a program by their names.
type Table struct {
	Commands map[string]Command
	// Mains see to signals and to the end of the process themselves, as the shell does.
	Mains map[string]func()
}

// Names are all that the program may be called by, sorted, for the one who makes the links.
func (t Table) Names() []string {
	all := slices.Collect(maps.Keys(t.Commands))
	all = slices.AppendSeq(all, maps.Keys(t.Mains))
	slices.Sort(all)
	return slices.Compact(all)
}

// Command returns the command of the name that a process is called by, which may be a path; nil when there is
// none.
func (t Table) Command(called string) Command { return t.Commands[Name(called)] }

// Main returns the main that a process is called for; nil when there is none, or a Command of that name.
func (t Table) Main(called string) func() {
	if t.Command(called) != nil {
		return nil
	}
	return t.Mains[Name(called)]
}

// Name is that of the command that a process is called for, by a path perhaps. It knows that "-sh" is the
// shell of a login.
func Name(called string) string { return strings.TrimPrefix(filepath.Base(called), "-") }
