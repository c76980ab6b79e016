package find

import (
	"io/fs"
	"strings"
	"syscall"
)

// An entry is a file that was found.
type entry struct {
	path   string
	info   fs.FileInfo
	stat   syscall.Stat_t
	depth  int
	device uint64 // where the walk began
}

func newEntry(path string, info fs.FileInfo) *entry {
	e := &entry{path: path, info: info}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		e.stat = *sys
	}
	return e
}

// name is the last part of the path; "dir/" is dir.
func (e *entry) name() string {
	path := strings.TrimRight(e.path, "/")
	if path == "" {
		return "/"
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// A node of an expression holds for a file, or not. What it does it does while it is asked.
type node interface {
	holds(f *finder, e *entry) bool
}

// both is -a: the second is asked if the first holds.
type both struct{ a, b node }

func (n *both) holds(f *finder, e *entry) bool { return n.a.holds(f, e) && n.b.holds(f, e) }

// either is -o.
type either struct{ a, b node }

func (n *either) holds(f *finder, e *entry) bool { return n.a.holds(f, e) || n.b.holds(f, e) }

type not struct{ a node }

func (n not) holds(f *finder, e *entry) bool { return !n.a.holds(f, e) }

// A test looks at a file.
type test func(e *entry) bool

func (t test) holds(_ *finder, e *entry) bool { return t(e) }

// An action does something with it.
type action func(e *entry) bool

func (a action) holds(f *finder, e *entry) bool { return !f.stopped() && a(e) }
