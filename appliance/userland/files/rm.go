package files

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

func rm(c *command.Call) {
	o, ok := choose(c, "f-i i-f rR")
	if !ok {
		return
	}
	if len(c.Args) == 0 {
		if !o['f'] {
			c.Misused("an operand is missing")
		}
		return
	}
	r := &remover{c: c, ask: asker{c: c}, recursive: o['R'], force: o['f'], interactive: o['i'],
		verbose: o['v']}
	for _, name := range c.Args {
		switch last := lastPart(name); {
		case last == "." || last == "..":
			c.Fail(fmt.Errorf("%s: . and .. are not removed", name))
		default:
			r.remove(withoutSlash(name))
		}
	}
}

// A remover is rm.
type remover struct {
	c                                      *command.Call
	ask                                    asker
	recursive, force, interactive, verbose bool
}

// remove removes a file, and says itself what has failed.
func (r *remover) remove(name string) bool {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		if err == unix.ENOENT && r.force {
			return true
		}
		return r.fail(name, err)
	}
	if isDir(&st) {
		return r.directory(name)
	}
	if r.hesitates(name, !isLink(&st)) && !r.ask.yes("remove '%s'", name) {
		return true
	}
	if err := unix.Unlink(name); err != nil {
		return r.fail(name, err)
	}
	if r.verbose {
		fmt.Fprintf(r.c.Stdout, "removed '%s'\n", name)
	}
	return true
}

func (r *remover) fail(name string, err error) bool {
	r.c.Fail(command.Cannot("remove", name, err))
	return false
}

// hesitates reports whether a person is asked first.
func (r *remover) hesitates(name string, guarded bool) bool {
	return r.interactive || !r.force && guarded && isTerminal(0) && unix.Access(name, unix.W_OK) != nil
}

func (r *remover) directory(name string) bool {
	if !r.recursive {
		r.c.Fail(fmt.Errorf("'%s' is a directory", name))
		return false
	}
	if r.hesitates(name, true) && !r.ask.yes("descend into directory '%s'", name) {
		return true
	}
	all, err := names(name)
	if err != nil {
		r.c.Fail(err)
		return false
	}
	ok := true
	for _, file := range all {
		ok = r.remove(join(name, file)) && ok
	}
	if r.interactive && !r.ask.yes("remove directory '%s'", name) {
		return ok
	}
	if !ok {
		return false
	}
	if err := unix.Rmdir(name); err != nil {
		return r.fail(name, err)
	}
	if r.verbose {
		fmt.Fprintf(r.c.Stdout, "removed directory: '%s'\n", name)
	}
	return true
}
