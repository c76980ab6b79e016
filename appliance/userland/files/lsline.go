package files

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// compare is the order of two entries, but for -r.
func (l *ls) compare(a, b *entry) int {
	if l.o[lsDirsFirst] && isDir(&a.st) != isDir(&b.st) {
		if isDir(&a.st) {
			return -1
		}
		return 1
	}
	order := 0
	switch {
	case l.o['S']:
		order = cmp.Compare(b.st.Size, a.st.Size)
	case l.o['t']:
		order = cmp.Compare(l.time(b).Unix(), l.time(a).Unix())
	case l.o['v']:
		order = versionCompare(a.name, b.name)
	case l.o['X']:
		order = strings.Compare(extension(a.name), extension(b.name))
	}
	if order == 0 {
		order = strings.Compare(a.name, b.name)
	}
	return order
}

// extension is what begins with the first dot.
func extension(name string) string {
	if i := strings.IndexByte(name, '.'); i >= 0 {
		return name[i:]
	}
	return ""
}

func (l *ls) time(e *entry) time.Time {
	t := e.st.Mtim
	switch {
	case l.o['c']:
		t = e.st.Ctim
	case l.o['u']:
		t = e.st.Atim
	}
	return time.Unix(t.Unix()).In(l.now.Location())
}

// versionCompare is strverscmp(3): numbers in names by their value, those with zeros before them as
// fractions.
func versionCompare(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	start := i // of the digits that both have in common
	for start > 0 && isDigit(at(a, start-1)) {
		start--
	}
	byByte := cmp.Compare(at(a, i), at(b, i))
	common := a[start:i]
	switch zeros := strings.HasPrefix(common, "0"); {
	case !isDigit(at(a, i)) && !isDigit(at(b, i)):
		return byByte
	case common == "" && (!isDigit(at(a, i)) || !isDigit(at(b, i))):
		return byByte
	case common == "" && (at(a, i) == '0' || at(b, i) == '0'):
		return byByte
	case zeros && strings.Trim(common, "0") == "": // only zeros so far
		switch {
		case isDigit(at(a, i)) && !isDigit(at(b, i)):
			return -1
		case !isDigit(at(a, i)) && isDigit(at(b, i)):
			return 1
		}
		return byByte
	case zeros:
		return byByte
	}
	x, y := digits(a[i:]), digits(b[i:])
	if x != y {
		return cmp.Compare(x, y)
	}
	return byByte
}

func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// digits is how many s begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

func (l *ls) nameWidth(name string) int {
	text, width := printable(name)
	if l.o['Q'] {
		width += 2 + strings.Count(text, `"`) + strings.Count(text, `\`)
	}
	return width
}

// line writes an entry, and returns how many columns it took.
func (l *ls) line(e *entry) int {
	target, haveTarget := "", false
	if l.o['l'] && isLink(&e.st) {
		var err error
		if target, err = os.Readlink(e.path); err != nil {
			l.c.Warn(fmt.Errorf("%s: cannot read link", e.path))
		}
		haveTarget = err == nil
	}
	var b strings.Builder
	if l.o['i'] {
		fmt.Fprintf(&b, "%7d ", e.st.Ino)
	}
	if l.o['s'] {
		fmt.Fprintf(&b, "%6d ", e.st.Blocks/2)
	}
	if l.o['l'] {
		l.long(&b, e)
	}
	width := b.Len()
	suffix := l.suffix(e.st.Mode)
	width += l.name(&b, e.name, func() uint32 { return l.mode(e, unix.Lstat, !e.followed) })
	if haveTarget {
		mode := uint32(0)
		if l.o['F'] || l.o['p'] || l.color {
			mode = l.mode(e, unix.Stat, e.followed)
			suffix = l.suffix(mode)
		}
		b.WriteString(" -> ")
		width += 4 + l.name(&b, target, func() uint32 { return mode })
	}
	l.c.Stdout.WriteString(b.String() + suffix)
	return width + len(suffix)
}

// mode is that of the entry by another call than it was made by.
func (l *ls) mode(e *entry, call func(string, *unix.Stat_t) error, known bool) uint32 {
	if known {
		return e.st.Mode
	}
	var st unix.Stat_t
	if call(e.path, &st) != nil {
		return 0
	}
	return st.Mode
}

// long is what -l has before the name.
func (l *ls) long(b *strings.Builder, e *entry) {
	fmt.Fprintf(b, "%-10s %4d ", modeString(e.st.Mode), e.st.Nlink)
	user, group := "", ""
	if l.o['n'] {
		user, group = fmt.Sprint(e.st.Uid), fmt.Sprint(e.st.Gid)
	} else {
		user, group = l.user(e.st.Uid), l.group(e.st.Gid)
	}
	if !l.o['g'] {
		fmt.Fprintf(b, "%-8s ", user)
	}
	fmt.Fprintf(b, "%-8s ", group)
	switch kind(&e.st) {
	case unix.S_IFBLK, unix.S_IFCHR:
		fmt.Fprintf(b, "%4d, %3d ", unix.Major(e.st.Rdev), unix.Minor(e.st.Rdev))
	default:
		if l.o['h'] {
			fmt.Fprintf(b, "%7s ", human(uint64(e.st.Size), true))
		} else {
			fmt.Fprintf(b, "%9d ", e.st.Size)
		}
	}
	const halfYear = 365 * 24 * time.Hour / 2
	t := l.time(e)
	switch age := l.now.Sub(t).Truncate(time.Second); {
	case l.o[lsFullTime]:
		b.WriteString(t.Format("2006-01-02 15:04:05 -0700 "))
	case age < halfYear && age > -15*time.Minute:
		b.WriteString(t.Format("Jan _2 15:04 "))
	default:
		fmt.Fprintf(b, "%s %5d ", t.Format("Jan _2"), t.Year())
	}
}

// name writes one, coloured by the mode of its file if there are colours.
func (l *ls) name(b *strings.Builder, name string, mode func() uint32) int {
	text, _ := printable(name)
	if l.o['Q'] {
		text = `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(text) + `"`
	}
	if l.color {
		text = colored(text, mode())
	}
	b.WriteString(text)
	return l.nameWidth(name)
}

const executable = unix.S_IXUSR | unix.S_IXGRP | unix.S_IXOTH

// colored is a name with the colour of its kind; a mode of 0 is that of what is not there.
func colored(name string, mode uint32) string {
	bold, color := 1, 31
	switch mode & unix.S_IFMT {
	case unix.S_IFIFO:
		bold, color = 0, 35
	case unix.S_IFCHR, unix.S_IFBLK:
		color = 35
	case unix.S_IFDIR:
		color = 34
	case unix.S_IFREG:
		if bold, color = 0, 0; mode&executable != 0 {
			bold, color = 1, 32
		}
	case unix.S_IFLNK:
		color = 36
	case unix.S_IFSOCK:
		color = 35
	}
	return fmt.Sprintf("\x1b[%d;%dm%s\x1b[m", bold, color, name)
}

// suffix is the character of -F and -p.
func (l *ls) suffix(mode uint32) string {
	switch {
	case !l.o['F'] && !l.o['p']:
		return ""
	case mode&unix.S_IFMT == unix.S_IFDIR:
		return "/"
	case !l.o['F']:
		return ""
	case mode&unix.S_IFMT == unix.S_IFREG && mode&executable != 0:
		return "*"
	case mode&unix.S_IFMT == unix.S_IFIFO:
		return "|"
	case mode&unix.S_IFMT == unix.S_IFLNK:
		return "@"
	case mode&unix.S_IFMT == unix.S_IFSOCK:
		return "="
	}
	return ""
}
