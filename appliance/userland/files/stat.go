package files

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/filemode"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

const statHelp = `	-c FORMAT	as it says
	-f	the file system
	-L	follow links
	-t	on one line
FORMAT of files: %a mode, %A as ls; %F kind; %f mode, hexadecimal; %s size;
%b blocks, %B their size; %o size of a read; %h links; %i inode; %d %D device;
%t %T major and minor number; %n name; %N name -> target; %u %U owner; %g %G
group; %x %X last access; %y %Y last modification; %z %Z last change.
FORMAT of file systems: %a available, %f free, %b all blocks; %s %S block size;
%c inodes; %d free inodes; %i id; %l length of names; %n name; %t %T type.
`

func telling() map[string]command.Command {
	return map[string]command.Command{
		"stat": {Usage: "[-Lft] [-c FORMAT] FILE...", Help: statHelp, Letters: "tLfc:", Run: runStat},
		"df": {Usage: "[-PkmhTai] [-B SIZE] [-t TYPE] [FILE]...", Help: dfHelp, Letters: "kPTt:aiB:hHm",
			Run: df},
		"du": {Usage: "[-aHLlcsxhmkb] [-d N] [FILE]...", Help: duHelp, Letters: "aHkLsxd:lcbhm", Run: du},
	}
}

func runStat(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	for _, name := range c.Args {
		if c.Has('f') {
			statSystem(c, name)
		} else {
			statFile(c, name)
		}
	}
}

func statFile(c *command.Call, name string) {
	look := lstat
	if c.Has('L') {
		look = stat
	}
	st, err := look(name)
	if err != nil {
		c.Fail(err)
		return
	}
	format, given := c.Value('c')
	if !given {
		links, device := "%h", ""
		if k := kind(&st); k == unix.S_IFBLK || k == unix.S_IFCHR {
			links, device = "%-5h", " Device type: %t,%T"
		}
		format = "  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\nDevice: %Dh/%dd\tInode: %-10i  Links: " + links + device +
			"\nAccess: (%04a/%10.10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\nAccess: %x\nModify: %y\nChange: %z"
		if c.Has('t') {
			format = "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %o"
		}
	}
	f := &statFields{c: c, name: name, st: &st}
	statFormat(c, format, f.field)
}

// A statField writes one field; flags are those of printf(3).
type statField func(flags string, letter byte)

// statFormat writes a format, and the end of the line.
func statFormat(c *command.Call, format string, field statField) {
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			c.Stdout.WriteString(format + "\n")
			return
		}
		c.Stdout.WriteString(format[:i])
		rest := strings.TrimLeft(format[i+1:], "#-+.I 0123456789")
		flags := format[i+1 : len(format)-len(rest)]
		if rest == "" {
			c.Stdout.WriteByte('%')
			return
		}
		if format = rest[1:]; rest[0] == '%' {
			c.Stdout.WriteByte('%')
		} else {
			field(flags, rest[0])
		}
	}
}

// formatted is printf with flags that a person gave; a width that is too great is none.
func formatted(c *command.Call, flags, verb string, value any) {
	const widest = 4096
	for _, n := range strings.FieldsFunc(flags, func(r rune) bool { return r < '0' || r > '9' }) {
		if width, err := strconv.Atoi(n); err != nil || width > widest {
			flags = ""
		}
	}
	if verb == "s" || verb == "c" { // zeros do not fill words
		flags = strings.TrimLeft(strings.NewReplacer("#", "", "+", "", " ", "").Replace(flags), "0")
	} else {
		flags = strings.NewReplacer("+", "", " ", "").Replace(flags)
	}
	fmt.Fprintf(c.Stdout, "%"+strings.ReplaceAll(flags, "I", "")+verb, value)
}

// statFields are the fields of a file.
type statFields struct {
	c    *command.Call
	name string
	st   *unix.Stat_t
	owners
}

func (f *statFields) field(flags string, letter byte) {
	c, st := f.c, f.st
	switch verb, value := f.number(letter); {
	case verb != "":
		formatted(c, flags, verb, value)
		return
	}
	switch letter {
	case 'n':
		formatted(c, flags, "s", f.name)
	case 'N':
		if !isLink(st) {
			formatted(c, flags, "s", f.name)
			return
		}
		if target, err := os.Readlink(f.name); err == nil {
			fmt.Fprintf(c.Stdout, "'%s' -> '%s'", f.name, target)
		} else {
			c.Warn(command.Cannot("read link", f.name, err))
		}
	case 'A':
		formatted(c, flags, "s", modeString(st.Mode))
	case 'F':
		formatted(c, flags, "s", kindName(st))
	case 'U':
		formatted(c, flags, "s", unknown(f.user(st.Uid), st.Uid))
	case 'G':
		formatted(c, flags, "s", unknown(f.group(st.Gid), st.Gid))
	case 'x':
		formatted(c, flags, "s", statTime(st.Atim))
	case 'y':
		formatted(c, flags, "s", statTime(st.Mtim))
	case 'z':
		formatted(c, flags, "s", statTime(st.Ctim))
	default:
		formatted(c, flags, "c", rune(letter))
	}
}

// number is a field that is one; verb "": it is none.
func (f *statFields) number(letter byte) (verb string, value any) {
	st := f.st
	switch letter {
	case 'a':
		return "o", st.Mode & filemode.All
	case 'b':
		return "d", st.Blocks
	case 'B':
		return "d", 512
	case 'd':
		return "d", st.Dev
	case 'D':
		return "x", st.Dev
	case 'f':
		return "x", st.Mode
	case 'g':
		return "d", st.Gid
	case 'h':
		return "d", st.Nlink
	case 'i':
		return "d", st.Ino
	case 'o':
		return "d", st.Blksize
	case 's':
		return "d", st.Size
	case 't':
		return "x", unix.Major(st.Rdev)
	case 'T':
		return "x", unix.Minor(st.Rdev)
	case 'u':
		return "d", st.Uid
	case 'X':
		return "d", st.Atim.Sec
	case 'Y':
		return "d", st.Mtim.Sec
	case 'Z':
		return "d", st.Ctim.Sec
	}
	return "", nil
}

func unknown(name string, id uint32) string {
	if name == strconv.FormatUint(uint64(id), 10) {
		return "UNKNOWN"
	}
	return name
}

func statTime(t unix.Timespec) string {
	return time.Unix(t.Unix()).In(zone.Local()).Format("2006-01-02 15:04:05.000000000 -0700")
}

func kindName(st *unix.Stat_t) string {
	switch kind(st) {
	case unix.S_IFREG:
		if st.Size == 0 {
			return "regular empty file"
		}
		return "regular file"
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFBLK:
		return "block special file"
	case unix.S_IFCHR:
		return "character special file"
	case unix.S_IFIFO:
		return "fifo"
	case unix.S_IFLNK:
		return "symbolic link"
	case unix.S_IFSOCK:
		return "socket"
	}
	return "weird file"
}

// statSystem tells of the file system of a file.
func statSystem(c *command.Call, name string) {
	var s unix.Statfs_t
	if err := unix.Statfs(name, &s); err != nil {
		c.Fail(command.Cannot("read file system information for", name, err))
		return
	}
	format, given := c.Value('c')
	if !given {
		format = "  File: \"%n\"\n    ID: %-8i Namelen: %-7l Type: %T\nBlock size: %-10s\n" +
			"Blocks: Total: %-10b Free: %-10f Available: %a\nInodes: Total: %-10c Free: %d"
		if c.Has('t') {
			format = "%n %i %l %t %s %b %f %a %c %d"
		}
	}
	statFormat(c, format, func(flags string, letter byte) {
		verb, value := "d", any(nil)
		switch letter {
		case 'n':
			verb, value = "s", name
		case 'i':
			verb, value = "x", uint64(uint32(s.Fsid.Val[0]))<<32|uint64(uint32(s.Fsid.Val[1]))
		case 'l':
			value = s.Namelen
		case 't':
			verb, value = "x", s.Type
		case 'T':
			verb, value = "s", systemName(uint32(s.Type))
		case 'b':
			value = s.Blocks
		case 'f':
			value = s.Bfree
		case 'a':
			value = s.Bavail
		case 's', 'S':
			value = s.Bsize
		case 'c':
			value = s.Files
		case 'd':
			value = s.Ffree
		default:
			verb, value = "c", rune(letter)
		}
		formatted(c, flags, verb, value)
	})
}

// systemName is the name of a kind of file system, of those that a router may see.
func systemName(magic uint32) string {
	switch magic {
	case 0xEF53:
		return "ext2/ext3"
	case 0xEF51:
		return "ext2"
	case 0x58465342:
		return "xfs"
	case 0x9660, 0x4000, 0x4004:
		return "isofs"
	case 0x4d44:
		return "msdos"
	case 0x6969:
		return "nfs"
	case 0x9fa0:
		return "proc"
	case 0x1021994:
		return "tmpfs"
	case 0x1CD1:
		return "devpts"
	case 0x73717368:
		return "squashfs"
	case 0x858458f6:
		return "ramfs"
	case 0x62656572:
		return "sysfs"
	}
	return "UNKNOWN"
}
