package files

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/filemode"
)

func making() map[string]command.Command {
	const mode = "\t-m MODE\tits mode, whatever the umask\n"
	return map[string]command.Command{
		"mkdir": {
			Usage: "[-m MODE] [-pv] DIRECTORY...", Help: mode +
				"\t-p\tthose above it too; none is missing\n\t-v\tsay what is made\n", Letters: "m:pv",
			Long: map[string]byte{"mode": 'm', "parents": 'p', "verbose": 'v'}, Run: mkdir,
		},
		"rmdir": {
			Usage:   "[-pv] DIRECTORY...",
			Help:    "\t-p\tthose above it too\n\t-v\tsay what is removed\n\t--ignore-fail-on-non-empty\n",
			Letters: "pv", Long: map[string]byte{"parents": 'p', "verbose": 'v',
				"ignore-fail-on-non-empty": 1}, Run: rmdir,
		},
		"mkfifo": {Usage: "[-m MODE] NAME...", Help: mode, Letters: "m:", Run: mkfifo},
		"mknod": {
			Usage: "[-m MODE] NAME b|c|u|p [MAJOR MINOR]", Help: mode +
				"\tb\tblock device\n\tc u\tcharacter device\n\tp\tpipe\n", Letters: "m:", Run: mknod,
		},
		"mktemp": {
			Usage: "[-dqtu] [-p DIRECTORY] [TEMPLATE]", Letters: "dqtp:u\x01::",
			Help: "\t-d\ta directory\n\t-q\tno complaints\n\t-t\tin $TMPDIR or /tmp\n\t-p DIR\tin this one\n\t-u\ta name only\nTEMPLATE ends with XXXXXX.\n",
			Long: map[string]byte{"directory": 'd', "quiet": 'q', "dry-run": 'u', "tmpdir": 1}, Run: mktemp,
		},
		"truncate": {Usage: "[-c] -s SIZE FILE...",
			Help:    "\t-c\tmake no files\n\t-s SIZE\tbytes, or with K, M, G; kB, MB, GB of 1000\n",
			Letters: "cs:", Run: truncate},
		"sync": {Usage: "[-df] [FILE...]",
			Help: "\t-d\tno times and the like\n\t-f\tthe file systems of the files\n", Letters: "df",
			Run: syncFiles},
	}
}

// A dirOptions is how directories are made, and what is said of each that was; nil: nothing.
type dirOptions struct {
	parents bool
	told    func(dir string)
}

func mkdir(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	mode, exact, ok := modeOption(c, 0o777)
	if !ok {
		return
	}
	for _, dir := range c.Args {
		o := dirOptions{parents: c.Has('p')}
		if c.Has('v') {
			o.told = func(dir string) { fmt.Fprintf(c.Stdout, "created directory: '%s'\n", dir) }
		}
		makeDirs(c, dir, mode, exact, o)
	}
}

// modeOption is the value of -m.
func modeOption(c *command.Call, usual uint32) (mode uint32, given, ok bool) {
	text, given := c.Value('m')
	if !given {
		return usual, false, true
	}
	mode, err := filemode.Parse(text, usual, currentUmask())
	if err != nil {
		c.Fail(err)
	}
	return mode, true, err == nil
}

// makeDirs makes a directory and those above it, if that is wanted, and says itself what has failed.
func makeDirs(c *command.Call, dir string, mode uint32, exact bool, o dirOptions) bool {
	if dir == "/" || dir == "." {
		return true
	}
	umask := currentUmask()
	defer unix.Umask(int(umask))
	for end := 0; end < len(dir); {
		part := dir
		if o.parents {
			end += len(dir[end:]) - len(strings.TrimLeft(dir[end:], "/"))
			if i := strings.IndexByte(dir[end:], '/'); i >= 0 {
				part = dir[:end+i]
			}
			part = dir[:len(part)+len(dir[len(part):])-len(strings.TrimLeft(dir[len(part):], "/"))]
		}
		end = len(part)
		last := end == len(dir)
		unix.Umask(int(umask))
		if !last {
			unix.Umask(int(umask &^ 0o300)) // something is made in it
		}
		err := unix.Mkdir(part, 0o777)
		var st unix.Stat_t
		switch {
		case err != nil && (err != unix.EEXIST && err != unix.EISDIR || !o.parents ||
			unix.Stat(part, &st) != nil || !isDir(&st)):
			c.Fail(command.Cannot("create directory", part, err))
			return false
		case err != nil:
			continue
		}
		if o.told != nil {
			o.told(part)
		}
		if last && exact {
			if err := unix.Chmod(part, mode); err != nil {
				c.Fail(command.Named(part, err))
				return false
			}
		}
	}
	if dir == "" {
		c.Fail(command.Cannot("create directory", dir, unix.ENOENT))
	}
	return dir != ""
}

func rmdir(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	for _, dir := range c.Args {
		for {
			if c.Has('v') {
				fmt.Fprintf(c.Stdout, "rmdir: removing directory, '%s'\n", dir)
			}
			err := unix.Rmdir(dir)
			if err != nil && !(err == unix.ENOTEMPTY && c.Has(1)) {
				c.Fail(command.Named("'"+dir+"'", err))
			}
			if dir = dirName(dir); err != nil || !c.Has('p') || dir == "." {
				break
			}
		}
	}
}

func mkfifo(c *command.Call) {
	mode, exact, ok := modeOption(c, 0o666)
	if !ok || !operands(c, 1, 0) {
		return
	}
	for _, name := range c.Args {
		node(c, name, unix.S_IFIFO|mode, exact, 0)
	}
}

func mknod(c *command.Call) {
	mode, exact, ok := modeOption(c, 0o666)
	if !ok || !operands(c, 2, 4) {
		return
	}
	kinds := map[byte]uint32{'p': unix.S_IFIFO, 'c': unix.S_IFCHR, 'u': unix.S_IFCHR, 'b': unix.S_IFBLK}
	kind := uint32(0)
	if c.Args[1] != "" {
		kind = kinds[c.Args[1][0]]
	}
	switch pipe := kind == unix.S_IFIFO; {
	case kind == 0:
		c.Misused("%s: expected b, c, u or p", c.Args[1])
		return
	case pipe != (len(c.Args) == 2), !pipe && len(c.Args) != 4:
		c.Misused("expected a major and a minor number of a device, and none of a pipe")
		return
	case pipe:
		node(c, c.Args[0], kind|mode, exact, 0)
		return
	}
	major, err := strconv.ParseUint(c.Args[2], 10, 12)
	if err != nil {
		c.Fail(fmt.Errorf("%s: expected the major number of a device", c.Args[2]))
		return
	}
	minor, err := strconv.ParseUint(c.Args[3], 10, 20)
	if err != nil {
		c.Fail(fmt.Errorf("%s: expected the minor number of a device", c.Args[3]))
		return
	}
	node(c, c.Args[0], kind|mode, exact, unix.Mkdev(uint32(major), uint32(minor)))
}

func node(c *command.Call, name string, mode uint32, exact bool, dev uint64) {
	if exact {
		defer unix.Umask(unix.Umask(0))
	}
	if err := unix.Mknod(name, mode, int(dev)); err != nil {
		c.Fail(command.Named(name, err))
	}
}

func mktemp(c *command.Call) {
	if !operands(c, 0, 1) {
		return
	}
	dir := os.Getenv("TMPDIR")
	if dir == "" {
		dir = "/tmp"
	}
	if given, ok := c.Value('p'); ok {
		dir = given
	}
	if given, ok := c.Value(1); ok && given != "" {
		dir = given
	}
	template, inDir := "tmp.XXXXXX", true
	if len(c.Args) == 1 {
		template, inDir = c.Args[0], c.Has('t') || c.Has('p') || c.Has(1)
	}
	if inDir {
		template = join(dir, template)
	}
	name, err := temporary(template, c.Has('d'), c.Has('u'))
	switch {
	case err == nil:
		c.Stdout.WriteString(name + "\n")
	case c.Has('q'):
		c.Exit(1)
	default:
		c.Fail(command.Named(template, err))
	}
}

// temporary makes a file or directory that was not there, only its owner's; or a name only.
func temporary(template string, dir, dry bool) (string, error) {
	const places = "XXXXXX"
	base, ok := strings.CutSuffix(template, places)
	if !ok {
		return "", errors.New("expected a name that ends in " + places)
	}
	var err error
	for range 100 {
		name := base + randomLetters(len(places))
		var st unix.Stat_t
		switch {
		case dry:
			if err = unix.Lstat(name, &st); err == unix.ENOENT {
				return name, nil
			}
			if err == nil {
				err = unix.EEXIST
			}
		case dir:
			err = unix.Mkdir(name, 0o700)
		default:
			var f *os.File
			if f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
				err = f.Close()
			}
		}
		if err == nil || !os.IsExist(err) {
			return name, err
		}
	}
	return "", err
}

func randomLetters(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

func truncate(c *command.Call) {
	text, given := c.Value('s')
	if !given || len(c.Args) == 0 {
		c.Misused("expected -s and a file")
		return
	}
	size, err := number(text, sizes()...)
	if err != nil {
		c.Fail(err)
		return
	}
	how := os.O_WRONLY | unix.O_NONBLOCK | os.O_CREATE
	if c.Has('c') {
		how &^= os.O_CREATE
	}
	for _, name := range c.Args {
		f, err := os.OpenFile(name, how, 0o666)
		if c.Has('c') && os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = f.Truncate(int64(size))
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
		}
		if err != nil {
			c.Fail(command.Named(name, err))
		}
	}
}

func syncFiles(c *command.Call) {
	if _, ok := choose(c, "d!f f!d"); !ok {
		return
	}
	if len(c.Args) == 0 {
		unix.Sync()
		return
	}
	call := unix.Fsync
	if c.Has('d') {
		call = unix.Fdatasync
	} else if c.Has('f') {
		call = unix.Syncfs
	}
	for _, name := range c.Args {
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			c.Fail(command.Cannot("open", name, err))
			continue
		}
		if err = call(fd); err != nil {
			c.Fail(command.Named(name, err))
		}
		unix.Close(fd)
	}
}
