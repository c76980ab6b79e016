package files

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A copier copies files and trees of them, as cp, and as mv between file systems.
type copier struct {
	c   *command.Call
	ask asker

	recursive, preserve, follow bool // -R -p -L
	force, interactive          bool // -f -i
	keep, update                bool // -n -u
	hard, symbolic              bool // -l -s
	removeFirst, verbose        bool // --remove-destination -v
	reflink, reflinkOnly        bool

	made map[inode]string // what was copied, by its source: another link to it becomes one
	dirs map[inode]bool   // directories that were made: they are not copied into themselves
}

// An inode is a file, whatever its name.
type inode struct{ dev, ino uint64 }

func inodeOf(st *unix.Stat_t) inode { return inode{st.Dev, st.Ino} }

// A step is one file on its way.
type step struct {
	from, to string
	src, dst unix.Stat_t
	exists   bool // what to names
	follow   bool // links of from
}

// copy copies a file. followTop is for from alone, not for what is in it. It says itself what has failed.
func (p *copier) copy(from, to string, followTop bool) bool {
	s := step{from: from, to: to, follow: p.follow || followTop}
	look := unix.Lstat
	if s.follow {
		look = unix.Stat
	}
	err := look(from, &s.src)
	if err != nil {
		if p.hard || p.symbolic {
			return p.linkTo(&s) // links to what is not there are links
		}
		return p.fail(command.Cannot("stat", from, err))
	}
	if err = unix.Lstat(to, &s.dst); err != nil && err != unix.ENOENT {
		return p.fail(command.Cannot("stat", to, err))
	}
	if s.exists = err == nil; s.exists {
		if inodeOf(&s.src) == inodeOf(&s.dst) {
			return p.fail(fmt.Errorf("'%s' and '%s' are the same file", from, to))
		}
		if p.keep {
			return true
		}
	}
	if isDir(&s.src) {
		return p.directory(&s)
	}
	if s.exists && p.update && s.src.Mtim.Sec <= s.dst.Mtim.Sec {
		return true
	}
	if s.exists && p.removeFirst {
		if again, ok := p.makeWay(&s, unix.EEXIST); !again {
			return ok
		}
		s.exists = false
	}
	switch {
	case p.hard || p.symbolic:
		return p.linkTo(&s)
	case kind(&s.src) == unix.S_IFREG, !p.recursive && !isLink(&s.src):
		return p.contents(&s)
	}
	return p.special(&s)
}

func (p *copier) fail(err error) bool {
	p.c.Fail(err)
	return false
}

// makeWay removes what the copy is to be called, if that is wanted. It reports whether to try again, and if
// not, whether all is well, as somebody wants it so.
func (p *copier) makeWay(s *step, why error) (again, ok bool) {
	if !p.force && !p.interactive {
		return false, p.fail(command.Cannot("create", s.to, why))
	}
	if p.interactive && !p.ask.yes("overwrite '%s'", s.to) {
		return false, true
	}
	if unix.Unlink(s.to) != nil {
		return false, p.fail(command.Cannot("create", s.to, why))
	}
	if p.removeFirst && p.verbose {
		fmt.Fprintf(p.c.Stdout, "removed '%s'\n", s.to)
	}
	return true, true
}

// linkTo makes a link instead of a copy.
func (p *copier) linkTo(s *step) bool {
	link := unix.Link
	if p.symbolic {
		link = unix.Symlink
	}
	return p.link(s, s.from, link)
}

func (p *copier) link(s *step, target string, link func(from, to string) error) bool {
	err := link(target, s.to)
	if err == nil {
		return true
	}
	if again, ok := p.makeWay(s, err); !again {
		return ok
	}
	if err = link(target, s.to); err != nil {
		return p.fail(command.Cannot("create", s.to, err))
	}
	return true
}

// directory copies one with what is in it.
func (p *copier) directory(s *step) (ok bool) {
	switch {
	case !p.recursive:
		return p.fail(fmt.Errorf("omitting directory '%s'", s.from))
	case p.dirs[inodeOf(&s.src)]:
		return p.fail(fmt.Errorf("recursion detected, omitting directory '%s'", s.from))
	case s.exists && !isDir(&s.dst):
		return p.fail(fmt.Errorf("target '%s' is not a directory", s.to))
	}
	umask := uint32(0)
	if !s.exists {
		old := unix.Umask(0)
		unix.Umask(old)
		if !p.preserve {
			umask = uint32(old)
		}
		err := unix.Mkdir(s.to, s.src.Mode&0o7777|unix.S_IRWXU)
		if err == nil {
			err = unix.Lstat(s.to, &s.dst)
		}
		if err != nil {
			return p.fail(command.Cannot("create directory", s.to, err))
		}
	}
	if p.dirs == nil {
		p.dirs = map[inode]bool{}
	}
	p.dirs[inodeOf(&s.dst)] = true
	all, err := names(s.from)
	if ok = err == nil; !ok {
		p.c.Fail(err)
	}
	for _, name := range all {
		ok = p.copy(join(s.from, name), join(s.to, name), false) && ok
	}
	if !s.exists {
		if err := unix.Chmod(s.to, s.src.Mode&0o7777&^umask); err != nil {
			p.c.Warn(command.Named(s.to, err))
		}
	}
	p.attributes(s)
	return p.told(s) && ok
}

// contents copies what is in a file.
func (p *copier) contents(s *step) bool {
	if !s.follow {
		if first, done := p.made[inodeOf(&s.src)]; done {
			return p.link(s, first, unix.Link)
		}
		if p.made == nil {
			p.made = map[inode]string{}
		}
		p.made[inodeOf(&s.src)] = s.to
	}
	from, err := os.Open(s.from)
	if err != nil {
		return p.fail(command.Cannot("open", s.from, err))
	}
	defer from.Close()
	mode := os.FileMode(0o666)
	if kind(&s.src) == unix.S_IFREG {
		mode = fileMode(s.src.Mode)
	}
	how := os.O_TRUNC
	if p.interactive {
		how = os.O_EXCL
	}
	to, err := os.OpenFile(s.to, os.O_WRONLY|os.O_CREATE|how, mode)
	if err != nil {
		if again, ok := p.makeWay(s, errors.Unwrap(err)); !again {
			return ok
		}
		if to, err = os.OpenFile(s.to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err != nil {
			return p.fail(command.Cannot("create", s.to, err))
		}
	}
	err = errors.Join(p.pour(to, from), command.Named(s.to, to.Close()))
	if err != nil {
		p.c.Fail(err)
	}
	if kind(&s.src) != unix.S_IFREG {
		return err == nil
	}
	p.attributes(s)
	return p.told(s) && err == nil
}

// fileMode is a mode in the words of package os.
func fileMode(mode uint32) os.FileMode {
	m := os.FileMode(mode & 0o777)
	for bit, word := range map[uint32]os.FileMode{
		unix.S_ISUID: os.ModeSetuid, unix.S_ISGID: os.ModeSetgid, unix.S_ISVTX: os.ModeSticky,
	} {
		if mode&bit != 0 {
			m |= word
		}
	}
	return m
}

// pour is the copy itself; its errors name the file that they are of.
func (p *copier) pour(to, from *os.File) error {
	if p.reflink {
		err := unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
		if err == nil || p.reflinkOnly {
			return command.Named(to.Name(), err)
		}
	}
	_, err := io.Copy(to, from)
	var path *os.PathError
	if errors.As(err, &path) {
		return command.Named(path.Path, err)
	}
	return command.Named(to.Name(), err)
}

// special copies what is no file of bytes and no directory.
func (p *copier) special(s *step) bool {
	if s.exists {
		if again, ok := p.makeWay(s, unix.EEXIST); !again {
			return ok
		}
	}
	if !isLink(&s.src) {
		if err := unix.Mknod(s.to, s.src.Mode, int(s.src.Rdev)); err != nil {
			return p.fail(command.Cannot("create", s.to, err))
		}
		p.attributes(s)
		return p.told(s)
	}
	target, err := os.Readlink(s.from)
	if err == nil {
		err = os.Symlink(target, s.to)
	}
	if err != nil {
		return p.fail(command.Cannot("create symlink", s.to, err))
	}
	if p.preserve {
		if err := unix.Lchown(s.to, int(s.src.Uid), int(s.src.Gid)); err != nil {
			p.c.Warn(command.Named(s.to, err))
		}
	}
	return p.told(s)
}

// attributes takes over times, owner and mode for -p. A copy is a copy without them.
func (p *copier) attributes(s *step) {
	if !p.preserve {
		return
	}
	mode := s.src.Mode & 0o7777
	warn := func(err error) {
		if err != nil {
			p.c.Warn(command.Named(s.to, err))
		}
	}
	warn(unix.UtimesNanoAt(unix.AT_FDCWD, s.to, []unix.Timespec{s.src.Mtim, s.src.Mtim}, 0))
	if err := unix.Chown(s.to, int(s.src.Uid), int(s.src.Gid)); err != nil {
		mode &^= unix.S_ISUID | unix.S_ISGID // they would be of another owner
		warn(err)
	}
	warn(unix.Chmod(s.to, mode))
}

func (p *copier) told(s *step) bool {
	if p.verbose {
		fmt.Fprintf(p.c.Stdout, "'%s' -> '%s'\n", s.from, s.to)
	}
	return true
}
