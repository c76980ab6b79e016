package client

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

// Me is who runs the program, and his home, of which passwd(5) tells: at the console HOME is another
// directory.
func Me() (name, home string) {
	if u, err := user.Current(); err == nil {
		return u.Username, u.HomeDir
	}
	return os.Getenv("USER"), os.Getenv("HOME")
}

// Path is a name with ~ before it, in the home.
func Path(name string) string {
	rest, ok := strings.CutPrefix(name, "~/")
	if !ok {
		return name
	}
	_, home := Me()
	return filepath.Join(home, rest)
}

// Directory makes the one that a file of ours will be in, for its owner alone. It may be a link that leads to
// where there is nothing yet.
func Directory(file string) error {
	dir := filepath.Dir(file)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if to, err := os.Readlink(dir); err == nil {
		if dir = to; !filepath.IsAbs(to) {
			dir = filepath.Join(filepath.Dir(filepath.Dir(file)), to)
		}
	}
	return os.MkdirAll(dir, 0o700)
}

func sorted(words []string) string {
	slices.Sort(words)
	return strings.Join(words, ", ")
}
