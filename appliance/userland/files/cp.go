package files

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const cpHelp = `	-R -r	directories with what is in them
	-a	-dpR: as it is
	-p	times, owners and modes too
	-d -P -L -H	links as links; what they lead to; of the command line
	-f -i -n	remove what cannot be written; ask; overwrite nothing
	-u	if newer
	-l -s	make links instead
	-t DIR -T	into the directory; not into one
	-v	say what is copied
	--parents --remove-destination --reflink[=auto|always]
`

const (
	cpRemove  = 1 // letters of long options
	cpParents = 2
	cpReflink = 3
)

func copying() map[string]command.Command {
	return map[string]command.Command{
		"cp": {
			Usage: "[-aRrdPLHpfinlsuTv] SOURCE DEST\n[OPTION]... SOURCE... DIRECTORY\n[OPTION]... -t DIRECTORY SOURCE...", Help: cpHelp,
			Letters: "pdRfinlsLHarPvuTt:\x03::",
			Long: map[string]byte{
				"archive": 'a', "force": 'f', "interactive": 'i', "no-clobber": 'n', "link": 'l',
				"dereference": 'L', "no-dereference": 'P', "recursive": 'R', "symbolic-link": 's',
				"no-target-directory": 'T', "target-directory": 't', "verbose": 'v', "update": 'u',
				"remove-destination": cpRemove, "parents": cpParents, "reflink": cpReflink,
			},
			Run: cp,
		},
		"mv": {
			Usage:   "[-finTv] SOURCE DEST\n[OPTION]... SOURCE... DIRECTORY\n[OPTION]... -t DIRECTORY SOURCE...",
			Help:    "\t-f -i -n\tnever ask; ask before something is overwritten; overwrite nothing\n\t-t DIR -T\tinto the directory; not into one\n\t-v\tsay what is moved\n",
			Letters: "finTt:v",
			Long: map[string]byte{
				"interactive": 'i', "force": 'f', "no-clobber": 'n', "no-target-directory": 'T',
				"target-directory": 't', "verbose": 'v',
			},
			Run: mv,
		},
		"rm": {
			Usage: "[-irfv] FILE...", Help: "\t-r -R\tdirectories with what is in them\n\t-f -i\tnever ask, and be silent of what is not there; ask\n\t-v\tsay what is removed\n",
			Letters: "firRv", Run: rm,
		},
	}
}

func cp(c *command.Call) {
	o, ok := choose(c, "l!s s!l Pd rRd Rd apdR i-n n-i")
	if !ok || !operands(c, 1, 0) {
		return
	}
	p := &copier{
		c: c, ask: asker{c: c}, recursive: o['R'], preserve: o['p'], follow: !o['d'] || o['L'],
		force: o['f'] || o[cpRemove], interactive: o['i'], keep: o['n'], update: o['u'], hard: o['l'],
		symbolic: o['s'], removeFirst: o[cpRemove], verbose: o['v'],
	}
	if how, given := c.Value(cpReflink); given {
		if p.reflink, p.reflinkOnly = true, how != "auto"; how != "" && how != "auto" && how != "always" {
			c.Misused("--reflink=%s: expected auto or always", how)
			return
		}
	}
	dir, given := c.Value('t')
	if !given {
		if len(c.Args) < 2 || len(c.Args) > 2 && o['T'] {
			c.Misused("expected a source and a destination")
			return
		}
		dir, c.Args = c.Args[len(c.Args)-1], c.Args[:len(c.Args)-1]
		if len(c.Args) == 1 {
			if alone, ok := cpAlone(p, o, c.Args[0], dir); !ok {
				return
			} else if alone {
				p.copy(c.Args[0], dir, o['H'])
				return
			}
		}
	}
	if !isDestination(c, dir, o[cpParents]) {
		return
	}
	for _, from := range c.Args {
		to := into(dir, from)
		if !o[cpParents] {
			from = withoutSlash(from)
		} else {
			to = join(dir, from)
			if !makeDirs(c, filepath.Dir(to), 0, false, dirOptions{parents: true}) {
				return
			}
		}
		p.copy(from, to, o['H'])
	}
}

// isDestination reports whether files can be copied or moved to a name: several need a directory, or one that
// is going to be made.
func isDestination(c *command.Call, name string, made bool) bool {
	there, dir, ok := exists(c, name, unix.Stat)
	if ok && !dir && (there || !made) && len(c.Args) > 1 {
		c.Fail(command.Named(name, unix.ENOTDIR))
		return false
	}
	return ok
}

// cpAlone reports whether one source is copied to the very name of the destination, not into it.
func cpAlone(p *copier, o chosen, from, to string) (alone, ok bool) {
	look := unix.Lstat
	if p.follow {
		look = unix.Stat
	}
	_, fromDir, ok1 := exists(p.c, from, look)
	toThere, toDir, ok2 := exists(p.c, to, unix.Stat)
	switch {
	case !ok1 || !ok2:
		return false, false
	case o['T'] && !fromDir && toDir:
		return false, p.fail(fmt.Errorf("'%s' is a directory", to))
	case o[cpParents] && !toDir:
		return false, p.fail(fmt.Errorf("with --parents, the destination must be a directory: '%s'", to))
	}
	return !fromDir && !toDir || p.recursive && fromDir && !toThere || o['T'], true
}

// exists looks whether there is a file, and a directory. Anything but that there is none is an error.
func exists(c *command.Call, name string, look func(string, *unix.Stat_t) error) (there, dir, ok bool) {
	var st unix.Stat_t
	switch err := look(name, &st); err {
	case nil:
		return true, isDir(&st), true
	case unix.ENOENT:
		return false, false, true
	default:
		c.Fail(command.Cannot("stat", name, err))
		return false, false, false
	}
}
