package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

func naming() map[string]command.Command {
	return map[string]command.Command{
		"ln": {
			Usage: "[-sfnbvT] [-S SUFFIX] TARGET... LINK|DIRECTORY", Letters: "sfnbS:vT", Run: ln,
			Help: "\t-s\tsymbolic links\n\t-f\tremove what has the name\n\t-n -T\tdo not go into a link to a directory; into none\n\t-b -S SUFFIX\tkeep what has the name, with ~ or the suffix\n\t-v\tsay what is linked\n",
		},
		"readlink": {Usage: "[-fnv] FILE",
			Help:    "\t-f\tthrough all links, as a whole path\n\t-n\tno end of line\n\t-v\tcomplain\n",
			Letters: "nfvsq", Run: readlink},
		"realpath": {Usage: "FILE...", Raw: true, Run: realpath},
		"basename": {
			Usage: "FILE [SUFFIX] | -a FILE... | -s SUFFIX FILE...",
			Help:  "\t-a\tseveral files\n\t-s SUFFIX\tas -a, without the suffix\n", Letters: "+as:",
			Run: basename,
		},
		"dirname": {Usage: "FILE", Raw: true, Run: func(c *command.Call) {
			if len(c.Args) > 1 && c.Args[0] == "--" {
				c.Args = c.Args[1:]
			}
			if operands(c, 1, 1) {
				c.Stdout.WriteString(dirName(c.Args[0]) + "\n")
			}
		}},
		"which": {Usage: "[-a] COMMAND...", Help: "\t-a\tall that there are\n", Letters: "a", Run: which},
		"pwd":   {Usage: "", Raw: true, Run: pwd},
	}
}

func ln(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	if c.Has('T') && len(c.Args) > 2 {
		c.Fail(errors.New("-T is for one link"))
		return
	}
	targets, last := c.Args[:len(c.Args)-1], c.Args[len(c.Args)-1]
	if len(c.Args) == 1 {
		targets, last = c.Args, lastPart(last)
	}
	for _, target := range targets {
		link := last
		look := unix.Stat
		if c.Has('n') || c.Has('T') {
			look = unix.Lstat
		}
		var st unix.Stat_t
		if look(link, &st) == nil && isDir(&st) {
			if c.Has('T') {
				c.Fail(fmt.Errorf("%s is a directory", link))
				return
			}
			link = into(link, target)
		}
		if err := lnOne(c, target, link); err != nil {
			c.Fail(err)
		}
	}
}

func lnOne(c *command.Call, target, link string) error {
	var st unix.Stat_t
	if !c.Has('s') {
		if err := unix.Stat(target, &st); err != nil && (unix.Lstat(target, &st) != nil || !isLink(&st)) {
			return command.Named(target, err)
		}
	}
	switch {
	case c.Has('b') || c.Has('S') && c.Has('b'):
		suffix, given := c.Value('S')
		if !given {
			suffix = "~"
		}
		if err := unix.Rename(link, link+suffix); err != nil && err != unix.ENOENT {
			return command.Named(link, err)
		}
		_ = unix.Unlink(link) // two names of one file: rename has left both
	case c.Has('f'):
		_ = unix.Unlink(link) // whether it was there, the call below tells
	}
	if c.Has('v') {
		fmt.Fprintf(c.Stdout, "'%s' -> '%s'\n", link, target)
	}
	if c.Has('s') {
		return command.Named(link, unix.Symlink(target, link))
	}
	return command.Named(link, unix.Link(target, link))
}

func readlink(c *command.Call) {
	if !operands(c, 1, 1) {
		return
	}
	read := os.Readlink
	if c.Has('f') {
		read = canonical
	}
	name, err := read(c.Args[0])
	switch {
	case err != nil && c.Has('v') && !c.Has('f'):
		c.Fail(command.Named(c.Args[0], err))
	case err != nil:
		c.Exit(1)
	default:
		c.Stdout.WriteString(name)
		if !c.Has('n') {
			c.Stdout.WriteByte('\n')
		}
	}
}

func realpath(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	for _, name := range c.Args {
		path, err := canonical(name)
		if err != nil {
			c.Fail(command.Named(name, err))
			continue
		}
		c.Stdout.WriteString(path + "\n")
	}
}

// canonical is a path without links, of which the last component needs not be there.
func canonical(name string) (string, error) {
	if name == "" {
		return "", unix.ENOENT
	}
	const depth = 40
	for range depth {
		path, err := resolved(name)
		if err == nil || !errors.Is(err, unix.ENOENT) {
			return path, err
		}
		target, linkErr := os.Readlink(name)
		if linkErr != nil {
			break
		}
		if !strings.HasPrefix(target, "/") { // of the directory that one is in, as busybox has it
			here, err := os.Getwd()
			if err != nil {
				return "", err
			}
			target = join(here, target)
		}
		name = target
	}
	trimmed := strings.TrimRight(name, "/")
	i := strings.LastIndexByte(trimmed, '/')
	if i == 0 {
		return trimmed, nil
	}
	if i < 0 {
		return "", unix.ENOENT // as busybox has it
	}
	path, err := resolved(trimmed[:i])
	if err != nil {
		return "", err
	}
	return join(path, trimmed[i+1:]), nil
}

// resolved is a path of what is there.
func resolved(name string) (string, error) {
	path, err := filepath.EvalSymlinks(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil && strings.HasSuffix(name, "/") {
		var st unix.Stat_t
		if err = unix.Stat(path, &st); err == nil && !isDir(&st) {
			err = unix.ENOTDIR
		}
	}
	return path, err
}

func basename(c *command.Call) {
	several := c.Has('a') || c.Has('s')
	most := 2
	if several {
		most = 0
	}
	if !operands(c, 1, most) {
		return
	}
	suffix, _ := c.Value('s')
	all := c.Args
	if !several && len(all) == 2 {
		all, suffix = all[:1], all[1]
	}
	for _, name := range all {
		if name = lastPart(name); len(name) > len(suffix) {
			name = strings.TrimSuffix(name, suffix)
		}
		c.Stdout.WriteString(name + "\n")
	}
}

// dirName is dirname(3).
func dirName(path string) string {
	trimmed := strings.TrimRight(path, "/")
	i := strings.LastIndexByte(trimmed, '/')
	switch dir := strings.TrimRight(trimmed[:max(i, 0)], "/"); {
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///") && dir == "" && i < 2:
		return "//" // POSIX leaves it open what that is
	case trimmed == "" && path != "", i >= 0 && dir == "":
		return "/"
	case i < 0:
		return "."
	default:
		return dir
	}
}

func which(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	path, given := os.LookupEnv("PATH")
	if !given {
		path = "/sbin:/usr/sbin:/bin:/usr/bin"
	}
	for _, name := range c.Args {
		if !whichOne(c, name, path) {
			c.Exit(1)
		}
	}
}

func whichOne(c *command.Call, name, path string) (found bool) {
	if strings.Contains(name, "/") {
		if found = isExecutable(name); found {
			c.Stdout.WriteString(name + "\n")
		}
		return found
	}
	for dir := range strings.SplitSeq(path, ":") {
		file := name
		if dir != "" {
			file = join(dir, name)
		}
		if !isExecutable(file) {
			continue
		}
		c.Stdout.WriteString(file + "\n")
		if found = true; !c.Has('a') {
			break
		}
	}
	return found
}

func isExecutable(name string) bool {
	var st unix.Stat_t
	return unix.Access(name, unix.X_OK) == nil && unix.Stat(name, &st) == nil && kind(&st) == unix.S_IFREG
}

func pwd(c *command.Call) {
	dir, err := unix.Getwd()
	if err != nil {
		c.Fail(err)
		return
	}
	c.Stdout.WriteString(dir + "\n")
}
