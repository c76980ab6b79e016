package find

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/filemode"
	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
)

func pathOf(e *entry) string { return e.path }

// glob is -name and its like: * takes slashes and leading dots too.
func glob(of func(*entry) string, fold bool) func(string) (node, error) {
	return func(pattern string) (node, error) {
		flags := 0
		if fold {
			flags = regex.IgnoreCase
		}
		re, err := regex.Compile(globExpression(pattern), flags)
		if err != nil {
			return nil, err
		}
		return test(func(e *entry) bool { return whole(re, of(e)) }), nil
	}
}

// globExpression writes a pattern of fnmatch(3) as a basic regular expression. What is no set is text.
func globExpression(pattern string) string {
	var b strings.Builder
	b.WriteString(`\(`)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			b.WriteString(".*")
		case c == '?':
			b.WriteString(".")
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regex.Quote(pattern[i : i+1]))
		case c == '[' && globSet(pattern[i:]) != "":
			set := globSet(pattern[i:])
			i += len(set) - 1
			if set[1] == '!' {
				set = "[^" + set[2:]
			}
			b.WriteString(set)
		default:
			b.WriteString(regex.Quote(pattern[i : i+1]))
		}
	}
	return b.String() + `\)`
}

// globSet is the set that a text begins with; "": none.
func globSet(text string) string {
	i := 1
	if i < len(text) && (text[i] == '!' || text[i] == '^') {
		i++
	}
	if i < len(text) && text[i] == ']' {
		i++
	}
	for ; i < len(text); i++ {
		if strings.HasPrefix(text[i:], "[:") {
			if end := strings.Index(text[i:], ":]"); end > 0 {
				i += end + 1
				continue
			}
		}
		if text[i] == ']' {
			return text[:i+1]
		}
	}
	return ""
}

// whole reports whether an expression matches all of a text. One that is too hard matches nothing.
func whole(re *regex.Regex, text string) bool {
	all, err := re.All([]byte(text), 1)
	return err == nil && len(all) > 0 && all[0][0] == 0 && all[0][1] == len(text)
}

func expression(value string) (node, error) {
	re, err := regex.Compile(value, 0)
	if err != nil {
		return nil, err
	}
	return test(func(e *entry) bool { return whole(re, e.path) }), nil
}

func fileType(value string) (node, error) {
	types := map[string]fs.FileMode{"f": 0, "d": fs.ModeDir, "l": fs.ModeSymlink, "b": fs.ModeDevice,
		"c": fs.ModeDevice | fs.ModeCharDevice, "p": fs.ModeNamedPipe, "s": fs.ModeSocket}
	want, ok := types[value]
	if !ok {
		return nil, errors.New("expected f, d, l, b, c, p or s")
	}
	return test(func(e *entry) bool { return e.info.Mode().Type() == want }), nil
}

// number is N, +N for more, -N for less.
func number(of func(*entry) int64) func(string) (node, error) {
	return func(value string) (node, error) {
		sign, n, err := signed(value)
		if err != nil {
			return nil, err
		}
		return test(func(e *entry) bool { return compare(sign, of(e), n) }), nil
	}
}

func signed(value string) (sign byte, n int64, err error) {
	if value != "" && (value[0] == '+' || value[0] == '-') {
		sign, value = value[0], value[1:]
	}
	u, err := strconv.ParseUint(value, 10, 40)
	if err != nil {
		err = errors.New("expected a number")
	}
	return sign, int64(u), err
}

func compare(sign byte, got, want int64) bool {
	switch sign {
	case '+':
		return got > want
	case '-':
		return got < want
	}
	return got == want
}

// size is in blocks of 512 bytes if no unit says otherwise; as busybox has it, a file of 1 byte is not one of
// 1 block.
func size(value string) (node, error) {
	unit := int64(512)
	if value != "" {
		units := map[byte]int64{'b': 512, 'c': 1, 'k': 1024}
		if u, ok := units[value[len(value)-1]]; ok {
			unit, value = u, value[:len(value)-1]
		}
	}
	sign, n, err := signed(value)
	if err != nil {
		return nil, err
	}
	return test(func(e *entry) bool { return compare(sign, e.info.Size(), n*unit) }), nil
}

func owner(value string) (node, error) {
	id, err := strconv.ParseUint(value, 10, 32)
	if u, lookErr := user.Lookup(value); lookErr == nil {
		id, err = strconv.ParseUint(u.Uid, 10, 32)
	}
	if err != nil {
		return nil, errors.New("no such user")
	}
	return test(func(e *entry) bool { return e.stat.Uid == uint32(id) }), nil
}

func group(value string) (node, error) {
	id, err := strconv.ParseUint(value, 10, 32)
	if g, lookErr := user.LookupGroup(value); lookErr == nil {
		id, err = strconv.ParseUint(g.Gid, 10, 32)
	}
	if err != nil {
		return nil, errors.New("no such group")
	}
	return test(func(e *entry) bool { return e.stat.Gid == uint32(id) }), nil
}

// permission is of modes, octal or as u=rwx,g+s: exactly, -MODE all of their bits, +MODE or /MODE one of
// them.
func permission(value string) (node, error) {
	sign := byte(0)
	if value != "" && strings.IndexByte("-+/", value[0]) >= 0 {
		sign, value = value[0], value[1:]
	}
	want, err := filemode.Parse(value, 0, 0)
	if err != nil {
		return nil, err
	}
	return test(func(e *entry) bool {
		switch mode := e.stat.Mode & 0o7777; sign {
		case '-':
			return mode&want == want
		case 0:
			return mode == want
		default:
			return mode&want != 0
		}
	}), nil
}

func executable(e *entry) bool { return syscall.Access(e.path, 1) == nil }

// Units of ages, in seconds.
const (
	day    = 24 * 60 * 60
	minute = 60
)

func modified(e *entry) int64 { return e.stat.Mtim.Sec }
func accessed(e *entry) int64 { return e.stat.Atim.Sec }
func changed(e *entry) int64  { return e.stat.Ctim.Sec }

// age is N: in the N-th unit; +N before, -N since then.
func age(of func(*entry) int64, unit int64) func(string) (node, error) {
	return func(value string) (node, error) {
		sign, n, err := signed(value)
		if err != nil {
			return nil, err
		}
		return test(func(e *entry) bool {
			old := time.Now().Unix() - of(e)
			switch sign {
			case '+':
				return old >= (n+1)*unit
			case '-':
				return old < n*unit
			}
			return old >= n*unit && old < (n+1)*unit
		}), nil
	}
}

func newer(value string) (node, error) {
	info, err := os.Stat(value)
	if err != nil {
		return nil, command.Named(value, err)
	}
	than := info.ModTime().Unix()
	return test(func(e *entry) bool { return e.stat.Mtim.Sec > than }), nil
}

func sameFile(value string) (node, error) {
	info, err := os.Stat(value)
	if err != nil {
		return nil, command.Named(value, err)
	}
	return test(func(e *entry) bool { return os.SameFile(info, e.info) }), nil
}
