package text

import (
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const pasteHelp = `  -d TEXT  between them, one character after the other; else tabs. \0 is none
  -s       the lines of each file side by side
`

// paste puts lines side by side.
func paste(c *command.Call) {
	between, given := c.Value('d')
	if between = unescape(between); !given {
		between = "\t"
	}
	if between == "" {
		c.Misused("-d: expected some character")
		return
	}
	names := c.Args
	if len(names) == 0 {
		names = []string{"-"}
	}
	p := paster{out: c.Stdout, between: between}
	stdin := command.NewLines(c.Stdin, '\n')
	for _, name := range names {
		r, err := c.Open(name)
		if err != nil {
			c.Fail(err)
			return
		}
		defer r.Close()
		lines := stdin // of all that are "-"
		if name != "-" {
			lines = command.NewLines(r, '\n')
		}
		p.files = append(p.files, lines)
		p.names = append(p.names, name)
	}
	run := p.parallel
	if c.Has('s') {
		run = p.serial
	}
	if err := run(); err != nil && c.Stdout.Err() == nil {
		c.Fail(err)
	}
}

// paster is files whose lines are pasted; those that are read to their end are nil.
type paster struct {
	out     *command.Writer
	files   []*command.Lines
	names   []string
	between string
}

// parallel writes a line of each file, until there is none left.
func (p *paster) parallel() error {
	for left := len(p.files); left > 0; {
		n := 0
		for i, lines := range p.files {
			if lines == nil {
				continue
			}
			line, _, err := lines.Next()
			if err != nil {
				if err != io.EOF {
					return command.Named(p.names[i], err)
				}
				p.files[i] = nil
				left--
				continue
			}
			p.out.Write(line)
			if i == len(p.files)-1 {
				p.out.WriteByte('\n')
			} else {
				p.separate(n)
				n++
			}
		}
		if err := p.out.Err(); err != nil {
			return err
		}
	}
	return nil
}

// serial writes a line for each file.
func (p *paster) serial() error {
	for i, lines := range p.files {
		for n := 0; ; n++ {
			line, _, err := lines.Next()
			if err != nil && err != io.EOF {
				return command.Named(p.names[i], err)
			}
			if err != nil {
				if n > 0 {
					p.out.WriteByte('\n')
				}
				break
			}
			if n > 0 {
				p.separate(n - 1)
			}
			p.out.Write(line)
			if err := p.out.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// separate writes what is between two.
func (p *paster) separate(n int) {
	if b := p.between[n%len(p.between)]; b != 0 {
		p.out.WriteByte(b)
	}
}
