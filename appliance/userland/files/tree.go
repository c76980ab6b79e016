package files

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const treeHelp = `	-a -d	hidden files too; directories only
	-L N	no deeper
	-P -I PATTERN	names that fit one of a|b|c; without them
	-f -i	whole paths; no lines between names
	-p -u -g -s -h	mode, user, group, size, size for people
	-F	a sign behind each name
	-r -t	backwards; newest last
	--dirsfirst --noreport
`

const (
	treeDirsFirst = 1
	treeNoReport  = 2
)

func trees() map[string]command.Command {
	return map[string]command.Command{"tree": {
		Usage: "[-adfiFrtpugsh] [-L N] [-P PATTERN] [-I PATTERN] [DIRECTORY]...", Help: treeHelp,
		Letters: "adfiFrtpugshnL:P:I:\x01\x02", Run: tree,
		Long: map[string]byte{"dirsfirst": treeDirsFirst, "noreport": treeNoReport},
	}}
}

// A forest is what tree prints.
type forest struct {
	c            *command.Call
	o            chosen
	depth        int // 0: any
	only, not    []string
	known        owners
	branch, last string // lines before a name
	trunk        string // of a directory above that has more
	dirs, files  int
}

func tree(c *command.Call) {
	o, _ := choose(c, "")
	t := forest{c: c, o: o, branch: "|-- ", last: "`-- ", trunk: "|   "}
	if utf8Locale() {
		t.branch, t.last, t.trunk = "├── ", "└── ", "│\u00a0\u00a0 "
	}
	if text, given := c.Value('L'); given {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil || n == 0 {
			c.Misused("-L %s: expected a number from 1", text)
			return
		}
		t.depth = int(n)
	}
	for _, option := range c.Options {
		switch option.Letter {
		case 'P':
			t.only = append(t.only, strings.Split(option.Value, "|")...)
		case 'I':
			t.not = append(t.not, strings.Split(option.Value, "|")...)
		}
	}
	roots := c.Args
	if len(roots) == 0 {
		roots = []string{"."}
	}
	for _, root := range roots {
		t.root(root)
	}
	if !o[treeNoReport] {
		t.report()
	}
}

func (t *forest) report() {
	plural := func(n int, one, many string) string {
		if n == 1 {
			return "1 " + one
		}
		return strconv.Itoa(n) + " " + many
	}
	t.c.Stdout.WriteString("\n" + plural(t.dirs, "directory", "directories"))
	if !t.o['d'] {
		t.c.Stdout.WriteString(", " + plural(t.files, "file", "files"))
	}
	t.c.Stdout.WriteByte('\n')
}

// A leaf is a file of a tree.
type leaf struct {
	name   string
	st     unix.Stat_t
	target string // of a link
	is     unix.Stat_t
	ok     bool // is is what the link leads to
}

func (l *leaf) directory() bool { return isDir(&l.st) || l.ok && isDir(&l.is) }

func (t *forest) root(name string) {
	l := leaf{name: name}
	if unix.Stat(name, &l.st) != nil {
		fmt.Fprintf(t.c.Stdout, "%s  [error opening dir]\n", shown(name))
		t.c.Exit(2)
		return
	}
	if !isDir(&l.st) {
		fmt.Fprintf(t.c.Stdout, "%s  [error opening dir]\n", shown(name))
		t.files++
		t.c.Exit(2)
		return
	}
	t.put("", &l, name)
	if t.inside(name, "", 1) {
		t.dirs++
	}
}

// put prints a line.
func (t *forest) put(before string, l *leaf, name string) {
	if t.o['i'] {
		before = ""
	}
	t.c.Stdout.WriteString(before + t.facts(&l.st) + shown(name))
	if isLink(&l.st) {
		t.c.Stdout.WriteString(" -> " + shown(l.target))
		if l.ok {
			t.sign(l.is.Mode)
		}
	} else {
		t.sign(l.st.Mode)
	}
	t.c.Stdout.WriteByte('\n')
}

func (t *forest) sign(mode uint32) {
	if t.o['F'] {
		t.c.Stdout.WriteString((&ls{o: chosen{'F': true}}).suffix(mode))
	}
}

// facts are what is in brackets.
func (t *forest) facts(st *unix.Stat_t) string {
	var words []string
	if t.o['p'] {
		words = append(words, modeString(st.Mode))
	}
	if t.o['u'] {
		words = append(words, fmt.Sprintf("%-8.32s", t.known.user(st.Uid)))
	}
	if t.o['g'] {
		words = append(words, fmt.Sprintf("%-8.32s", t.known.group(st.Gid)))
	}
	switch {
	case t.o['h']:
		words = append(words, fmt.Sprintf("%4s", people(st.Size)))
	case t.o['s']:
		words = append(words, fmt.Sprintf("%11d", st.Size))
	}
	if len(words) == 0 {
		return ""
	}
	return "[" + strings.Join(words, " ") + "]  "
}

// people is a size with a unit, and a tenth if it is below ten.
func people(size int64) string {
	n, unit := float64(size), 0
	for ; n >= 1024 && unit < 6; unit++ {
		n /= 1024
	}
	switch {
	case unit == 0:
		return strconv.FormatInt(size, 10)
	case n < 10:
		return fmt.Sprintf("%.1f%c", n, " KMGTPE"[unit])
	}
	return fmt.Sprintf("%.0f%c", n, " KMGTPE"[unit])
}

// inside prints what is in a directory, and reports whether there is something.
func (t *forest) inside(dir, before string, depth int) (some bool) {
	if t.depth > 0 && depth > t.depth || t.c.Stdout.Err() != nil {
		return true
	}
	all, err := names(dir)
	if err != nil {
		t.c.Fail(err)
		t.c.Exit(2)
	}
	leaves := make([]*leaf, 0, len(all))
	for _, name := range all {
		l := &leaf{name: name}
		full := join(dir, name)
		if name[0] == '.' && !t.o['a'] || unix.Lstat(full, &l.st) != nil {
			continue
		}
		if isLink(&l.st) {
			l.target, _ = os.Readlink(full) // it may be gone by now
			l.ok = unix.Stat(full, &l.is) == nil
		}
		if t.wants(l) {
			leaves = append(leaves, l)
		}
	}
	slices.SortFunc(leaves, t.compare)
	for i, l := range leaves {
		line, next := t.branch, t.trunk
		if i == len(leaves)-1 {
			line, next = t.last, "    "
		}
		name := l.name
		if t.o['f'] {
			name = join(dir, name)
		}
		t.put(before+line, l, name)
		if !l.directory() {
			t.files++
			continue
		}
		t.dirs++
		if isDir(&l.st) {
			t.inside(join(dir, l.name), before+next, depth+1)
		}
	}
	return len(leaves) > 0
}

func (t *forest) wants(l *leaf) bool {
	if t.o['d'] && !l.directory() || fits(l.name, t.not) {
		return false
	}
	return len(t.only) == 0 || isDir(&l.st) || fits(l.name, t.only)
}

func fits(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

func (t *forest) compare(a, b *leaf) int {
	if t.o[treeDirsFirst] && a.directory() != b.directory() {
		if a.directory() {
			return -1
		}
		return 1
	}
	order := 0
	if t.o['t'] {
		order = int(a.st.Mtim.Nano() - b.st.Mtim.Nano())
	}
	if order == 0 {
		order = strings.Compare(a.name, b.name)
	}
	if t.o['r'] {
		order = -order
	}
	return order
}

// shown is a name as a terminal may have it. What cannot be printed is an escape of C, in octal digits if
// there is no other; so are blanks, where characters are bytes.
func shown(name string) string {
	utf := utf8Locale()
	var b strings.Builder
	for s := name; s != ""; {
		r, n := utf8.DecodeRuneInString(s)
		special := strings.IndexByte("\a\b\t\n\v\f\r\\ ", s[0])
		switch {
		case !utf && special >= 0:
			b.WriteByte('\\')
			b.WriteByte(`abtnvfr\ `[special])
			n = 1
		case s[0] >= ' ' && s[0] < 0x7f, utf && n > 1 && strconv.IsPrint(r):
			b.WriteString(s[:n])
		default:
			fmt.Fprintf(&b, "\\%03o", s[0])
			n = 1
		}
		s = s[n:]
	}
	return b.String()
}
