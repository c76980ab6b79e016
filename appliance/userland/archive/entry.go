package archive

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// An entry is a file of an archive, without what is in it.
type entry struct {
	name        string // of directories with a slash at the end, where the archive has it so
	mode        uint32 // with its kind, as of stat(2)
	uid, gid    int
	user, group string // "": not said
	size        int64  // of what follows in the archive
	when        time.Time
	link        string // where a symbolic link leads to, or another name of the file
	device      uint64
}

// An inode is a file, whatever its name.
type inode struct{ dev, ino uint64 }

func (e *entry) kind() uint32 { return e.mode & unix.S_IFMT }

// hard: it is another name of a file that is in the archive already.
func (e *entry) hard() bool { return e.kind() == unix.S_IFREG && e.size == 0 && e.link != "" }

// safeName takes away what would lead out of the directory that an archive is unpacked in: all up to the last
// "..", and slashes at the beginning.
func safeName(name string) string {
	if name == ".." || strings.HasSuffix(name, "/..") {
		return ""
	}
	for {
		rest := strings.TrimPrefix(strings.TrimLeft(name, "/"), "../")
		if _, behind, found := strings.Cut(rest, "/../"); found {
			rest = behind
		}
		if rest == name {
			return name
		}
		name = rest
	}
}

// leadsOut: nothing is left of a name when it is safe.
func leadsOut(name string) bool { return safeName(name) == "" && strings.Trim(name, "/") != "" }

// A lister shows names.
type lister struct {
	out      io.Writer
	terminal bool
}

// newLister is for out, which ends at what end is.
func newLister(end, out io.Writer) lister {
	f, ok := end.(*os.File)
	return lister{out, ok && isTerminal(f)}
}

// named is command.Named with a name of a stranger.
func named(name string, err error) error { return command.Named(printable.String(name), err) }

// text is a stranger's: on a terminal no escape sequence is one.
func (l lister) text(s string) string {
	if l.terminal {
		return printable.String(s)
	}
	return s
}

// name shows the name, and long all that there is to know.
func (l lister) name(e *entry) { fmt.Fprintln(l.out, l.text(e.name)) }

func (l lister) long(e *entry) {
	user, group := e.user, e.group
	if user == "" {
		user = fmt.Sprint(e.uid)
	}
	if group == "" {
		group = fmt.Sprint(e.gid)
	}
	fmt.Fprintf(l.out, "%s %s/%s %9d %s %s", modeText(e.mode), l.text(user), l.text(group), e.size,
		e.when.In(zone.Local()).Format("2006-01-02 15:04:05"), l.text(e.name))
	if e.link != "" {
		fmt.Fprintf(l.out, " -> %s", l.text(e.link))
	}
	fmt.Fprintln(l.out)
}

// modeText is a mode as ls -l has it.
func modeText(mode uint32) string {
	text := []byte("?rwxrwxrwx")
	for i := range 9 {
		if mode>>(8-i)&1 == 0 {
			text[1+i] = '-'
		}
	}
	text[0] = "?pc?d?b?-?l?s???"[mode>>12&0xf]
	for i, special := range []struct {
		bit           uint32
		with, without byte // execution
	}{{unix.S_ISUID, 's', 'S'}, {unix.S_ISGID, 's', 'S'}, {unix.S_ISVTX, 't', 'T'}} {
		at := 3 + 3*i
		switch {
		case mode&special.bit == 0:
		case text[at] == 'x':
			text[at] = special.with
		default:
			text[at] = special.without
		}
	}
	return string(text)
}
