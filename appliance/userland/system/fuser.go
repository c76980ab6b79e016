package system

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// A fuserTarget is something that may be in use.
type fuserTarget struct {
	name string
	is   func(f *openFile) bool
}

// nameField is how wide the names of what is used are.
const nameField = 20

// A fuserOptions is how they are looked for, and what is done about it.
type fuserOptions struct {
	whole, kill, silent, table bool
	version                    int // of IP: 4, 6; 0: both
	space                      string
	signal                     unix.Signal
}

// fuser prints who uses files: the numbers on standard output, what for beside them on standard error.
func fuser(c *command.Call) {
	o, names, ok := parseFuser(c)
	if !ok {
		return
	}
	var targets []fuserTarget
	for _, name := range names {
		t, err := o.target(name)
		if err != nil {
			c.Warn(err)
			continue
		}
		targets = append(targets, t)
	}
	users, err := usersOfAll(targets)
	switch {
	case err != nil:
		c.Fail(err)
		return
	case users == nil:
		c.Exit(1)
		return
	case o.table && !o.silent:
		fmt.Fprintf(c.Stderr, "%*s USER        PID ACCESS COMMAND\n", nameField, "")
	}
	for i, t := range targets {
		o.show(c, t.name, users[i])
	}
	for i := range targets {
		o.signalAll(c, users[i])
	}
}

// usersOfAll finds who uses each of the targets; nil: nobody uses any.
func usersOfAll(targets []fuserTarget) (users [][]fuserUser, err error) {
	if len(targets) == 0 {
		return nil, nil
	}
	all, err := processes(false)
	if err != nil {
		return nil, err
	}
	sockets := proc.Sockets(procFS())
	found := make([][]fuserUser, len(targets))
	for _, p := range all {
		if p.ID == os.Getpid() {
			continue
		}
		files := openFiles(p.ID, sockets)
		for i, t := range targets {
			if access := accesses(files, t); access != "" {
				found[i] = append(found[i], fuserUser{p, access})
				users = found
			}
		}
	}
	return users, nil
}

// A fuserUser is a process that uses something, and for what.
type fuserUser struct {
	*proc.Process
	access string
}

// parseFuser reads the arguments. A signal may stand among the options.
func parseFuser(c *command.Call) (o fuserOptions, names []string, ok bool) {
	o.signal = unix.SIGKILL
	args := slices.Clone(c.Args)
	for i, arg := range args {
		word, dashed := strings.CutPrefix(arg, "-")
		if word == "-" {
			break
		}
		if s, known := signalNumber(word); dashed && known && word != "4" && word != "6" {
			o.signal, args = s, slices.Delete(args, i, i+1)
			break
		}
	}
	options, names, err := getopt.ParseLong(args, "mMkisauv46n:", nil)
	for _, opt := range options {
		switch opt.Letter {
		case 'm':
			o.whole = true
		case 'k':
			o.kill = true
		case 's':
			o.silent = true
		case 'v':
			o.table = true
		case '4', '6':
			o.version = int(opt.Letter - '0')
		case 'n':
			if o.space = opt.Value; o.space != "file" && o.space != "tcp" && o.space != "udp" {
				err = fmt.Errorf("-n %s: expected file, tcp or udp", printable.String(o.space))
			}
		case 'i', 'M':
			err = fmt.Errorf("unknown option -%c", opt.Letter)
		}
	}
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("expected a file or a port")
	}
	if err != nil {
		c.Misused("%v", err)
		return o, nil, false
	}
	return o, names, true
}

// target is what a name means: a port, if it is not that of a file.
func (o fuserOptions) target(name string) (fuserTarget, error) {
	port, space, slash := strings.Cut(name, "/")
	if o.space == "tcp" || o.space == "udp" {
		port, space, slash = name, o.space, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case slash && err == nil && (space == "tcp" || space == "udp"):
		protocol := strings.ToUpper(space)
		return fuserTarget{port + "/" + space, func(f *openFile) bool {
			return f.socket.Protocol == protocol && f.socket.Local.Port == int(n) &&
				(o.version == 0 || o.version == f.socket.Local.Version())
		}}, nil
	case o.space == "tcp" || o.space == "udp":
		return fuserTarget{}, fmt.Errorf("%s: expected the number of a port", printable.String(name))
	}
	f, err := lookAt(name, o.whole)
	if whole, err := filepath.Abs(name); err == nil {
		name = whole
	}
	return fuserTarget{name, f.is}, err
}

// accesses are the letters of how a process uses something: c r e m, f and F of what is open; "": it does
// not.
func accesses(files []openFile, t fuserTarget) string {
	var open, mapped, root, directory, program bool
	writes := false
	for i := range files {
		f := &files[i]
		if !t.is(f) {
			continue
		}
		switch f.As {
		case "cwd":
			directory = true
		case "rtd":
			root = true
		case "txt":
			program = true
		case "mem":
			mapped = true
		default:
			open = true
			writes = writes || f.Mode == 'w' || f.Mode == 'u'
		}
	}
	s := []byte(".....")
	set := func(i int, on bool, letter byte) {
		if on {
			s[i] = letter
		}
	}
	set(0, open, 'f')
	set(0, writes, 'F')
	set(1, root, 'r')
	set(2, directory, 'c')
	set(3, program, 'e')
	set(4, mapped && !program, 'm')
	if string(s) == "....." {
		return ""
	}
	return string(s)
}

// show prints who uses one thing.
func (o fuserOptions) show(c *command.Call, name string, users []fuserUser) {
	if o.silent || len(users) == 0 && !o.table {
		return
	}
	user := userNames()
	name = printable.String(name) + ":"
	if o.table && len(name) > nameField && len(users) > 0 {
		fmt.Fprintln(c.Stderr, name)
		name = ""
	}
	fmt.Fprintf(c.Stderr, "%-*s", nameField, name)
	for i, u := range users {
		if o.table {
			if i > 0 {
				fmt.Fprintf(c.Stderr, "%*s", nameField, "")
			}
			fmt.Fprintf(c.Stderr, " %-8s ", clean(user(u.UID)))
		}
		fmt.Fprintf(c.Stdout, "%6d", u.ID)
		_ = c.Stdout.Flush() // an error stays; what is on standard error stands beside it
		if o.table {
			fmt.Fprintf(c.Stderr, " %s %s\n", u.access, clean(u.Name))
			continue
		}
		fmt.Fprint(c.Stderr, strings.Map(func(r rune) rune {
			if strings.ContainsRune(".fF", r) {
				return -1
			}
			return r
		}, u.access))
	}
	if !o.table || len(users) == 0 {
		fmt.Fprintln(c.Stderr)
	}
}

// signalAll sends them the signal, if it is asked for.
func (o fuserOptions) signalAll(c *command.Call, users []fuserUser) {
	if !o.kill {
		return
	}
	for _, u := range users {
		if u.ID == os.Getpid() {
			continue
		}
		if err := unix.Kill(u.ID, o.signal); err != nil && err != unix.ESRCH {
			c.Fail(fmt.Errorf("%d: %w", u.ID, err))
		}
	}
}
