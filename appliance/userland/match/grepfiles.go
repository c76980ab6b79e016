package match

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// files goes through all that were named, and sets the exit status.
func (g *grepper) files() {
	names := g.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	g.names = len(names) > 1
	for _, o := range g.Options { // the later one holds
		switch o.Letter {
		case 'H':
			g.names = true
		case 'h':
			g.names = false
		}
	}
	for _, name := range names {
		if info, err := os.Stat(name); (g.Has('r') || g.Has('R')) && name != "-" && err == nil &&
			info.IsDir() {
			g.names = g.names || !g.Has('h')
			g.directory(name)
		} else {
			g.one(name)
		}
		if g.Has('q') && g.matched {
			g.Exit(0)
			return
		}
	}
	if g.Status() == 0 && !g.matched {
		g.Exit(1)
	}
}

// one opens a file. A directory has no lines.
func (g *grepper) one(name string) {
	r, err := g.Open(name)
	if err != nil {
		g.trouble(err)
		return
	}
	title := name
	if name == "-" {
		title = "(standard input)"
	}
	if err := errors.Join(g.file(title, r), r.Close()); errors.Is(err, syscall.EISDIR) {
		g.conclude(title, 0)
	} else if err != nil {
		g.trouble(command.Named(title, err))
	}
}

func (g *grepper) trouble(err error) {
	if g.Has('s') {
		g.Exit(2)
		return
	}
	g.Fail(err)
}

// directory goes through the files below one: -R also where symbolic links lead.
func (g *grepper) directory(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		g.Warn(err)
	}
	for _, e := range entries {
		name := joined(dir, e.Name())
		info, err := os.Stat(name)
		switch {
		case g.Has('q') && g.matched:
			return
		case err != nil:
			g.trouble(command.Named(name, err))
		case !info.IsDir():
			g.one(name)
		case e.Type()&fs.ModeSymlink == 0:
			g.directory(name)
		case g.Has('R') && !g.inside(name, info):
			g.directory(name)
		}
	}
}

// inside reports whether a directory is one of those that lead to it: a link to where it is.
func (g *grepper) inside(name string, info fs.FileInfo) bool {
	for dir := filepath.Dir(name); ; dir = filepath.Dir(dir) {
		if up, err := os.Stat(dir); err != nil || os.SameFile(up, info) {
			return true
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}

// joined is a path with nothing tidied.
func joined(dir, name string) string {
	if dir[len(dir)-1] == '/' {
		return dir + name
	}
	return dir + "/" + name
}
