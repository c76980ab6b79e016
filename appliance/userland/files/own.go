package files

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/filemode"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

func owning() map[string]command.Command {
	const help = "\t-R\twhat is in directories too\n\t-c -v\tsay what was changed; say all\n\t-f\tno complaints\n"
	const links = "\t-h\tlinks themselves\n\t-L -H -P\twith -R: into links to directories; of the command line only; none\n"
	long := map[string]byte{
		"recursive": 'R', "dereference": 1, "no-dereference": 'h', "changes": 'c', "silent": 'f',
		"quiet": 'f', "verbose": 'v',
	}
	return map[string]command.Command{
		"chmod": {Usage: "[-Rcvf] MODE[,MODE]... FILE...", Help: help, Raw: true, Run: chmod},
		"chown": {Usage: "[-RhLHPcvf] USER[:[GROUP]] FILE...", Help: help + links, Letters: "RhvcfLHP",
			Long: long, Run: chown},
		"chgrp": {Usage: "[-RhLHPcvf] GROUP FILE...", Help: help + links, Letters: "RhvcfLHP", Long: long,
			Run: chown},
	}
}

// A walker does something to files and to what is in them, as chmod -R.
type walker struct {
	c                                   *command.Call
	recursive, first, followTop, follow bool // first: a directory before what is in it
	quiet                               bool
	do                                  func(name string, st *unix.Stat_t, depth int) error
}

// walk does it to a file, and says itself what has failed.
func (w *walker) walk(name string, depth int) bool {
	look := lstat
	if w.follow || w.followTop && depth == 0 {
		look = stat
	}
	st, err := look(name)
	if err != nil {
		w.c.Fail(err)
		return false
	}
	if !isDir(&st) || !w.recursive {
		return w.one(name, &st, depth)
	}
	if w.first && !w.one(name, &st, depth) {
		return false
	}
	all, err := names(name)
	if err != nil {
		w.c.Fail(err)
		return false
	}
	ok := true
	for _, file := range all {
		ok = w.walk(join(name, file), depth+1) && ok
	}
	return (w.first || w.one(name, &st, depth)) && ok
}

func (w *walker) one(name string, st *unix.Stat_t, depth int) bool {
	err := w.do(name, st, depth)
	switch {
	case err == nil:
		return true
	case w.quiet:
		w.c.Exit(1)
	default:
		w.c.Fail(command.Named(name, err))
	}
	return false
}

// chmod reads its arguments itself: "-w" is a mode.
func chmod(c *command.Call) {
	mode, found := "", false
	for i, arg := range c.Args {
		if arg == "--" || !strings.HasPrefix(arg, "-") {
			break
		}
		if len(arg) > 1 && strings.IndexByte("-Rvcf", arg[1]) < 0 {
			c.Args = append(append([]string{}, c.Args[:i]...), c.Args[i+1:]...)
			mode, found = arg, true
			break
		}
	}
	var err error
	if c.Options, c.Args, err = getopt.ParseLong(c.Args, "Rvcf", nil); err != nil {
		c.Misused("%v", err)
		return
	}
	if !found && len(c.Args) > 0 {
		mode, c.Args = c.Args[0], c.Args[1:]
	}
	if !operands(c, 1, 0) {
		return
	}
	umask := currentUmask()
	if _, err := filemode.Parse(mode, 0, umask); err != nil {
		c.Fail(err)
		return
	}
	w := &walker{c: c, recursive: c.Has('R'), first: true, quiet: c.Has('f')}
	w.do = func(name string, st *unix.Stat_t, depth int) error {
		if depth == 0 {
			if err := unix.Stat(name, st); err != nil {
				return err
			}
		} else if isLink(st) {
			return nil
		}
		next, err := filemode.Parse(mode, st.Mode, umask)
		if err == nil {
			err = unix.Chmod(name, next&filemode.All)
		}
		if err == nil && (c.Has('v') || c.Has('c') && (st.Mode^next)&filemode.All != 0) {
			fmt.Fprintf(c.Stdout, "mode of '%s' changed to %04o (%s)\n", name, next&filemode.All,
				modeString(next)[1:])
		}
		return err
	}
	for _, name := range c.Args {
		w.walk(name, 0)
	}
}

func chown(c *command.Call) {
	if !operands(c, 2, 0) {
		return
	}
	uid, gid, err := ownerIDs(c.Args[0], c.Name == "chgrp")
	if err != nil {
		c.Fail(err)
		return
	}
	top := c.Has('L') || c.Has('H')
	call := unix.Chown
	if c.Has('h') || c.Has('R') && !top {
		call = unix.Lchown
	}
	w := &walker{c: c, recursive: c.Has('R'), followTop: top, follow: c.Has('L'), quiet: c.Has('f')}
	w.do = func(name string, st *unix.Stat_t, _ int) error {
		u, g := uid, gid
		if u < 0 {
			u = int(st.Uid)
		}
		if g < 0 {
			g = int(st.Gid)
		}
		err := call(name, u, g)
		if err == nil && (c.Has('v') || c.Has('c') && (int(st.Uid) != u || int(st.Gid) != g)) {
			fmt.Fprintf(c.Stdout, "changed ownership of '%s' to %d:%d\n", name, u, g)
		}
		return err
	}
	for _, name := range c.Args[1:] {
		w.walk(name, 0)
	}
}

// ownerIDs reads USER, USER:GROUP, USER: (its own group), :GROUP, with "." for ":" too; names or numbers; -1
// is: as it is.
func ownerIDs(text string, group bool) (uid, gid int, err error) {
	if group {
		gid, err = groupID(text)
		return -1, gid, err
	}
	i := strings.IndexByte(text, '.')
	if i < 0 {
		i = strings.IndexByte(text, ':')
	}
	if i == 0 {
		gid, err = groupID(text[1:])
		return -1, gid, err
	}
	if i < 0 {
		uid, _, err = userID(text)
		return uid, -1, err
	}
	if uid, gid, err = userID(text[:i]); err == nil && text[i+1:] != "" {
		gid, err = groupID(text[i+1:])
	}
	return uid, gid, err
}

// userID is that of a name or number, with its group, which for a number that nobody has is the same.
func userID(name string) (uid, gid int, err error) {
	u, lookErr := user.Lookup(name)
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		if u, lookErr = user.LookupId(name); lookErr != nil {
			return int(n), int(n), nil
		}
	}
	if lookErr != nil {
		return -1, -1, fmt.Errorf("unknown user %q", name)
	}
	if uid, err = strconv.Atoi(u.Uid); err == nil {
		gid, err = strconv.Atoi(u.Gid)
	}
	return uid, gid, err
}

func groupID(name string) (int, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return -1, fmt.Errorf("unknown group %q", name)
	}
	return strconv.Atoi(g.Gid)
}
