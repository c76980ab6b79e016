package text

import (
	"errors"
	"io"
	"os"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const teeHelp = `  -a  append to the files
  -i  ^C does not end it
`

// tee copies standard input to files and to standard output. Where it cannot write to one, the others have it
// all.
func tee(c *command.Call) {
	if c.Has('i') {
		if err := c.Ignore(os.Interrupt); err != nil {
			c.Fail(err)
			return
		}
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if c.Has('a') {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	var files []*os.File
	outs := []io.Writer{c.Stdout}
	for _, name := range c.Args {
		if name == "-" {
			outs = append(outs, c.Stdout)
			continue
		}
		f, err := os.OpenFile(name, flags, 0o666)
		if err != nil {
			c.Fail(command.Named(name, err))
			continue
		}
		files = append(files, f)
		outs = append(outs, f)
	}
	if err := teeAll(c, outs); err != nil {
		c.Fail(command.Named("standard input", err))
	}
	for _, f := range files {
		if err := f.Close(); err != nil {
			c.Fail(command.Named(f.Name(), err))
		}
	}
}

// teeAll copies until there is no more, or nothing that takes it.
func teeAll(c *command.Call, outs []io.Writer) error {
	chunk := make([]byte, chunkSize)
	for left := len(outs); left > 0; {
		n, err := c.Stdin.Read(chunk)
		for i, w := range outs {
			if w == nil || n == 0 {
				continue
			}
			_, wErr := w.Write(chunk[:n])
			if w == io.Writer(c.Stdout) {
				wErr = errors.Join(wErr, c.Stdout.Flush())
			}
			if wErr == nil {
				continue
			}
			if f, ok := w.(*os.File); ok { // of standard output, whoever flushes last says so
				c.Fail(command.Named(f.Name(), wErr))
			}
			outs[i] = nil
			left--
		}
		if err != nil {
			return endIsFine(err)
		}
	}
	return nil
}
