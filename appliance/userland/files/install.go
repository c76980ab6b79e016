package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/filemode"
)

const installHelp = `	-d	make directories
	-D	make the directories above the destination
	-m MODE -o USER -g GROUP	not rwxr-xr-x, not one's own
	-p	times too
	-t DIR -T	into the directory; not into one
	-v	say what is made
`

func installing() map[string]command.Command {
	return map[string]command.Command{"install": {
		Usage: "[-dDpvT] [-m MODE] [-o USER] [-g GROUP] [-t DIR] SOURCE... [DEST]",
		Help:  installHelp, Letters: "cdDpvTm:o:g:t:", Run: install,
		Long: map[string]byte{
			"directory": 'd', "preserve-timestamps": 'p', "verbose": 'v', "no-target-directory": 'T',
			"mode": 'm', "owner": 'o', "group": 'g', "target-directory": 't',
		},
	}}
}

// An installer makes files that are copies, and directories.
type installer struct {
	c        *command.Call
	mode     uint32
	uid, gid int // -1: as they come
}

// install copies files, each beside its destination, which it replaces when it is whole.
func install(c *command.Call) {
	p := installer{c: c, mode: 0o755, uid: -1, gid: -1}
	err := p.options()
	if err != nil {
		c.Fail(err)
		return
	}
	dir, given := c.Value('t')
	switch {
	case given && (c.Has('T') || c.Has('d')):
		c.Misused("-t does not go with -T and -d")
		return
	case c.Has('d') || given:
		if !operands(c, 1, 0) {
			return
		}
	case c.Has('T'):
		if !operands(c, 2, 2) {
			return
		}
	case !operands(c, 2, 0):
		return
	}
	unix.Umask(0o022) // what is made on the way may be entered by all
	switch {
	case c.Has('d'):
		for _, dir := range c.Args {
			p.directory(dir)
		}
	case given:
		p.intoDirectory(dir, c.Args)
	default:
		last := c.Args[len(c.Args)-1]
		var st unix.Stat_t
		if isThere := unix.Stat(last, &st) == nil && isDir(&st); !c.Has('T') && (isThere || len(c.Args) > 2) {
			p.intoDirectory(last, c.Args[:len(c.Args)-1])
			return
		}
		if !c.Has('D') || p.above(last) {
			p.file(c.Args[0], last)
		}
	}
}

func (p *installer) options() (err error) {
	if text, given := p.c.Value('m'); given {
		if p.mode, err = filemode.Parse(text, 0, 0); err != nil {
			return err
		}
	}
	if text, given := p.c.Value('o'); given {
		if p.uid, _, err = userID(text); err != nil {
			return err
		}
	}
	if text, given := p.c.Value('g'); given {
		p.gid, err = groupID(text)
	}
	return err
}

// above makes the directories that a file is in.
func (p *installer) above(name string) bool {
	return p.make(dirName(name))
}

// make makes a directory and those above it.
func (p *installer) make(dir string) bool {
	o := dirOptions{parents: true}
	if p.c.Has('v') {
		o.told = func(dir string) {
			fmt.Fprintf(p.c.Stdout, "install: creating directory '%s'\n", withoutSlash(dir))
		}
	}
	return makeDirs(p.c, dir, 0, false, o)
}

func (p *installer) directory(name string) {
	if !p.make(name) {
		return
	}
	err := unix.Chmod(name, p.mode)
	if err == nil && (p.uid >= 0 || p.gid >= 0) {
		err = unix.Chown(name, p.uid, p.gid)
	}
	if err != nil {
		p.c.Fail(command.Named(name, err))
	}
}

func (p *installer) intoDirectory(dir string, sources []string) {
	if p.c.Has('D') && p.c.Has('t') && !p.make(dir) {
		return
	}
	if st, err := stat(dir); err != nil || !isDir(&st) {
		p.c.Fail(errors.Join(err, fmt.Errorf("%s is no directory", dir)))
		return
	}
	for _, source := range sources {
		p.file(source, into(dir, source))
	}
}

func (p *installer) file(from, to string) {
	if err := p.copy(from, to); err != nil {
		p.c.Fail(err)
		return
	}
	if p.c.Has('v') {
		fmt.Fprintf(p.c.Stdout, "'%s' -> '%s'\n", from, to)
	}
}

func (p *installer) copy(from, to string) error {
	var src unix.Stat_t
	if err := unix.Stat(from, &src); err != nil {
		return command.Cannot("stat", from, err)
	}
	if isDir(&src) {
		return fmt.Errorf("omitting directory '%s'", from)
	}
	var dst unix.Stat_t
	if unix.Lstat(to, &dst) == nil {
		switch {
		case inodeOf(&src) == inodeOf(&dst):
			return fmt.Errorf("'%s' and '%s' are the same file", from, to)
		case isDir(&dst):
			return fmt.Errorf("'%s' is a directory", to)
		}
	}
	in, err := os.Open(from)
	if err != nil {
		return command.Cannot("open", from, err)
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), "."+lastPart(to)+".*")
	if err != nil {
		return command.Cannot("create", to, err)
	}
	err = p.fill(out, in, &src)
	if err = errors.Join(err, command.Named(to, out.Close())); err == nil {
		err = command.Named(to, unix.Rename(out.Name(), to))
	}
	if err != nil {
		os.Remove(out.Name())
	}
	return err
}

// fill makes a new file what it shall be.
func (p *installer) fill(out, in *os.File, src *unix.Stat_t) error {
	if _, err := io.Copy(out, in); err != nil {
		return command.Named(in.Name(), err)
	}
	if p.c.Has('p') {
		times := []unix.Timespec{src.Atim, src.Mtim}
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, out.Name(), times, 0); err != nil {
			return command.Named(out.Name(), err)
		}
	}
	if p.uid >= 0 || p.gid >= 0 {
		if err := out.Chown(p.uid, p.gid); err != nil {
			return command.Named(in.Name(), err)
		}
	}
	return command.Named(out.Name(), unix.Fchmod(int(out.Fd()), p.mode))
}
