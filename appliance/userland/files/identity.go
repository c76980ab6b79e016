package files

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// identity has the commands that say who one is, and where.
func identity() map[string]command.Command {
	return map[string]command.Command{
		"id": {
			Usage: "[-ugGnr] [USER]", Letters: "rnugG", Run: id,
			Help: "\t-u -g -G\tthe user only, the group, all groups\n\t-n\tnames, not numbers\n\t-r\treal, not effective\n",
		},
		"groups": {Usage: "[USER]", Run: func(c *command.Call) {
			printID(c, chosen{'G': true, 'n': true})
		}},
		"whoami": {Run: whoami},
		"printenv": {Usage: "[-0] [NAME]...", Help: "\t-0\ta NUL behind each\n", Letters: "+0",
			Long: map[string]byte{"null": '0'}, Trouble: 2, Run: printenv},
		"uname": {
			Usage: "[-asnrvmpio]", Letters: "asnrvmpio", Run: uname,
			Help: "\t-a\tall\n\t-s -r -v\tkernel, its release, its version\n\t-n\tname of the host\n\t-m -p -i\tmachine, processor, platform\n\t-o\toperating system\n",
			Long: map[string]byte{
				"all": 'a', "kernel-name": 's', "nodename": 'n', "kernel-release": 'r', "release": 'r',
				"kernel-version": 'v', "machine": 'm', "processor": 'p', "hardware-platform": 'i',
				"operating-system": 'o',
			},
		},
		"nproc": {
			Usage: "[--all] [--ignore=N]", Letters: "+\x01\x02:", Run: nproc,
			Long: map[string]byte{"all": nprocAll, "ignore": nprocIgnore},
			Help: "\t--all\tthose that one may not use too\n\t--ignore=N\twithout N of them\n",
		},
	}
}

func id(c *command.Call) {
	o, ok := choose(c, "u!g u!G g!u g!G G!u G!g")
	if !ok {
		return
	}
	if (o['n'] || o['r']) && !o['u'] && !o['g'] && !o['G'] {
		c.Misused("-n and -r need one of -u, -g, -G")
		return
	}
	printID(c, o)
}

// printID prints as the options of id say.
func printID(c *command.Call, o chosen) {
	if !operands(c, 0, 1) {
		return
	}
	uid, euid, gid, egid := os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid()
	more, err := os.Getgroups()
	if len(c.Args) == 1 {
		if uid, gid, more, err = groupsOf(c.Args[0]); err == nil {
			euid, egid = uid, gid
		}
	}
	if err != nil {
		c.Fail(err)
		return
	}
	var known owners
	name := func(id int, find func(*owners, uint32) string) string {
		text := find(&known, uint32(id))
		if number := strconv.Itoa(id); !o['n'] {
			return number
		} else if text == number {
			c.Fail(fmt.Errorf("%s has no name", number))
		}
		return text
	}
	switch {
	case o['u'] && o['r']:
		c.Stdout.WriteString(name(uid, (*owners).user))
	case o['u']:
		c.Stdout.WriteString(name(euid, (*owners).user))
	case o['g'] && o['r']:
		c.Stdout.WriteString(name(gid, (*owners).group))
	case o['g']:
		c.Stdout.WriteString(name(egid, (*owners).group))
	case o['G']:
		var words []string
		for i, g := range slices.Concat([]int{gid, egid}, more) {
			if i == 0 || i == 1 && egid != gid || i > 1 && g != gid && g != egid {
				words = append(words, name(g, (*owners).group))
			}
		}
		c.Stdout.WriteString(strings.Join(words, " "))
	default:
		c.Stdout.WriteString("uid=" + withName(uid, known.user) + " gid=" + withName(gid, known.group))
		if euid != uid {
			c.Stdout.WriteString(" euid=" + withName(euid, known.user))
		}
		if egid != gid {
			c.Stdout.WriteString(" egid=" + withName(egid, known.group))
		}
		for i, g := range more {
			before := ","
			if i == 0 {
				before = " groups="
			}
			c.Stdout.WriteString(before + withName(g, known.group))
		}
	}
	c.Stdout.WriteByte('\n')
}

// withName is a number, and the name in brackets if it has one.
func withName(id int, find func(uint32) string) string {
	number := strconv.Itoa(id)
	if name := find(uint32(id)); name != number {
		return number + "(" + name + ")"
	}
	return number
}

// groupsOf are a user's number, and his groups', the first once more.
func groupsOf(name string) (uid, gid int, groups []int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("unknown user %q", name)
	}
	if uid, gid, err = userID(name); err != nil {
		return 0, 0, nil, err
	}
	texts, err := u.GroupIds()
	if err != nil {
		return 0, 0, nil, err
	}
	groups = []int{gid}
	for _, text := range texts {
		if g, err := strconv.Atoi(text); err == nil && g != gid {
			groups = append(groups, g)
		}
	}
	return uid, gid, groups, nil
}

func whoami(c *command.Call) {
	if !operands(c, 0, -1) {
		return
	}
	var known owners
	number := strconv.Itoa(os.Geteuid())
	name := known.user(uint32(os.Geteuid()))
	if name == number {
		c.Fail(fmt.Errorf("the user %s has no name", number))
		return
	}
	c.Stdout.WriteString(name + "\n")
}

// printenv prints the environment, or values of it; one that is missing makes the status 1.
func printenv(c *command.Call) {
	end := "\n"
	if c.Has('0') {
		end = "\x00"
	}
	e := environment(os.Environ())
	if len(c.Args) == 0 {
		for _, entry := range e {
			c.Stdout.WriteString(entry + end)
		}
	}
	for _, name := range c.Args {
		if value, given := e.get(name); given && !strings.Contains(name, "=") {
			c.Stdout.WriteString(value + end)
		} else {
			c.Exit(1)
		}
	}
}

func uname(c *command.Call) {
	if !operands(c, 0, -1) {
		return
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		c.Fail(err)
		return
	}
	const unknown = "unknown"
	machine := unix.ByteSliceToString(u.Machine[:])
	var words []string
	for _, part := range []struct {
		letter byte
		text   string
	}{
		{'s', unix.ByteSliceToString(u.Sysname[:])}, {'n', unix.ByteSliceToString(u.Nodename[:])},
		{'r', unix.ByteSliceToString(u.Release[:])}, {'v', unix.ByteSliceToString(u.Version[:])},
		{'m', machine},
		{'p', unknown}, {'i', unknown}, {'o', "GNU/Linux"},
	} {
		if part.text == unknown && c.Has('a') {
			continue
		}
		if c.Has(part.letter) || c.Has('a') || len(c.Options) == 0 && part.letter == 's' {
			words = append(words, part.text)
		}
	}
	c.Stdout.WriteString(strings.Join(words, " ") + "\n")
}

const (
	nprocAll    = 1
	nprocIgnore = 2
)

func nproc(c *command.Call) {
	if !operands(c, 0, -1) {
		return
	}
	ignored := uint64(0)
	if text, given := c.Value(nprocIgnore); given {
		var err error
		if ignored, err = strconv.ParseUint(text, 10, 32); err != nil {
			c.Misused("--ignore=%s: expected a number", text)
			return
		}
	}
	count := 0
	if c.Has(nprocAll) {
		all, err := names("/sys/devices/system/cpu")
		if err != nil {
			c.Fail(err)
			return
		}
		for _, name := range all {
			if number, ok := strings.CutPrefix(name, "cpu"); ok && number != "" &&
				digits(number) == len(number) {
				count++
			}
		}
	} else {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(0, &set); err != nil {
			c.Fail(errors.New("cannot tell"))
			return
		}
		count = set.Count()
	}
	fmt.Fprintln(c.Stdout, max(1, count-int(ignored)))
}
