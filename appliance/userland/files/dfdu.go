package files

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/mounts"
)

// mountOf is where a file is: by its name, its device, or what is mounted on its device.
func mountOf(name string, all []mounts.Mount) (mounts.Mount, bool) {
	var st unix.Stat_t
	if unix.Stat(name, &st) != nil {
		return mounts.Mount{}, false
	}
	dev := st.Dev
	if k := kind(&st); k == unix.S_IFBLK || k == unix.S_IFCHR {
		dev = st.Rdev
	}
	for _, m := range all {
		if m.Device == "rootfs" {
			continue
		}
		if m.Point == name || m.Device == name {
			return m, true
		}
		if strings.HasPrefix(m.Device, "/") && unix.Stat(m.Device, &st) == nil && st.Rdev == dev {
			return m, true
		}
		if unix.Stat(m.Point, &st) == nil && st.Dev == dev {
			return m, true
		}
	}
	return mounts.Mount{}, false
}

const dfHelp = `	-h -m -k -B SIZE	for people; in MB; in kB; in units of that size
	-i	inodes
	-P	each on one line
	-T -t TYPE	the types of file systems; of this type only
	-a	those of no size too
`

func df(c *command.Call) {
	o, ok := choose(c, "k-m-B m-B-k B-k-m")
	if !ok {
		return
	}
	unit := uint64(1024)
	if os.Getenv("POSIXLY_CORRECT") != "" {
		unit = 512
	}
	if o['m'] {
		unit = 1 << 20
	}
	if text, _ := c.Value('B'); o['B'] {
		var err error
		if unit, err = blockUnit(text); err != nil {
			c.Fail(err)
			return
		}
	}
	d := &dfReport{c: c, o: o, unit: unit}
	if o['h'] || o['H'] {
		d.unit = 0
	}
	d.header(unit)
	all, err := mounts.Read()
	if err != nil {
		c.Fail(err)
		return
	}
	if len(c.Args) == 0 {
		for _, m := range all {
			if m.Device != "rootfs" {
				d.line(m, o['a'])
			}
		}
		return
	}
	for _, name := range c.Args {
		if m, found := mountOf(name, all); found {
			d.line(m, true)
		} else {
			c.Fail(fmt.Errorf("%s: can't find mount point", name))
		}
	}
}

// blockUnit is the value of -B: a suffix alone is 1 of it.
func blockUnit(text string) (uint64, error) {
	for _, s := range unitSizes() {
		if s.text == text {
			return s.by, nil
		}
	}
	n, err := number(text, unitSizes()...)
	if err == nil && n == 0 {
		err = fmt.Errorf("-B %s: expected a size", text)
	}
	return n, err
}

// A dfReport is what df prints.
type dfReport struct {
	o    chosen
	c    *command.Call
	unit uint64 // 0: for people
}

func (d *dfReport) header(unit uint64) {
	title := ""
	switch {
	case d.o['i']:
		title = "   Inodes"
	case d.unit == 0:
		title = "     Size"
	case d.o['P']:
		title = strconv.FormatUint(unit, 10) + "-blocks"
	default:
		title = human(unit, false) + "-blocks"
	}
	kind, used := "", "Use%"
	if d.o['T'] {
		kind = "Type       "
	}
	if d.o['P'] {
		used = "Capacity"
	}
	fmt.Fprintf(d.c.Stdout, "Filesystem           %s%-15sUsed Available %s Mounted on\n", kind, title, used)
}

func (d *dfReport) line(m mounts.Mount, always bool) {
	if want, given := d.c.Value('t'); given && want != m.Type {
		return
	}
	var s unix.Statfs_t
	if err := unix.Statfs(m.Point, &s); err != nil {
		d.c.Fail(command.Named(m.Point, err))
		return
	}
	if s.Blocks == 0 && !always {
		return
	}
	size := uint64(s.Frsize)
	if size == 0 {
		size = uint64(s.Bsize)
	}
	total, free, available, unit := s.Blocks, s.Bfree, s.Bavail, d.unit
	if d.o['i'] {
		total, free, available, size, unit = s.Files, s.Ffree, s.Ffree, 1, min(unit, 1)
	}
	text, width := printable(m.Device)
	switch {
	case width > 20 && !d.o['P']:
		fmt.Fprintf(d.c.Stdout, "%s\n%20s", text, "")
	default:
		fmt.Fprint(d.c.Stdout, text, strings.Repeat(" ", max(0, 20-width)))
	}
	if d.o['T'] {
		if len(m.Type) > 10 && !d.o['P'] {
			fmt.Fprintf(d.c.Stdout, " %s\n%31s", m.Type, "")
		} else {
			fmt.Fprintf(d.c.Stdout, " %-10s", m.Type)
		}
	}
	fmt.Fprintf(d.c.Stdout, " %9s %9s %9s %3d%% %s\n", scaled(total, size, unit),
		scaled(total-free, size, unit), scaled(available, size, unit), percentUsed(total-free, available),
		m.Point)
}

// percentUsed is rounded to the nearest.
func percentUsed(used, available uint64) uint64 {
	all := used + available
	for all >= math.MaxInt32/101 {
		all, used = all>>1, used>>1
	}
	if all == 0 {
		return 0
	}
	return (used*100 + all/2) / all
}

const duHelp = `	-a	files too
	-s -d N	one line for each operand; directories no deeper than N
	-c	the sum of all
	-h -m -k -b	for people; in MB; in kB; in bytes, as long as files say they are
	-L -H	follow links; those of the command line
	-l	files with several names several times
	-x	one file system
`

// A usage is du.
type usage struct {
	o      chosen
	c      *command.Call
	unit   uint64 // 0: for people
	deep   int
	follow int // depth down to which links are followed
	dev    uint64
	seen   map[inode]bool
}

func du(c *command.Call) {
	o, ok := choose(c, "h-k-m k-h-m m-h-k H-L L-H s-d d-s")
	if !ok {
		return
	}
	u := &usage{o: o, c: c, unit: 1024, deep: math.MaxInt, seen: map[inode]bool{}}
	if os.Getenv("POSIXLY_CORRECT") != "" {
		u.unit = 512
	}
	for _, each := range []struct {
		letter byte
		unit   uint64
	}{{'b', 1}, {'h', 0}, {'m', 1 << 20}, {'k', 1024}} {
		if o[each.letter] {
			u.unit = each.unit
		}
	}
	if text, given := c.Value('d'); given {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			c.Fail(fmt.Errorf("-d %s: expected a depth", text))
			return
		}
		u.deep = int(n)
	}
	if o['s'] {
		u.deep = 0
	}
	follow := 0
	if o['H'] {
		follow = 1
	}
	if len(c.Args) == 0 {
		c.Args, follow = []string{"."}, 0
	}
	if o['L'] {
		follow = math.MaxInt
	}
	total := uint64(0)
	for _, name := range c.Args {
		u.follow = follow
		total += u.count(name, 0)
	}
	if o['c'] {
		u.print(total, "total")
	}
}

// count prints what a file takes, and returns it: in blocks of 512, in bytes for -b.
func (u *usage) count(name string, depth int) uint64 {
	var st unix.Stat_t
	err := unix.Lstat(name, &st)
	if err == nil && u.o['x'] {
		if depth == 0 {
			u.dev = st.Dev
		} else if u.dev != st.Dev {
			return 0
		}
	}
	if err == nil && isLink(&st) && u.follow > depth {
		if err = unix.Stat(name, &st); u.follow == 1 {
			u.follow = math.MaxInt // what busybox does: -H is -L from here on
		}
	}
	if err != nil {
		u.c.Fail(command.Named(name, err))
		return 0
	}
	sum := uint64(st.Blocks)
	if u.o['b'] {
		sum = uint64(st.Size)
	}
	if !u.o['l'] && st.Nlink > 1 {
		if u.seen[inodeOf(&st)] {
			return 0
		}
		u.seen[inodeOf(&st)] = true
	}
	if isDir(&st) {
		all, err := names(name)
		if err != nil {
			u.c.Fail(err)
			return sum
		}
		for _, file := range all {
			sum += u.count(join(name, file), depth+1)
		}
	} else if !u.o['a'] && depth != 0 {
		return sum
	}
	if depth <= u.deep {
		u.print(sum, name)
	}
	return sum
}

func (u *usage) print(size uint64, name string) {
	if u.unit != 0 {
		size += (u.unit - 1) / 1024 // half a unit more: rounded up
	}
	block := uint64(512)
	if u.o['b'] {
		block = 1
	}
	fmt.Fprintf(u.c.Stdout, "%s\t%s\n", scaled(size, block, u.unit), name)
}
