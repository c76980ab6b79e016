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
			Usage: "[-atUnPlw] [-p PID,...] [-c NAME] [-u USER,...] [-i [WHAT]] [FILE]...",
			Raw:   true, Run: lsof,
			Help: "\t-p -c -u\tof these processes, names, users; ^USER: not\n\t-i\tsockets of IP: [46][tcp|udp][:PORT,PORT-PORT,...]\n\t-s TCP:STATE,...\twith -i: in these states\n" +
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

// A condition is something that is asked for: all of a kind are one question, to which any of them is an
// answer.
type condition struct {
	kind byte // the letter of its option; 'f': a file
	is   func(p *proc.Process, f *openFile) bool
	met  bool
}

// An lsofQuery is what is asked for.
type lsofQuery struct {
	conditions []condition
	users      []int // who is not wanted
	states     []string
	files      []namedFile
	all        bool // all kinds must be met, not any
	terse      bool
}

// lsof prints what processes have open. Its status is 1 if something that is asked for is not there.
func lsof(c *command.Call) {
	q, ok := parseLsof(c)
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
	rows := [][]string{{"COMMAND", "PID", "USER", "FD  ", "TYPE", "DEVICE", "SIZE/OFF", "NODE", "NAME"}}
	found := false
	for _, p := range all {
		if p.ID == os.Getpid() || slices.Contains(q.users, p.UID) {
			continue
		}
		some := false
		for _, f := range openFiles(p.ID, sockets) {
			if q.wants(p, &f) {
				some = true
				rows = append(rows, lsofRow(p, &f, user))
			}
		}
		found = found || some
		if some && q.terse {
			fmt.Fprintln(c.Stdout, p.ID)
		}
	}
	if found && !q.terse {
		printLsof(c, rows)
	}
	if !found || slices.ContainsFunc(q.conditions, func(c condition) bool { return !c.met }) {
		c.Exit(1)
	}
}

// parseLsof reads the arguments. The value of -i may be left out.
func parseLsof(c *command.Call) (q *lsofQuery, ok bool) {
	q = &lsofQuery{}
	args := slices.Clone(c.Args)
	for i := 0; i+1 < len(args); i++ {
		if word, _ := strings.CutPrefix(args[i], "-"); word != args[i] && strings.HasSuffix(word, "i") &&
			strings.Trim(word, "atUnPlwi") == "" && !strings.HasPrefix(args[i+1], "-") {
			args[i] += args[i+1]
			args = slices.Delete(args, i+1, i+2)
		}
	}
	options, names, err := getopt.ParseLong(args, "atUnPlwp:c:u:i::s:", nil)
	for _, o := range options {
		if err == nil {
			err = q.option(o)
		}
	}
	if err != nil {
		c.Misused("%v", err)
		return nil, false
	}
	for _, name := range names {
		f, err := lookAt(name, isMount(name))
		if err != nil {
			c.Fail(err)
			continue
		}
		q.files = append(q.files, f)
		q.ask('f', func(_ *proc.Process, o *openFile) bool { return f.is(o) })
	}
	return q, len(names) == 0 || len(q.files) > 0
}

func (q *lsofQuery) ask(kind byte, is func(p *proc.Process, f *openFile) bool) {
	q.conditions = append(q.conditions, condition{kind: kind, is: is})
}

// option takes one.
func (q *lsofQuery) option(o getopt.Option) error {
	switch o.Letter {
	case 'a':
		q.all = true
	case 't':
		q.terse = true
	case 'U':
		q.ask('U', func(_ *proc.Process, f *openFile) bool { return f.socket.Protocol == "unix" })
	case 'c':
		q.ask('c', func(p *proc.Process, _ *openFile) bool { return strings.HasPrefix(p.Name, o.Value) })
	case 'i':
		e, err := parseEndpoints(o.Value)
		q.ask('i', func(_ *proc.Process, f *openFile) bool {
			known := q.states != nil && f.socket.State != ""
			return e.match(f.socket) && (!known || slices.Contains(q.states, f.socket.State))
		})
		return err
	case 's':
		protocol, states, _ := strings.Cut(strings.ToUpper(o.Value), ":")
		if protocol != "TCP" || states == "" {
			return fmt.Errorf("-s %s: expected TCP and states", printable.String(o.Value))
		}
		q.states = append(q.states, strings.Split(states, ",")...)
	case 'p', 'u':
		return q.who(o)
	}
	return nil
}

// who takes a list of processes or users. A user behind ^ is one who is not wanted.
func (q *lsofQuery) who(o getopt.Option) error {
	for word := range strings.SplitSeq(o.Value, ",") {
		name, not := strings.CutPrefix(word, "^")
		id, err := userID(name)
		if o.Letter == 'p' {
			id, err = strconv.Atoi(word)
		}
		switch {
		case err != nil:
			return fmt.Errorf("-%c %s: expected a list of processes or users", o.Letter,
				printable.String(o.Value))
		case not:
			q.users = append(q.users, id)
		case o.Letter == 'p':
			q.ask('p', func(p *proc.Process, _ *openFile) bool { return p.ID == id })
		default:
			q.ask('u', func(p *proc.Process, _ *openFile) bool { return p.UID == id })
		}
	}
	return nil
}

// wants reports whether a file is asked for: any, if nothing is.
func (q *lsofQuery) wants(p *proc.Process, f *openFile) bool {
	asked, met := 0, 0 // kinds, as bits
	for i := range q.conditions {
		c := &q.conditions[i]
		bit := 1 << strings.IndexByte("Ucipuf", c.kind)
		asked |= bit
		if c.is(p, f) {
			met |= bit
			c.met = true
		}
	}
	if asked != met && (q.all || met == 0) {
		return false
	}
	for _, n := range q.files {
		if !n.all && n.is(f) {
			f.Target = n.name // as it was asked for
		}
	}
	return true
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
	return []string{kind, fmt.Sprintf("%d,%d", unix.Major(device), unix.Minor(device)), size,
		fmt.Sprint(f.stat.Ino), name}
}

// printLsof lays rows out in columns, numbers on the right.
func printLsof(c *command.Call, rows [][]string) {
	var widths [9]int
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
