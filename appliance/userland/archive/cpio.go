package archive

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Options of cpio that have no letter.
const (
	optQuiet      = 0xff
	optToStdout   = 0xfe
	optNoDevice   = 0xfd
	optRenumber   = 0xfc
	cpioLetters   = "it0uvdmLF:R:oH:p\xff\xfe\xfd\xfc"
	nobodyInPlace = -1 // the owner is who it was
)

var cpioCommand = command.Command{
	Usage: "-i|-t|-o -H newc|-p DIR [-dmuvL0] [-F ARCHIVE] [OPTION]... [PATTERN]...",
	Help: `	-i	take files out of an archive
	-t	say what is in it
	-o	make one of files, whose names are read, of the format newc
	-p DIR	copy files, whose names are read, to there
	-d	make directories that are needed
	-m	keep times
	-u	replace what is newer too
	-v	names; with -t all there is to know
	-L	what links lead to
	-0	names end with NUL
	-R USER[:GROUP]	who owns what is made
	-F ARCHIVE	instead of standard input, or output
	--quiet  --to-stdout  --ignore-devno  --renumber-inodes
`,
	Letters: cpioLetters,
	Long: map[string]byte{
		"extract": 'i', "list": 't', "create": 'o', "format": 'H', "pass-through": 'p', "owner": 'R',
		"verbose": 'v', "null": '0', "quiet": optQuiet, "to-stdout": optToStdout, "ignore-devno": optNoDevice,
		"renumber-inodes": optRenumber,
	},
	Run: runCpio,
}

// A cpio is one.
type cpio struct {
	*command.Call
	lister
	uid, gid int // of -R
}

func runCpio(c *command.Call) {
	p := &cpio{Call: c, lister: newLister(c.Stdout.Underlying(), c.Stdout), uid: nobodyInPlace,
		gid: nobodyInPlace}
	if err := p.do(); err != nil && c.Stdout.Err() == nil { // whoever flushes says that
		c.Fail(err)
	}
}

func (p *cpio) do() (err error) {
	if owner, given := p.Value('R'); given {
		if p.uid, p.gid, err = owners(owner); err != nil {
			return err
		}
	}
	switch format, _ := p.Value('H'); {
	case p.Has('p'):
		if len(p.Args) == 0 {
			p.Misused("expected a directory")
			return nil
		}
		return p.copy(p.Args[0], p.Args[1:])
	case p.Has('o'):
		if !strings.HasPrefix(format, "n") {
			p.Misused("expected -H newc, the only format that is written")
			return nil
		}
		return p.create()
	case !p.Has('i') && !p.Has('t'):
		p.Misused("expected one of -i, -t, -o and -p")
		return nil
	}
	from := p.Stdin
	if name, given := p.Value('F'); given {
		f, err := os.Open(name)
		if err != nil {
			return command.Cannot("open", name, err)
		}
		defer f.Close()
		from = f
	}
	return p.read(from, "", p.Args)
}

// create writes an archive of the files whose names are read.
func (p *cpio) create() error {
	name, given := p.Value('F')
	if !given {
		to := bufio.NewWriterSize(p.Stdout, 64<<10)
		if err := p.write(to); err != nil {
			return err
		}
		return to.Flush()
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return command.Cannot("open", name, err)
	}
	to := bufio.NewWriterSize(f, 64<<10)
	if err = p.write(to); err == nil {
		err = command.Named(name, to.Flush())
	}
	if closed := f.Close(); err == nil {
		err = command.Named(name, closed)
	}
	return err
}

// copy is -p: an archive that is taken out while it is made.
func (p *cpio) copy(dir string, patterns []string) error {
	if p.Has('d') {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return command.Named(dir, err)
		}
	}
	if info, err := os.Stat(path.Join(dir, ".")); err != nil {
		return command.Named(dir, err)
	} else if !info.IsDir() {
		return command.Named(dir, unix.ENOTDIR)
	}
	r, w := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		to := bufio.NewWriterSize(w, 64<<10)
		err := p.write(to)
		if err == nil {
			err = to.Flush()
		}
		w.CloseWithError(err)
		failed <- err
	}()
	err := p.read(r, dir, patterns)
	r.CloseWithError(io.ErrClosedPipe)
	if writing := <-failed; writing != nil && writing != io.ErrClosedPipe {
		return writing
	}
	return err
}

// owners reads USER, USER:GROUP, :GROUP, and USER: for the user's own group.
func owners(text string) (uid, gid int, err error) {
	uid, gid = nobodyInPlace, nobodyInPlace
	name, group, both := strings.Cut(text, ":")
	if name != "" {
		if uid, err = strconv.Atoi(name); err != nil {
			u, err := user.Lookup(name)
			if err != nil {
				return 0, 0, fmt.Errorf("there is no user %q", name)
			}
			if uid, err = strconv.Atoi(u.Uid); err != nil {
				return 0, 0, err
			}
			if both && group == "" {
				group = u.Gid
			}
		}
	}
	if group != "" {
		if gid, err = strconv.Atoi(group); err != nil {
			g, err := user.LookupGroup(group)
			if err != nil {
				return 0, 0, fmt.Errorf("there is no group %q", group)
			}
			if gid, err = strconv.Atoi(g.Gid); err != nil {
				return 0, 0, err
			}
		}
	}
	return uid, gid, nil
}
