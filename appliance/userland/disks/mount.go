package disks

import (
	"errors"
	"fmt"
	"os"
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
	-o LIST	ro, nosuid, nodev, noexec, noatime, remount, bind, rbind, move,
		make-private, …, and the file system's own
	-r -w	-o ro, -o rw
	-a	all of fstab (-O LIST: that have these options)
	-f	do all but mount
	-T FILE	not /etc/fstab
WHAT may be UUID=… or LABEL=…; a file is mounted by a loop device.
Without operands: what is mounted.
`

// status is that of a mount that has failed.
const status = 255

const fstab = "/etc/fstab"

// A mounter is a call of mount.
type mounter struct {
	c       *command.Call
	options string // that were given
	types   string
	fake    bool
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
	var words []string
	for i, word := range c.Args {
		if word == "--" {
			words = append(words, c.Args[i:]...)
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
	long := map[string]byte{"all": 'a', "fake": 'f', "verbose": 'v', "read-only": 'r', "read-write": 'w', "types": 't', "options": 'o'}
	var err error
	if c.Options, c.Args, err = getopt.ParseLong(words, "o:t:rwanfvsiO:T:", long); err != nil {
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
	return m, nil
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
		return fmt.Errorf("%s is not mounted", name)
	}
	return fmt.Errorf("%s is not in %s", name, m.table)
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
		if !typeMatches(e.Type, m.types) || e.Type == "swap" || parseOptions(e.Options).noAuto || !optionsMatch(e.Options, only) || mounted(e.Point) {
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
	return err == nil && slices.ContainsFunc(all, func(e mounts.Mount) bool { return e.Point == filepath.Clean(point) })
}

// A mountError is one of the kernel's about a mount.
type mountError struct {
	what, where string
	err         error
}

func (e *mountError) Error() string {
	return fmt.Sprintf("mounting %s on %s: %v", e.what, e.where, e.err)
}
func (e *mountError) Unwrap() error { return e.err }

// one mounts one, whichever way it has to be.
func (m *mounter) one(e mounts.Mount) error {
	o := parseOptions(e.Options)
	if e.Type == "auto" {
		e.Type = ""
	}
	err := m.source(&e, &o)
	if err == nil {
		err = m.try(e, o)
	}
	if errors.Is(err, unix.ENOENT) && o.noFail {
		return nil
	}
	if err != nil {
		return &mountError{e.Device, e.Point, err}
	}
	return nil
}

// source finds out what is to be mounted: a device by its name or label, a file by a loop device, a directory as such.
func (m *mounter) source(e *mounts.Mount, o *options) error {
	if strings.HasPrefix(e.Device, "UUID=") || strings.HasPrefix(e.Device, "LABEL=") {
		device, err := deviceOf(e.Device)
		if err != nil {
			return err
		}
		e.Device = device
	}
	info, err := os.Stat(e.Device)
	if err != nil || o.flags&(unix.MS_REMOUNT|unix.MS_BIND|unix.MS_MOVE) != 0 {
		return nil // a name may stand for what has no file; the kernel says what it misses
	}
	if info.IsDir() && e.Type == "" {
		o.flags |= unix.MS_BIND
	}
	return nil
}

// try mounts by the first type that fits.
func (m *mounter) try(e mounts.Mount, o options) error {
	if info, err := os.Stat(e.Device); err == nil && info.Mode().IsRegular() && o.flags&(unix.MS_REMOUNT|unix.MS_BIND|unix.MS_MOVE) == 0 {
		loop, err := loopFor(e.Device, &o)
		if err != nil {
			return err
		}
		defer loop.Close() // which frees it unless it is mounted then
		e.Device = loop.Name()
	}
	types := strings.Split(e.Type, ",")
	if e.Type == "" && o.flags&(unix.MS_REMOUNT|unix.MS_BIND|unix.MS_MOVE) == 0 {
		types = blockTypes()
	}
	err := error(unix.ENODEV)
	for _, kind := range types {
		if err = m.now(e, kind, o); err == nil || errors.Is(err, unix.EPERM) {
			return err
		}
	}
	if errors.Is(err, unix.EINVAL) && len(types) > 1 {
		return fmt.Errorf("it is none of %s (blkid says what it is, dmesg perhaps more): %w", strings.Join(types, " "), err)
	}
	return err
}

// now is mount(2); what cannot be written to is mounted to be read, unless that was asked for.
func (m *mounter) now(e mounts.Mount, kind string, o options) error {
	if m.fake {
		return nil
	}
	data := strings.Join(o.data, ",")
	err := unix.Mount(e.Device, e.Point, kind, o.flags, data)
	if (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS)) && o.flags&unix.MS_RDONLY == 0 && !o.write && !m.c.Has('w') {
		if o.flags&unix.MS_SILENT == 0 {
			m.c.Warn(fmt.Errorf("%s cannot be written to, and is mounted read-only", e.Device))
		}
		err = unix.Mount(e.Device, e.Point, kind, o.flags|unix.MS_RDONLY, data)
	}
	return err
}

// blockTypes are the file systems that the kernel has for devices.
func blockTypes() (types []string) {
	for _, file := range []string{"/etc/filesystems", "/proc/filesystems"} {
		text, _ := os.ReadFile(file) // most have no first one
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 1 && !strings.ContainsAny(f[0][:1], "#*") {
				types = append(types, f[0])
			}
		}
	}
	return types
}
