package compare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

var patchCommand = command.Command{
	Usage: "[-RNE] [--dry-run] [-p N] [-i PATCH] [FILE [PATCH]]",
	Help: `	-p N	leave out N directories of names; without it all of them
	-i PATCH	read it from a file
	-R	take it back
	-N	what is there already is well
	-E	remove files that become empty
	--dry-run	change nothing
A file is changed as a whole; or, where a part of the patch does not fit, not at all.
`,
	Letters: "Rup:i:NEfg:123",
	Long: map[string]byte{"reverse": 'R', "unified": 'u', "strip": 'p', "input": 'i', "forward": 'N',
		"remove-empty-files": 'E', "force": 'f', "get": 'g', "dry-run": '1', "backup-if-mismatch": '2',
		"no-backup-if-mismatch": '3'},
	Run: patch,
}

func patch(c *command.Call) {
	if len(c.Args) > 2 {
		c.Misused("expected a file and a patch at most")
		return
	}
	strip := -1
	if text, ok := c.Value('p'); ok {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			c.Misused("-p %s: expected a number", text)
			return
		}
		strip = int(n)
	}
	name := "-"
	if len(c.Args) > 1 {
		name = c.Args[1]
	}
	if given, ok := c.Value('i'); ok {
		name = given
	}
	r, err := c.Open(name)
	if err != nil {
		c.Fail(err)
		return
	}
	text, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		c.Fail(command.Named(name, err))
		return
	}
	files, err := readPatch(text)
	if err != nil {
		c.Fail(command.Named(name, err)) // what comes before is applied all the same
	}
	for _, f := range files {
		var unfit *hunkError
		switch err := patchFile(c, f, strip); {
		case errors.As(err, &unfit):
			_ = c.Stdout.Flush() // its error stays, and ends the command
			fmt.Fprintln(c.Stderr, unfit)
			c.Exit(1)
		case err != nil:
			c.Fail(err)
		}
	}
}

// target is the file that a part of a patch is for: by its name behind +++, with -R too, for it is there
// then.
func target(c *command.Call, f *filePatch, strip int) (string, error) {
	if len(c.Args) > 0 {
		return c.Args[0], nil
	}
	name, err := stripped(f.to, strip)
	if f.to == os.DevNull || f.to == "" {
		return stripped(f.from, strip)
	}
	if _, gone := os.Lstat(name); err == nil && gone != nil && f.from != os.DevNull {
		if old, err := stripped(f.from, strip); err == nil && regular(old) {
			return old, nil // diff -N of directories: what is not there now has its old name alone
		}
	}
	return name, err
}

func regular(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode().IsRegular()
}

// stripped is a name of a patch without the directories that -p says.
func stripped(name string, strip int) (string, error) {
	for i := 0; strip < 0 || i < strip; i++ {
		_, rest, found := strings.Cut(name, "/")
		if !found {
			break
		}
		name = strings.TrimLeft(rest, "/")
	}
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%s: a patch names files below this directory only", name)
	}
	return name, nil
}

// patchFile changes one file.
func patchFile(c *command.Call, f *filePatch, strip int) error {
	name, err := target(c, f, strip)
	if err != nil {
		return err
	}
	if c.Has('R') {
		f.reverse()
	}
	first := f.hunks[0]
	_, err = os.Lstat(name)
	absent := errors.Is(err, fs.ErrNotExist)
	creates := f.from == os.DevNull || first.oldStart == 0 && first.oldLen == 0 && absent
	old, made, err := f.change(name, creates, c.Has('N'))
	removes := err == nil && len(made) == 0 && c.Has('E')
	verb := map[bool]string{false: "patching file", true: "creating"}[creates]
	if removes {
		verb = "removing"
	}
	fmt.Fprintf(c.Stdout, "%s %s\n", verb, name)
	switch {
	case err != nil:
		return err
	case c.Has('1'):
		return nil
	case removes:
		return os.Remove(name)
	}
	if made := bytes.Join(made, nil); creates || !bytes.Equal(made, old) {
		return replace(name, made, creates)
	}
	return nil // as it is, with its time
}

// change reads a file, which a patch that creates it must not find, and gives its new lines.
func (f *filePatch) change(name string, creates, forward bool) (old []byte, made [][]byte, err error) {
	old, err = os.ReadFile(name)
	switch {
	case creates && err == nil:
		return nil, nil, command.Cannot("create", name, syscall.EEXIST)
	case !creates && err != nil:
		return nil, nil, command.Cannot("open", name, err)
	}
	made, err = f.apply(lines(old), forward)
	return old, made, err
}

// replace writes a file beside the old one, which it takes the place of.
func replace(name string, text []byte, create bool) (err error) {
	mode, dir := fs.FileMode(0o644), filepath.Dir(name)
	var owner *syscall.Stat_t
	if create {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	} else {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		mode = info.Mode()
		owner, _ = info.Sys().(*syscall.Stat_t)
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(name))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	defer tmp.Close() // a second time it does nothing
	if owner != nil && os.Geteuid() == 0 {
		if err = tmp.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode), tmp.Close()); err != nil {
		return command.Named(name, err)
	}
	return os.Rename(tmp.Name(), name)
}
