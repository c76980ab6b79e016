package files

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

const lsHelp = `	-1 -C -x	one column; columns; columns, across
	-a -A	names that begin with "." too; but not . and ..
	-d	directories themselves, not what is in them
	-R	what is in directories of directories too
	-L -H	follow links; those of the command line
	-p -F	a character that tells the kind: / of directories; one of */=@|
	-l -n -g	long; with numbers of owners; without owners
	-i -s	inode numbers; allocated blocks of 1024
	-h	sizes for people
	-c -u	the time of the last change of the inode; of the last access
	-t -S -X -v -r	sort by time, size, extension, version; backwards
	-Q	names in quotation marks
	-w N	columns of the terminal
	--full-time --group-directories-first --color[=always|never|auto]
`

const (
	lsColor     = 1 // letters of long options
	lsFullTime  = 2
	lsDirsFirst = 3
)

func listing() map[string]command.Command {
	return map[string]command.Command{"ls": {
		Usage: "[-1AaCxdLHRFplinshrSXvctuQ] [-w WIDTH] [FILE]...", Help: lsHelp,
		Letters: "Cadi1lgnsxAkFpRQctuSXrvLHhT:w:\x01::",
		Long: map[string]byte{"full-time": lsFullTime, "group-directories-first": lsDirsFirst,
			"color": lsColor},
		Run: runLs,
	}}
}

// ls is one run of it.
type ls struct {
	o      chosen
	c      *command.Call
	width  int
	color  bool
	now    time.Time
	titles bool // the name of each directory
	owners
}

// An entry is a file that is listed.
type entry struct {
	name, path string
	st         unix.Stat_t
	followed   bool
}

func runLs(c *command.Call) {
	o, ok := choose(c, "nl gl \x02l t-S S-t H-L L-H C-x-l-1 x-C-l-1 l-x-C 1-C-x c-u u-c")
	if !ok {
		return
	}
	l := &ls{o: o, c: c, now: time.Now().In(zone.Local()), titles: len(c.Args) > 1}
	if !l.settle() {
		return
	}
	if len(c.Args) == 0 {
		c.Args = []string{"."}
	}
	var all, dirs []entry
	for _, name := range c.Args {
		if e, ok := l.look(name, name, !(o['l'] || o['i'] || o['s'] || o['F']) || o['H']); ok {
			all = append(all, e)
		}
	}
	if !o['d'] {
		all, dirs = split(all)
	}
	if len(all) > 0 {
		l.show(all)
	}
	l.directories(dirs, len(all) == 0)
}

// settle makes up its mind about what was not said.
func (l *ls) settle() bool {
	l.width = terminalWidth() - 1
	if text, given := l.c.Value('w'); given {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			l.c.Misused("-w %s: expected a number of columns", text)
			return false
		}
		l.width = int(n)
	}
	if l.o['d'] {
		l.o['R'] = false
	}
	if !l.o['l'] && (l.o['c'] || l.o['u']) {
		l.o['t'] = true
	}
	if !(l.o['l'] || l.o['1'] || l.o['x'] || l.o['C']) {
		l.o[map[bool]byte{true: 'C', false: '1'}[isTerminal(1)]] = true
	}
	l.settleColor()
	return true
}

func (l *ls) settleColor() {
	if !l.o[lsColor] {
		return
	}
	when, _ := l.c.Value(lsColor)
	terminal := isTerminal(1) && os.Getenv("TERM") != "dumb"
	for _, word := range []string{"always", "yes", "force"} {
		l.color = l.color || strings.HasPrefix(word, when)
	}
	for _, word := range []string{"auto", "tty", "if-tty"} {
		l.color = l.color || when != "" && strings.HasPrefix(word, when) && terminal
	}
}

// terminalWidth is what standard input says, or the environment.
func terminalWidth() int {
	const usual, most = 80, 30000
	width := 0
	if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
		width = int(size.Col)
	}
	if width == 0 {
		width, _ = strconv.Atoi(os.Getenv("COLUMNS"))
	}
	if width <= 1 || width >= most {
		return usual
	}
	return width
}

func (l *ls) look(path, name string, follow bool) (e entry, ok bool) {
	e = entry{name: name, path: path, followed: follow || l.o['L']}
	look := lstat
	if e.followed {
		look = stat
	}
	var err error
	if e.st, err = look(path); err != nil {
		l.c.Fail(err)
		return e, false
	}
	return e, true
}

func split(all []entry) (others, dirs []entry) {
	for _, e := range all {
		if isDir(&e.st) {
			dirs = append(dirs, e)
		} else {
			others = append(others, e)
		}
	}
	return others, dirs
}

// directories lists what is in each.
func (l *ls) directories(dirs []entry, first bool) {
	l.sort(dirs)
	for _, d := range dirs {
		if l.titles || l.o['R'] {
			if !first {
				l.c.Stdout.WriteByte('\n')
			}
			fmt.Fprintf(l.c.Stdout, "%s:\n", d.path)
		}
		first = false
		all := l.scan(d.path)
		if l.o['s'] || l.o['l'] {
			l.total(all)
		}
		l.show(all)
		if l.o['R'] {
			_, below := split(all)
			below = slices.DeleteFunc(below, func(e entry) bool { return e.name == "." || e.name == ".." })
			l.directories(below, false)
		}
		if l.c.Stdout.Err() != nil {
			return
		}
	}
}

func (l *ls) scan(dir string) (all []entry) {
	found, err := names(dir)
	if err != nil {
		l.c.Fail(err)
		if len(found) == 0 {
			return nil
		}
	}
	if l.o['a'] {
		found = append(found, ".", "..")
	}
	for _, name := range found {
		if name[0] == '.' && !l.o['a'] && !l.o['A'] {
			continue
		}
		if e, ok := l.look(join(dir, name), name, false); ok {
			all = append(all, e)
		}
	}
	return all
}

func (l *ls) total(all []entry) {
	blocks := uint64(1)
	for _, e := range all {
		blocks += uint64(e.st.Blocks)
	}
	if l.o['h'] {
		fmt.Fprintf(l.c.Stdout, "total %-7s\n", human(blocks/2*1024, false))
		return
	}
	fmt.Fprintf(l.c.Stdout, "total %d\n", blocks/2)
}

// show lists entries in their order, in columns if that is wanted.
func (l *ls) show(all []entry) {
	l.sort(all)
	columns, width := 1, 0
	if !l.o['l'] && !l.o['1'] {
		for _, e := range all {
			width = max(width, l.nameWidth(e.name))
		}
		width += 2
		if l.o['i'] {
			width += 8
		}
		if l.o['s'] {
			width += 5
		}
		columns = max(1, l.width/width)
	}
	rows := (len(all) + columns - 1) / columns
	for row := range rows {
		gap := 0
		for column := range columns {
			i := column*rows + row
			if l.o['x'] {
				i = row*columns + column
			}
			if i < len(all) {
				l.c.Stdout.WriteString(strings.Repeat(" ", max(0, gap)))
				gap = width - l.line(&all[i])
			}
		}
		l.c.Stdout.WriteByte('\n')
	}
}

func (l *ls) sort(all []entry) {
	slices.SortStableFunc(all, func(a, b entry) int {
		order := l.compare(&a, &b)
		if l.o['r'] {
			order = -order
		}
		return order
	})
}
