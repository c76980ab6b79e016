package system

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

func using() map[string]command.Command {
	return map[string]command.Command{
		"lsof": {
			Usage: "[-atUnPlw] [-p PID,...] [-c NAME] [-u USER,...] [-i[46][tcp|udp][:PORT,...]] [-s PROTOCOL:STATE] [FILE]...",
			Raw:   true, Run: lsof,
			Help: "\t-p -c -u\tof these processes; ^ before one: not of it\n\t-i\tsockets of IP\n\t-s\twith -i: TCP in these states\n" +
				"\t-U\tsockets of the machine\n\t-a\tonly what all of these are true for\n\t-t\tonly the numbers of processes\n" +
				"\tFILE\tthis one, all of a file system where it begins, or a socket\n\t-n -P -l -w\tnumbers for names, as always; no complaints\n",
		},
		"fuser": {
			Usage: "[-mksv46] [-SIG] [-n file|tcp|udp] FILE|PORT[/tcp|/udp]...", Raw: true, Run: fuser,
			Help: "\t-m\tall of the file system that FILE is in\n\t-k\tKILL them, or -SIG\n\t-s\tprint nothing\n\t-v\ta table\n" +
				"\t-n\twhat the names are\n\t-4 -6\tsockets of IPv4, of IPv6 only\n\tc d e f F m r: directory, program, open, for writing, in memory, root\n",
		},
	}
}

// An lsofQuery is what is asked for.
type lsofQuery struct {
	pids, users, notUsers []int
	names                 []string
	internet              []endpoints
	states                []string
	files                 []namedFile
	local                 bool // sockets of the machine
	all                   bool // of what is asked for, all must be true
	found                 map[string]bool
}

// lsof prints what processes have open. Its status is 1 if something that is asked for is not there.
func lsof(c *command.Call) {
	q, terse, ok := parseLsof(c)
	if !ok {
		return
	}
	all, err := processes(false)
	if err != nil {
		c.Fail(err)
		return
	}
	sockets := proc.Sockets(procFS())
	user := userNames()
	var rows [][]string
	for _, p := range all {
		if p.ID == os.Getpid() {
			continue
		}
		some := false
		for _, f := range openFiles(p.ID, sockets) {
			if q.wants(p, &f) {
				if i := q.file(&f); i >= 0 && !q.files[i].all {
					f.Target = q.files[i].name // as it was asked for
				}
				if some = true; !terse {
					rows = append(rows, lsofRow(p, &f, user))
				}
			}
		}
		if some && terse {
			fmt.Fprintln(c.Stdout, p.ID)
		}
		if some {
			q.found["something"] = true
		}
	}
	if len(rows) > 0 {
		printLsof(c, rows)
	}
	if !q.found["something"] || q.missed() {
		c.Exit(1)
	}
}

// parseLsof reads the arguments. The value of -i may be left out.
func parseLsof(c *command.Call) (q *lsofQuery, terse, ok bool) {
	q = &lsofQuery{found: map[string]bool{}}
	args := slices.Clone(c.Args)
	for i := 0; i+1 < len(args); i++ {
		if len(args[i]) > 1 && args[i][0] == '-' && strings.Trim(args[i][1:], "atUnPlwi") == "" && strings.HasSuffix(args[i], "i") &&
			!strings.HasPrefix(args[i+1], "-") {
			args[i] += args[i+1]
			args = slices.Delete(args, i+1, i+2)
		}
	}
	options, files, err := getopt.ParseLong(args, "atUnPlwp:c:u:i::s:", nil)
	for _, o := range options {
		if err != nil {
			break
		}
		switch o.Letter {
		case 'a':
			q.all = true
		case 't':
			terse = true
		case 'U':
			q.local = true
		case 'p':
			err = numbersOf(&q.pids, o.Value, -1)
		case 'c':
			q.names = append(q.names, o.Value)
		case 'u':
			err = q.user(o.Value)
		case 'i':
			var e endpoints
			e, err = parseEndpoints(o.Value)
			q.internet = append(q.internet, e)
		case 's':
			protocol, states, _ := strings.Cut(strings.ToUpper(o.Value), ":")
			if protocol != "TCP" || states == "" {
				err = fmt.Errorf("-s %s: expected TCP and states", printable.String(o.Value))
			}
			q.states = append(q.states, strings.Split(states, ",")...)
		}
	}
	if err != nil {
		c.Misused("%v", err)
		return nil, false, false
	}
	for _, name := range files {
		f, err := lookAt(name, isMount(name))
		if err != nil {
			c.Fail(err)
			continue
		}
		q.files = append(q.files, f)
	}
	return q, terse, len(files) == 0 || len(q.files) > 0
}

func (q *lsofQuery) user(list string) error {
	for word := range strings.SplitSeq(list, ",") {
		to := &q.users
		name, not := strings.CutPrefix(word, "^")
		if not {
			to = &q.notUsers
		}
		if err := usersOf(to, name); err != nil {
			return err
		}
	}
	return nil
}

// wants reports whether a file is asked for: any, if nothing is.
func (q *lsofQuery) wants(p *proc.Process, f *openFile) bool {
	if slices.Contains(q.notUsers, p.UID) {
		return false
	}
	asked, met := 0, 0
	test := func(is bool, what string) {
		if asked++; is {
			met++
			q.found[what] = true
		}
	}
	if q.pids != nil {
		test(slices.Contains(q.pids, p.ID), fmt.Sprint("pid ", p.ID))
	}
	if q.users != nil {
		test(slices.Contains(q.users, p.UID), fmt.Sprint("user ", p.UID))
	}
	if q.names != nil {
		i := slices.IndexFunc(q.names, func(n string) bool { return strings.HasPrefix(p.Name, n) })
		test(i >= 0, fmt.Sprint("name ", i))
	}
	if q.internet != nil {
		i := slices.IndexFunc(q.internet, func(e endpoints) bool { return e.match(f.socket) })
		wanted := q.states == nil || f.socket.State == "" || slices.Contains(q.states, f.socket.State)
		test(i >= 0 && wanted, fmt.Sprint("internet ", i))
	}
	if q.local {
		test(f.socket.Protocol == "unix", "local")
	}
	if q.files != nil {
		i := q.file(f)
		test(i >= 0, fmt.Sprint("file ", i))
	}
	return met == asked || met > 0 && !q.all
}

// file is which of the files that are asked for it is; -1: none.
func (q *lsofQuery) file(f *openFile) int {
	return slices.IndexFunc(q.files, func(n namedFile) bool { return n.is(f) })
}

// missed reports whether something that is asked for was not met at all.
func (q *lsofQuery) missed() bool {
	lacks := func(kind string, n int, key func(i int) int) bool {
		for i := range n {
			if !q.found[fmt.Sprint(kind, " ", key(i))] {
				return true
			}
		}
		return false
	}
	index := func(i int) int { return i }
	return lacks("pid", len(q.pids), func(i int) int { return q.pids[i] }) || lacks("user", len(q.users), func(i int) int { return q.users[i] }) ||
		lacks("name", len(q.names), index) || lacks("internet", len(q.internet), index) || lacks("file", len(q.files), index) ||
		q.local && !q.found["local"]
}

// lsofRow is the line of a file: COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME.
func lsofRow(p *proc.Process, f *openFile, user func(int) string) []string {
	fd := f.As + "  "
	if f.Mode != ' ' {
		fd = f.As + string(rune(f.Mode)) + " "
	}
	row := []string{clean(p.Name), strconv.Itoa(p.ID), clean(user(p.UID)), fd}
	row[0], row[2] = cut(row[0], 9), cut(row[2], 8)
	if f.inode != 0 {
		return append(row, socketCells(f)...)
	}
	return append(row, fileCells(f)...)
}

// fileCells are TYPE to NAME of a file.
func fileCells(f *openFile) []string {
	name := printable.String(f.Target)
	if !f.known {
		return []string{"unknown", "", "", "", name}
	}
	device, size := f.stat.Dev, "0t0"
	kind := "unknown"
	switch f.stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		kind, size = "REG", fmt.Sprint(f.stat.Size)
	case unix.S_IFDIR:
		kind, size = "DIR", fmt.Sprint(f.stat.Size)
	case unix.S_IFLNK:
		kind, size = "LINK", fmt.Sprint(f.stat.Size)
	case unix.S_IFCHR:
		kind, device = "CHR", f.stat.Rdev
	case unix.S_IFBLK:
		kind, device = "BLK", f.stat.Rdev
	case unix.S_IFIFO:
		if kind = "FIFO"; strings.HasPrefix(name, "pipe:") {
			name = "pipe"
		}
	case 0:
		kind, size, name = "a_inode", "0", strings.TrimPrefix(name, "anon_inode:")
	}
	return []string{kind, fmt.Sprintf("%d,%d", unix.Major(device), unix.Minor(device)), size, fmt.Sprint(f.stat.Ino), name}
}

// printLsof lays rows out in columns, numbers on the right.
func printLsof(c *command.Call, rows [][]string) {
	header := []string{"COMMAND", "PID", "USER", "FD  ", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"}
	rows = append([][]string{header}, rows...)
	widths := make([]int, len(header))
	widths[3] = len("  4u ") + 1
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			switch i {
			case 0:
				b.WriteString(cell + strings.Repeat(" ", widths[i]-len(cell)))
			case len(row) - 1:
				b.WriteString(" " + cell)
			default:
				b.WriteString(" " + pad(cell, widths[i]))
			}
		}
		c.Stdout.WriteString(b.String() + "\n")
	}
}
