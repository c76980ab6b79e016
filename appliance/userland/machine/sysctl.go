package machine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const sysctlHelp = `	-a	all
	-n	values without names
	-w	what has no =VALUE is an error
	-p	set what the files say; /etc/sysctl.conf
	-q	do not print what was set
	-e	do not complain of names that are not there
A name has dots or slashes:
	net.ipv4.conf.eth0/100.forwarding, net/ipv4/conf/eth0.100/forwarding
`

// settings is the tree of them.
const settings = "/proc/sys"

// A setter shows and sets.
type setter struct {
	c     *command.Call
	write bool
	quiet bool
}

func sysctl(c *command.Call) {
	s := setter{c: c, write: c.Has('w'), quiet: c.Has('q')}
	switch {
	case c.Has('p'):
		if len(c.Args) == 0 {
			c.Args = []string{"/etc/sysctl.conf"}
		}
		s.write = true
		c.Each(s.file)
	case c.Has('a') || c.Has('A'):
		s.below(".")
	default:
		for _, arg := range c.Args {
			key, value, set := strings.Cut(arg, "=")
			key = path(key, exists)
			if set {
				s.set(key, value)
			} else {
				s.below(key)
			}
		}
	}
}

// file sets what lines of a file say: KEY = VALUE.
func (s setter) file(name string, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.ContainsRune("#;", rune(line[0])) {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		if !found {
			s.c.Fail(fmt.Errorf("%s:%d: expected KEY = VALUE", name, number))
			continue
		}
		s.set(path(strings.TrimSpace(key), exists), strings.TrimSpace(value))
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(filepath.Join(settings, path))
	return err == nil && path != ""
}

// path is that of a name below the tree. Where both dots and slashes stand, and a dot first, they are
// exchanged; else as few dots as can be become slashes, because a card may be called eth0.100.
func path(name string, exists func(path string) bool) string {
	dot, slash := strings.IndexByte(name, '.'), strings.IndexByte(name, '/')
	if slash >= 0 && dot >= 0 && dot < slash {
		return exchanged(name)
	}
	b := []byte(name)
	from := 0
again:
	for i := len(b); i >= from; i-- {
		if i < len(b) && b[i] != '.' || !exists(string(b[:i])) {
			continue
		}
		if i == len(b) {
			break
		}
		b[i], from = '/', i+1
		goto again
	}
	return string(b)
}

// exchanged has dots for slashes, and slashes for dots.
func exchanged(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		}
		return r
	}, name)
}

// below shows a setting, or all of a directory.
func (s setter) below(key string) {
	full := filepath.Join(settings, key)
	info, err := os.Stat(full)
	if err != nil || !info.IsDir() || s.write || local(key) != nil {
		s.one(key)
		return
	}
	entries, err := os.ReadDir(full)
	if err != nil {
		s.c.Fail(fmt.Errorf("reading %s: %w", exchanged(key), err))
	}
	for _, e := range entries {
		s.below(filepath.Join(key, e.Name()))
	}
}

// one shows a setting.
func (s setter) one(key string) {
	name := exchanged(key)
	if s.write {
		s.c.Fail(fmt.Errorf("%q: expected NAME=VALUE", name))
		return
	}
	var value []byte
	err := local(key)
	if err == nil {
		value, err = os.ReadFile(filepath.Join(settings, key))
	}
	switch {
	case errors.Is(err, fs.ErrPermission): // it can be set only
		return
	case err != nil:
		s.failed("reading", name, err)
		return
	}
	for line := range strings.Lines(string(value)) {
		s.name(name)
		s.c.Stdout.WriteString(line)
	}
}

func (s setter) name(name string) {
	if !s.c.Has('n') {
		fmt.Fprintf(s.c.Stdout, "%s = ", name)
	}
}

// set changes a setting.
func (s setter) set(key, value string) {
	name := exchanged(key)
	err := local(key)
	if err == nil {
		err = write(filepath.Join(settings, key), value)
	}
	if err != nil {
		s.failed("setting", name, err)
		return
	}
	if !s.quiet {
		s.name(name)
		fmt.Fprintln(s.c.Stdout, value)
	}
}

func write(name, value string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	if value == "" {
		value = "\n" // nothing at all would change nothing
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// local keeps names from leading out of the tree.
func local(key string) error {
	if filepath.IsLocal(key) {
		return nil
	}
	return fs.ErrNotExist
}

// failed says so; a name that is not there is no reason for a complaint if nobody wants to hear of it.
func (s setter) failed(what, name string, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		if s.c.Has('e') {
			s.c.Exit(1)
			return
		}
		s.c.Fail(fmt.Errorf("%s: there is no such setting", name))
		return
	}
	s.c.Fail(command.Named(what+" "+name, err))
}
