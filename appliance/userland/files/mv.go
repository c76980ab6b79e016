package files

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

func mv(c *command.Call) {
	o, ok := choose(c, "f-i-n i-f-n n-f-i t!T T!t")
	if !ok || !operands(c, 1, 0) {
		return
	}
	m := &mover{c: c, o: o, ask: asker{c: c}}
	dir, given := c.Value('t')
	if !given {
		if len(c.Args) < 2 || len(c.Args) > 2 && o['T'] {
			c.Misused("expected a source and a destination")
			return
		}
		dir, c.Args = c.Args[len(c.Args)-1], c.Args[:len(c.Args)-1]
		if len(c.Args) == 1 {
			there, isDir, ok := exists(c, dir, unix.Stat)
			if !ok {
				return
			}
			if _, fromDir, _ := exists(c, c.Args[0], unix.Stat); isDir && o['T'] && !fromDir {
				c.Fail(fmt.Errorf("%s is a directory", dir))
				return
			}
			if !isDir || o['T'] {
				m.move(c.Args[0], dir, there)
				return
			}
		}
	}
	if !isDestination(c, dir, false) {
		return
	}
	for _, from := range c.Args {
		from = withoutSlash(from)
		to := into(dir, from)
		if there, _, ok := exists(c, to, unix.Stat); ok {
			m.move(from, to, there)
		}
	}
}

// A mover is mv.
type mover struct {
	o   chosen
	c   *command.Call
	ask asker
}

func (m *mover) move(from, to string, there bool) {
	if there {
		if m.o['n'] {
			m.told(from, to)
			return
		}
		guarded := unix.Access(to, unix.W_OK) != nil && isTerminal(0)
		if !m.o['f'] && (guarded || m.o['i']) && !m.ask.yes("overwrite '%s'", to) {
			m.told(from, to)
			return
		}
	}
	switch err := unix.Rename(from, to); err {
	case nil:
	case unix.EXDEV:
		m.across(from, to)
	default:
		var st unix.Stat_t
		missing := from
		if err == unix.ENOENT && unix.Lstat(from, &st) == nil {
			missing = to // whose directory is not there
		}
		m.c.Fail(command.Named(missing, err))
	}
	m.told(from, to)
}

func (m *mover) told(from, to string) {
	if m.o['v'] {
		fmt.Fprintf(m.c.Stdout, "'%s' -> '%s'\n", from, to)
	}
}

// across moves between file systems: a copy beside the destination takes its name when it is whole, and what
// was moved is removed after that. What fails leaves both as they were.
func (m *mover) across(from, to string) {
	var src, dst unix.Stat_t
	if err := unix.Lstat(from, &src); err != nil {
		m.c.Fail(command.Named(from, err))
		return
	}
	there := unix.Lstat(to, &dst) == nil
	switch {
	case there && isDir(&dst) && !isDir(&src):
		m.c.Fail(fmt.Errorf("%s is a directory, and %s is none", to, from))
		return
	case there && !isDir(&dst) && isDir(&src):
		m.c.Fail(fmt.Errorf("%s is a directory, and %s is none", from, to))
		return
	}
	beside, err := os.MkdirTemp(filepath.Dir(filepath.Clean(to)), ".mv-")
	if err != nil {
		m.c.Fail(command.Named(to, err))
		return
	}
	defer os.RemoveAll(beside)
	whole := filepath.Join(beside, "whole")
	p := &copier{c: m.c, ask: m.ask, recursive: true, preserve: true}
	if !p.copy(from, whole, false) {
		return
	}
	if err := unix.Rename(whole, to); err != nil {
		m.c.Fail(command.Named(to, err))
		return
	}
	r := &remover{c: m.c, recursive: true, force: true}
	r.remove(from)
}
