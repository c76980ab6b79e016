package archive

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Options of tar that have no letter.
const (
	optStrip      = 0xf8
	optFlat       = 0xfa
	optNumeric    = 0xfc
	optPlainModes = 0xfd
	optOverwrite  = 0xfe
	optExclude    = 0xff

	tarLetters = "txC:f:OopvkchjT:X:zJam\xf8:\xfa\xfc\xfd\xfe\xff:"
)

var tarCommand = command.Command{
	Usage: "c|x|t [-zjJahmvokO] [-f ARCHIVE] [-C DIR] [OPTION]... [FILE]...",
	Help: `	c, x, t	make an archive of files; take them out of it; say what is in it
	-f ARCHIVE	a file; - and without: standard input, or output
	-C DIR	go there first
	-z -j -J	it is of gzip; of bzip2; of xz, which is only read
	-a	it is of what its name says
	-T FILE	names of files, one a line
	-X FILE	patterns of names to leave out; --exclude PATTERN: one
	-v	names; twice: all that there is to know
	-h	what links lead to
	-O	to standard output
	-k, -m, -o	replace nothing; the time is now; the owner is me
	--strip-components N  --overwrite  --no-recursion  --numeric-owner
	--no-same-permissions
`,
	Raw: true,
	Run: runTar,
}

func tarLong() map[string]byte {
	return map[string]byte{
		"list": 't', "extract": 'x', "directory": 'C', "file": 'f', "to-stdout": 'O', "no-same-owner": 'o',
		"same-permissions": 'p', "verbose": 'v', "keep-old": 'k', "create": 'c', "dereference": 'h',
		"bzip2": 'j', "files-from": 'T', "exclude-from": 'X', "gzip": 'z', "xz": 'J', "auto-compress": 'a',
		"touch": 'm', "strip-components": optStrip, "no-recursion": optFlat, "numeric-owner": optNumeric,
		"no-same-permissions": optPlainModes, "overwrite": optOverwrite, "exclude": optExclude,
	}
}

// A tarrer is one tar.
type tarrer struct {
	*command.Call
	lister
	verbose int
	names   globs // of the command line: files, or what is taken out
	exclude globs
	warned  bool
}

func runTar(c *command.Call) {
	if len(c.Args) > 0 && c.Args[0] != "" && c.Args[0][0] != '-' {
		c.Args = slices.Concat([]string{dashed(c.Args[0])}, c.Args[1:])
	}
	var err error
	if c.Options, c.Args, err = getopt.ParseLong(c.Args, tarLetters, tarLong()); err != nil {
		c.Misused("%v", err)
		return
	}
	t := &tarrer{Call: c, lister: newLister(c.Stdout.Underlying(), c.Stdout)}
	actions := 0
	for _, letter := range []byte("cxt") {
		if c.Has(letter) {
			actions++
		}
	}
	if actions != 1 {
		c.Misused("expected one of c, x and t")
		return
	}
	strip := 0
	if value, given := c.Value(optStrip); given {
		if strip, err = strconv.Atoi(value); err != nil || strip < 0 {
			c.Misused("--strip-components %s: expected a number", value)
			return
		}
	}
	if err := t.lists(); err != nil {
		c.Fail(err)
		return
	}
	if c.Has('c') {
		t.create()
	} else {
		t.read(strip)
	}
}

// dashed makes "xfv" the options -xvf, whose value is the next word.
func dashed(word string) string {
	if before, behind, found := strings.Cut(word, "f"); found {
		word = before + behind + "f"
	}
	return "-" + word
}

// lists reads names and patterns, of the command line and of files.
func (t *tarrer) lists() error {
	for _, o := range t.Options {
		switch o.Letter {
		case 'v', 't':
			t.verbose++
		case optExclude:
			t.exclude = append(t.exclude, o.Value)
		case 'X', 'T':
			lines, err := t.lines(o.Value)
			if err != nil {
				return err
			}
			if o.Letter == 'X' {
				t.exclude = append(t.exclude, lines...)
			} else {
				t.names = append(t.names, lines...)
			}
		}
	}
	for _, name := range t.Args {
		t.names = append(t.names, plain(name))
	}
	return nil
}

func (t *tarrer) lines(name string) (lines []string, err error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewScanner(f)
	const longest = 64 << 10
	r.Buffer(nil, longest)
	for r.Scan() {
		lines = append(lines, plain(r.Text()))
	}
	return lines, command.Named(name, r.Err())
}

// plain is a name without the slash at its end.
func plain(name string) string {
	if stem, found := strings.CutSuffix(name, "/"); found && stem != "" {
		return stem
	}
	return name
}

// safe is safeName, which it says once.
func (t *tarrer) safe(name string) string {
	safe := safeName(name)
	if safe != name && !t.warned {
		t.warned = true
		t.Warn(fmt.Errorf("removing leading '%s' from member names",
			printable.String(strings.TrimSuffix(name, safe))))
	}
	return safe
}

// compression is the format that was asked for; nil: none was.
func (t *tarrer) compression() *format {
	for _, o := range t.Options {
		var f format
		switch o.Letter {
		case 'z':
			f = gzipFormat()
		case 'j':
			f = bzip2Format()
		case 'J':
			f = xzFormat()
		default:
			continue
		}
		return &f
	}
	return nil
}

// archive opens what -f says, before -C goes elsewhere.
func (t *tarrer) archive(flags int, other *os.File) (*os.File, error) {
	name, given := t.Value('f')
	if !given || name == "-" {
		return other, nil
	}
	f, err := os.OpenFile(name, flags, 0o666)
	return f, command.Cannot("open", name, err)
}

func (t *tarrer) goThere() error {
	if dir, given := t.Value('C'); given {
		return command.Cannot("change directory to", dir, os.Chdir(dir))
	}
	return nil
}

// input is what an archive holds, unpacked as was asked for, or else as it begins.
func (t *tarrer) input(from io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(from, 64<<10)
	if f := t.compression(); f != nil {
		return f.open(r)
	}
	if f := recognize(r); f != nil {
		return f.unpack(r)
	}
	if _, err := r.Peek(1); err == io.EOF {
		return nil, errShort
	} else if err != nil {
		return nil, err
	}
	return r, nil
}
