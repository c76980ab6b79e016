package files

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// lstat and stat are the system calls; their errors name the file.
func lstat(name string) (st unix.Stat_t, err error) {
	err = command.Named(name, unix.Lstat(name, &st))
	return st, err
}

func stat(name string) (st unix.Stat_t, err error) {
	err = command.Named(name, unix.Stat(name, &st))
	return st, err
}

func kind(st *unix.Stat_t) uint32 { return st.Mode & unix.S_IFMT }

func isDir(st *unix.Stat_t) bool { return kind(st) == unix.S_IFDIR }

func isLink(st *unix.Stat_t) bool { return kind(st) == unix.S_IFLNK }

// names are what is in a directory, in its own order, without "." and "..".
func names(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, command.Cannot("open", dir, err)
	}
	defer f.Close()
	all, err := f.Readdirnames(-1)
	return all, command.Named(dir, err)
}

// join is a name in a directory, where it may begin with "/" too.
func join(dir, name string) string {
	name = strings.TrimLeft(name, "/")
	if strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// lastPart is the last component of a path, "/" of the root.
func lastPart(path string) string {
	trimmed := strings.TrimRight(path, "/")
	if trimmed == "" && path != "" {
		return "/"
	}
	return trimmed[strings.LastIndexByte(trimmed, '/')+1:]
}

// withoutSlash is a path without slashes behind it.
func withoutSlash(path string) string {
	if trimmed := strings.TrimRight(path, "/"); trimmed != "" {
		return trimmed
	}
	return path[:min(1, len(path))]
}

// into is what a file is called in a directory that it is copied, moved or linked to.
func into(dir, file string) string { return join(dir, lastPart(file)) }

// An asker asks on standard error, and reads yes or no from standard input.
type asker struct {
	c  *command.Call
	in *bufio.Reader
}

func (a *asker) yes(format string, args ...any) bool {
	if a.c.Stdout.Flush() != nil {
		return false
	}
	if a.in == nil {
		a.in = bufio.NewReader(a.c.Stdin)
	}
	fmt.Fprintf(a.c.Stderr, "%s: %s? ", a.c.Name, fmt.Sprintf(format, args...))
	line, err := a.in.ReadString('\n')
	if err != nil && err != io.EOF {
		return false
	}
	line = strings.TrimLeft(line, " \t\r\n")
	return line != "" && (line[0] == 'y' || line[0] == 'Y')
}

// isTerminal reports whether a descriptor is a terminal.
func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// owners are names of ids, each looked up once.
type owners struct{ users, groups map[uint32]string }

func (o *owners) user(id uint32) string {
	return cached(&o.users, id, func(text string) (string, error) {
		u, err := user.LookupId(text)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

func (o *owners) group(id uint32) string {
	return cached(&o.groups, id, func(text string) (string, error) {
		g, err := user.LookupGroupId(text)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

// cached is the name of an id, the number where it has none.
func cached(known *map[uint32]string, id uint32, look func(string) (string, error)) string {
	name, ok := (*known)[id]
	if ok {
		return name
	}
	text := strconv.FormatUint(uint64(id), 10)
	name, err := look(text)
	if err != nil {
		name = text
	}
	if *known == nil {
		*known = map[uint32]string{}
	}
	(*known)[id] = name
	return name
}
