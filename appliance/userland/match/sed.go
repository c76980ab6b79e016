package match

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/match/sed"
)

var sedCommand = command.Command{
	Usage: "[-nEr] [-i[SUFFIX]] {SCRIPT | -e SCRIPT... | -f FILE...} [FILE]...",
	Help: `	-e SCRIPT, -f FILE	commands; commands of a file
	-n	write only what the script does
	-E, -r	extended regular expressions
	-i[SUFFIX]	change the files themselves; the old one stays as NAMESUFFIX
Commands: { } : b t T  s y  a i c  d D g G h H x  l n N p P q r w =
`,
	Letters: "nrEe:f:i::\x01",
	Long: map[string]byte{"quiet": 'n', "silent": 'n', "regexp-extended": 'E', "expression": 'e', "file": 'f',
		"in-place": 'i', "version": sedVersion},
	Run: runSed,
}

// sedVersion is the letter of --version, which scripts ask for to know whose sed it is.
const sedVersion = 1

func runSed(c *command.Call) {
	if c.Has(sedVersion) {
		c.Stdout.WriteString("This is not GNU sed version 4.0\n")
		return
	}
	script, given, err := programOf(c)
	if err != nil {
		c.Fail(err)
		return
	}
	if !given {
		c.Misused("expected a script")
		return
	}
	p, err := sed.Parse(script, c.Has('E') || c.Has('r'))
	if err != nil {
		c.Fail(err)
		return
	}
	out := &sed.Output{W: c.Stdout}
	files, err := sedFiles(c, p.Files, out)
	if err != nil {
		c.Fail(err)
		return
	}
	if suffix, inPlace := c.Value('i'); inPlace {
		if len(c.Args) == 0 {
			c.Misused("-i: expected files")
		}
		for _, name := range c.Args {
			if err := edit(c, p, name, suffix, files.outputs); err != nil {
				c.Fail(err)
			}
		}
	} else {
		in := &sedInput{Call: c, names: c.Args}
		if len(in.names) == 0 {
			in.names = []string{"-"}
		}
		if err := p.Run(c.Context, in.line, out, files.outputs, c.Has('n')); err != nil &&
			c.Stdout.Err() == nil {
			c.Fail(err)
		}
	}
	if err := files.close(); err != nil {
		c.Fail(err)
	}
}

// writtenFiles are those of w.
type writtenFiles struct {
	outputs map[string]*sed.Output
	files   []*os.File
}

func sedFiles(c *command.Call, names []string, out *sed.Output) (*writtenFiles, error) {
	w := &writtenFiles{outputs: map[string]*sed.Output{}}
	for _, name := range names {
		switch name {
		case "/dev/stdout":
			w.outputs[name] = out
			continue
		case "/dev/stderr":
			w.outputs[name] = &sed.Output{W: c.Stderr}
			continue
		}
		f, err := os.Create(name)
		if err != nil {
			return nil, errors.Join(command.Named(name, err), w.close())
		}
		w.files = append(w.files, f)
		w.outputs[name] = &sed.Output{W: f}
	}
	return w, nil
}

func (w *writtenFiles) close() (err error) {
	for _, f := range w.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// A sedInput is the lines of one file after the other. What cannot be read is said, and the next is read.
type sedInput struct {
	*command.Call
	names []string
	open  io.ReadCloser
	lines *command.Lines
}

func (s *sedInput) line() ([]byte, bool, error) {
	for {
		if s.open == nil {
			if len(s.names) == 0 {
				return nil, false, io.EOF
			}
			r, err := s.Open(s.names[0])
			if err != nil {
				s.names = s.names[1:]
				s.Fail(err)
				continue
			}
			s.open, s.lines = r, command.NewLines(r, '\n')
		}
		line, ended, err := s.lines.Next()
		if err == nil {
			return s.lines.Take(line), ended, nil
		}
		if err = errors.Join(notEnd(err), s.open.Close()); err != nil {
			s.Fail(command.Named(s.names[0], err))
		}
		s.open, s.names = nil, s.names[1:]
	}
}

func notEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// edit changes a file: what the script writes is a file beside it first, and takes its place when it is
// whole.
func edit(c *command.Call, p *sed.Program, name, suffix string, files map[string]*sed.Output) (err error) {
	info, err := os.Stat(name)
	if err != nil {
		return command.Named(name, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", name)
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), "sed")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(tmp.Name()))
		}
	}()
	defer tmp.Close() // a second time it does nothing
	if sys, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err = tmp.Chown(int(sys.Uid), int(sys.Gid)); err != nil {
			return err
		}
	}
	if err = tmp.Chmod(info.Mode()); err != nil {
		return err
	}
	in := &sedInput{Call: c, names: []string{name}}
	buffered := bufio.NewWriterSize(tmp, 32<<10)
	if err = p.Run(c.Context, in.line, &sed.Output{W: buffered}, files, c.Has('n')); err != nil {
		return command.Named(name, err)
	}
	if err = errors.Join(buffered.Flush(), c.Err(), tmp.Close()); err != nil {
		return command.Named(name, err)
	}
	if suffix != "" {
		if err = os.Rename(name, name+suffix); err != nil {
			return err
		}
	}
	return os.Rename(tmp.Name(), name)
}
