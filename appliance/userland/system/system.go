// Package system has the commands about processes and the machine: who runs, what it has open, what it takes,
// and an end for it. They read /proc, where a process may end while it is looked at: then it is left out, and
// that is no error. What processes call themselves is printed so that it does nothing to a terminal.
package system

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	all := map[string]command.Command{}
	for _, some := range []map[string]command.Command{signalling(), listing(), telling(), using()} {
		maps.Copy(all, some)
	}
	return all
}

// procFS is /proc.
func procFS() fs.FS { return os.DirFS("/proc") }

// processes are all there are. The one that asks runs, though its first thread may sleep.
func processes(threads bool) ([]*proc.Process, error) {
	all, err := proc.Processes(procFS(), threads, os.Getpagesize())
	for _, p := range all {
		if p.ID == os.Getpid() {
			p.State = 'R'
		}
	}
	return all, err
}

// clean makes of what a process calls itself one line of visible characters. Control characters are blanks,
// as in busybox's ps.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return printable.String(s)
}

// line is the command line of a process: "[name]" where it has none, "{name} " before one that calls itself
// otherwise.
func line(p *proc.Process) string {
	if len(p.Args) == 0 {
		return "[" + clean(p.Name) + "]"
	}
	text := clean(strings.Join(p.Args, " "))
	first, _, _ := strings.Cut(p.Args[0], " ") // some write all their arguments into the first
	first = strings.TrimPrefix(first[strings.LastIndexByte(first, '/')+1:], "-")
	if !strings.HasPrefix(first, p.Name) {
		return "{" + clean(p.Name) + "} " + text
	}
	return text
}

// names is a function that names ids, which asks for each once; else it is the number.
func names(lookup func(id string) (string, error)) func(id int) string {
	known := map[int]string{}
	return func(id int) string {
		name, ok := known[id]
		if !ok {
			name = strconv.Itoa(id)
			if found, err := lookup(name); err == nil && found != "" {
				name = found
			}
			known[id] = name
		}
		return name
	}
}

// userNames names users.
func userNames() func(id int) string {
	return names(func(id string) (string, error) {
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

// groupNames names groups.
func groupNames() func(id int) string {
	return names(func(id string) (string, error) {
		g, err := user.LookupGroupId(id)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

// userID is the number of a user, who may be given by it.
func userID(name string) (int, error) {
	u, err := user.Lookup(name)
	if err == nil {
		return strconv.Atoi(u.Uid)
	}
	if id, err := strconv.ParseUint(name, 10, 32); err == nil {
		return int(id), nil
	}
	return 0, fmt.Errorf("%s: no such user", printable.String(name))
}
