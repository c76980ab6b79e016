package disks

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/mounts"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const mountHelp = `	-t TYPE	a type, or several to be tried; of what is mounted, only such
	-o LIST	ro, nosuid, nodev, noexec, noatime, remount, bind, rbind, move, make-private, ..., and the file system's own
	-r -w	-o ro, -o rw
	-a	all of fstab (-O LIST: that have these options)
	-f	do all but mount
	-T FILE	not /etc/fstab
WHAT may be UUID=... or LABEL=...; a file is mounted by a loop device.
Without operands: what is mounted.
`

func mountLong() map[string]byte {
	return map[string]byte{
		"all": 'a', "fake": 'f', "verbose": 'v', "read-only": 'r', "read-write": 'w', "types": 't',
		"options": 'o',
	}
}

// status is that of a mount that has failed.
const status = 255

const fstab = "/etc/fstab"

// A mounter is a call of mount.
type mounter struct {
	c       *command.Call
	options string // that were given
	types   string
	fake    bool
	write   bool // or not at all
	table   string
}

func mount(c *command.Call) {
	m, err := readMount(c)
	switch {
	case err != nil:
		c.Misused("%v", err)
	case len(c.Args) == 2:
		m.say(m.one(mounts.Mount{Device: c.Args[0], Point: c.Args[1], Type: m.types, Options: m.options}))
	case len(c.Args) == 1:
		m.say(m.known(c.Args[0]))
	case c.Has('a'):
		m.all()
	default:
		m.list()
	}
}

// readMount reads the command line. A word behind two dashes that is an option of a mount is as with -o.
func readMount(c *command.Call) (*mounter, error) {
	m := &mounter{c: c, table: fstab}
	words := m.optionWords(c.Args)
	var err error
	if c.Options, c.Args, err = getopt.ParseLong(words, "o:t:rwanfvsiO:T:", mountLong()); err != nil {
		return nil, err
	}
	if len(c.Args) > 2 {
		return nil, fmt.Errorf("unknown operand %q", c.Args[2])
	}
	for _, o := range c.Options {
		switch o.Letter {
		case 'o':
			m.options = joined(m.options, o.Value)
		case 't':
			m.types = o.Value
		case 'T':
			m.table = o.Value
		case 'f':
			m.fake = true
		}
	}
	if c.Has('r') {
		m.options = joined(m.options, "ro")
	}
	if c.Has('w') {
		m.options = joined(m.options, "rw")
	}
	m.write = parseOptions(m.options).write
	return m, nil
}

// optionWords takes words like --bind, and what follows each with a comma, from a command line.
func (m *mounter) optionWords(args []string) (words []string) {
	for i, word := range args {
		if word == "--" {
			words = append(words, args[i:]...)
			break
		}
		name, long := strings.CutPrefix(word, "--")
		first, _, _ := strings.Cut(name, ",")
		if _, known := bitOf(first); long && known {
			m.options = joined(m.options, name)
		} else {
			words = append(words, word)
		}
	}
	return words
}

func (m *mounter) say(err error) {
	if err == nil {
		return
	}
	m.c.Fail(err)
	var failed *mountError
	if errors.As(err, &failed) {
		m.c.Exit(status)
	}
}

// list shows what is mounted.
func (m *mounter) list() {
	all, err := mounts.Read()
	if err != nil {
		m.c.Fail(err)
	}
	for _, e := range all {
		if m.types == "" || m.types == e.Type {
			line := fmt.Sprintf("%s on %s type %s (%s)", e.Device, e.Point, e.Type, e.Options)
			fmt.Fprintln(m.c.Stdout, printable.String(line))
		}
	}
}

// known mounts what a table has of one name: of what it is or where.
func (m *mounter) known(name string) error {
	o := parseOptions(m.options)
	if o.flags&sharing != 0 {
		return command.Named(name, unix.Mount("", name, "", o.flags, ""))
	}
	if o.flags&unix.MS_REMOUNT != 0 {
		m.table = mounts.Kernel
	}
	all, err := mounts.ReadFile(m.table)
	if err != nil {
		return err
	}
	full, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(all) { // the last is on top of others
		if e.Device == name || e.Device == full || e.Point == name || e.Point == full {
			e.Options = joined(e.Options, m.options)
			return m.one(e)
		}
	}
	if m.table == mounts.Kernel {
		return fmt.Errorf("%s: not mounted", name)
	}
	return fmt.Errorf("%s: not in %s", name, m.table)
}

// all mounts what is in the table and is not yet mounted. The status is how many could not be.
func (m *mounter) all() {
	wanted, err := mounts.ReadFile(m.table)
	if err != nil {
		m.c.Fail(err)
		return
	}
	only, _ := m.c.Value('O')
	failed := 0
	for _, e := range wanted {
		chosen := typeMatches(e.Type, m.types) && optionsMatch(e.Options, only)
		if !chosen || e.Type == "swap" || parseOptions(e.Options).noAuto || mounted(e.Point) {
			continue
		}
		e.Options = joined(e.Options, m.options)
		if err := m.one(e); err != nil && !errors.Is(err, unix.EBUSY) {
			m.c.Fail(err)
			failed++
		}
	}
	m.c.Exit(min(failed, status))
}

// mounted reports whether something is mounted at a place.
func mounted(point string) bool {
	all, err := mounts.Read()
	return err == nil && slices.ContainsFunc(all, func(e mounts.Mount) bool {
		return e.Point == filepath.Clean(point)
	})
}
