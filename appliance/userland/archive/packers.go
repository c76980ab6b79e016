package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const (
	packHelp = `	-d	unpack
	-t	unpack, and only say whether that goes well
	-c	to standard output
	-k	keep the files
	-f	replace what there is, and read from a terminal too
	-v	say what was done
	-1 ... -9	fast ... small
`
	unpackHelp = `	-c	to standard output
	-k	keep the files
	-t	only say whether it goes well
	-f	replace what there is, and read from a terminal too
	-v	say what was done
`
)

// packers are gzip and its like: each format has one that packs, one that unpacks, and one that shows.
func packers() map[string]command.Command {
	long := map[string]byte{
		"stdout": 'c', "to-stdout": 'c', "force": 'f', "verbose": 'v', "decompress": 'd', "uncompress": 'd',
		"test": 't', "quiet": 'q', "fast": '1', "best": '9', "no-name": 'n',
	}
	unpackLong := map[string]byte{"stdout": 'c', "to-stdout": 'c', "force": 'f', "test": 't', "no-name": 'n'}
	gz, bz, xz := gzipFormat(), bzip2Format(), xzFormat()
	any := format{name: "gzip, bzip2 or xz", unpack: func(r *bufio.Reader) (io.Reader, error) {
		f := recognize(r)
		if f == nil {
			return nil, errUnknown
		}
		return f.unpack(r)
	}}
	packer := func(f format, letters string, long map[string]byte) command.Command {
		return command.Command{Usage: "[-cdfktv] [-1 ... -9] [FILE]...", Help: packHelp, Letters: letters,
			Long: long, Run: run(f, true, false)}
	}
	unpacker := func(f format, letters string, long map[string]byte, shows bool) command.Command {
		return command.Command{Usage: "[-cfktv] [FILE]...", Help: unpackHelp, Letters: letters, Long: long,
			Run: run(f, false, shows)}
	}
	return map[string]command.Command{
		"gzip":    packer(gz, "cfkvqdtn123456789", long),
		"gunzip":  unpacker(gz, "cfkvqdtn", unpackLong, false),
		"zcat":    unpacker(any, "cfkvqdtn", unpackLong, true),
		"bzip2":   packer(bz, "cfkvqdtzs123456789", nil),
		"bunzip2": unpacker(bz, "cfkvqdt", nil, false),
		"bzcat":   unpacker(bz, "cfkvqdt", nil, true),
		"xz": {Usage: "-d [-cfktv] [FILE]...", Help: unpackHelp, Letters: "cfkvqdt",
			Run: run(xz, true, false)},
		"unxz":  unpacker(xz, "cfkvqdt", nil, false),
		"xzcat": unpacker(xz, "cfkvqdt", nil, true),
	}
}

// errUnknown ends zcat: what is not of its kind is not for it.
var errUnknown = errors.New("neither a gzip file, nor of bzip2 or xz")

// A packing is a call of one of them.
type packing struct {
	*command.Call
	format
	packs           bool
	level           int
	toStdout, tests bool
	force, keep     bool
}

func run(f format, packs, shows bool) func(*command.Call) {
	return func(c *command.Call) {
		p := &packing{Call: c, format: f, toStdout: shows || c.Has('c'), tests: c.Has('t'), force: c.Has('f'),
			keep: c.Has('k')}
		p.packs = packs && !c.Has('d') && !p.tests
		if p.packs && f.pack == nil {
			c.Misused("%s files are only unpacked: -d", f.name)
			return
		}
		for _, o := range c.Options {
			switch {
			case o.Letter >= '1' && o.Letter <= '9':
				p.level = int(o.Letter - '0')
			case o.Letter == 's':
				p.level = 2 // it takes little memory
			}
		}
		p.files()
	}
}

func (p *packing) files() {
	names := p.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	for _, name := range names {
		err := p.file(name)
		if p.Stdout.Err() != nil {
			return // whoever flushes says so
		}
		if err != nil {
			p.Fail(err)
		}
		if errors.Is(err, errUnknown) || errors.Is(err, errTerminal) {
			return
		}
	}
}

var errTerminal = errors.New("a terminal is not read from without -f")

func (p *packing) file(name string) error {
	if name == "-" {
		f, isFile := p.Stdin.(*os.File)
		if isFile && p.refuses(f) {
			return errTerminal
		}
		return p.toOutput(p.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return command.Named(name, err)
	}
	defer f.Close()
	if p.refuses(f) {
		return errTerminal
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return command.Named(name, unix.EISDIR)
	}
	if p.toStdout || p.tests {
		return command.Named(name, p.toOutput(f))
	}
	return p.replaceBy(name, f)
}

func (p *packing) refuses(f *os.File) bool { return !p.force && isTerminal(f) }

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func (p *packing) toOutput(from io.Reader) error {
	var to io.Writer = p.Stdout
	if p.tests {
		to = io.Discard
	}
	_, _, err := p.convert(to, from)
	return err
}

// replaceBy puts another file in the place of one.
func (p *packing) replaceBy(name string, from *os.File) error {
	newName, err := p.newName(name)
	if err != nil {
		return err
	}
	info, err := from.Stat()
	if err != nil {
		return command.Named(name, err)
	}
	to, err := replace(newName, p.force)
	if err != nil {
		return err
	}
	size, when, err := p.convert(to, from)
	if err != nil {
		to.drop()
		return command.Named(name, err)
	}
	if when.IsZero() {
		when = info.ModTime()
	}
	if err := to.done(info, when, p.force); err != nil {
		return err
	}
	if p.Has('v') {
		less, more := info.Size(), size
		if p.packs {
			less, more = more, less
		}
		fmt.Fprintf(p.Stderr, "%s: %d%% - replaced with %s\n", name, 100-less*100/max(more, 1), newName)
	}
	if p.keep {
		return nil
	}
	return command.Named(name, os.Remove(name))
}

// newName is that of the file that another becomes.
func (p *packing) newName(name string) (string, error) {
	if p.packs {
		return name + "." + p.suffix, nil
	}
	if stem, found := strings.CutSuffix(name, "."+p.suffix); found && stem != "" {
		return stem, nil
	}
	if stem, found := strings.CutSuffix(name, ".tgz"); found && p.suffix == "gz" {
		return stem + ".tar", nil
	}
	return "", fmt.Errorf("%s: unknown suffix - ignored", name)
}

// convert packs or unpacks, and says how much that became, and the time that the file had when it was packed,
// if it is said.
func (p *packing) convert(to io.Writer, from io.Reader) (size int64, when time.Time, err error) {
	if p.packs {
		count := &counter{w: to}
		buffer := bufio.NewWriterSize(count, 32<<10)
		z, err := p.pack(buffer, p.level)
		if err != nil {
			return 0, when, err
		}
		_, err = io.Copy(z, from)
		err = errors.Join(err, z.Close(), buffer.Flush())
		return count.n, when, first(err)
	}
	r := bufio.NewReaderSize(from, 32<<10)
	z, err := p.open(r)
	if err != nil {
		return 0, when, err
	}
	if g, ok := z.(*gunzip); ok {
		when = g.z.ModTime
	}
	size, err = io.Copy(to, z)
	return size, when, err
}

// first is one error of several that are joined: the others come of it.
func first(err error) error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()[0]
	}
	return err
}

// A counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
