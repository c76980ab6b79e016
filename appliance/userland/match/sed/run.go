package sed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
)

// An Input gives lines without their ends; ended is false for one that has none. Its error is io.EOF at last.
// A line is not changed by it later.
type Input func() (line []byte, ended bool, err error)

// An Output takes lines. One without an end gets it when another follows.
type Output struct {
	W       io.Writer
	open    bool
	scratch []byte // what is written at once
}

// longLine is one that is not copied to be written together with its end, in bytes.
const longLine = 64 << 10

// Put writes a line.
func (o *Output) Put(line []byte, ended bool) error {
	b := o.scratch[:0]
	if o.open {
		b = append(b, '\n')
	}
	if len(b)+len(line) > 0 || ended {
		o.open = !ended && len(line) > 0
	}
	if len(line) >= longLine {
		_, err := o.W.Write(b)
		if _, lineErr := o.W.Write(line); err == nil {
			err = lineErr
		}
		if !ended || err != nil {
			return err
		}
		b, line = b[:0], nil
	}
	if b = append(b, line...); ended {
		b = append(b, '\n')
	}
	o.scratch = b
	_, err := o.W.Write(b)
	return err
}

// A runner is a program on its way through the lines.
type runner struct {
	*Program
	context.Context
	in    Input
	out   *Output
	files map[string]*Output
	quiet bool

	number     int
	space      []byte
	hold       []byte
	ended      bool // the line had an end
	next       []byte
	nextEnded  bool
	last       bool // there is no next line
	replaced   bool // t asks
	appended   [][]byte
	afterQuit  bool
	noNextTurn bool // D: the next round begins without a new line
}

// Run edits the lines. Files are where w writes, by name.
func (p *Program) Run(ctx context.Context, in Input, out *Output, files map[string]*Output,
	quiet bool) error {
	r := &runner{Program: p, Context: ctx, in: in, out: out, files: files, quiet: quiet || p.Quiet}
	for _, c := range p.cmds {
		c.active, c.over = false, false
	}
	if err := r.read(); err != nil {
		return err
	}
	for !r.afterQuit && (!r.last || r.noNextTurn) && ctx.Err() == nil {
		if !r.noNextTurn {
			if err := r.advance(); err != nil {
				return err
			}
			r.replaced = false
		}
		r.noNextTurn = false
		if err := r.round(); err != nil {
			return err
		}
	}
	return r.flush()
}

// read looks at the next line: "$" must know whether there is one.
func (r *runner) read() error {
	line, ended, err := r.in()
	if err == io.EOF {
		r.next, r.last = nil, true
		return nil
	}
	r.next, r.nextEnded = line, ended
	return err
}

// advance makes the next line the pattern space.
func (r *runner) advance() error {
	r.space, r.ended = r.next, r.nextEnded
	r.number++
	if err := r.flush(); err != nil {
		return err
	}
	return r.read()
}

// flush writes what a and r have put behind the line.
func (r *runner) flush() error {
	for _, text := range r.appended {
		if err := r.out.Put(text, true); err != nil {
			return err
		}
	}
	r.appended = r.appended[:0]
	return nil
}

// What follows a command.
type step int

const (
	onward  step = iota // the next one
	jumped              // the one that it names
	ends                // the end of the round, where the line is written
	discard             // the end of the round
)

// round is all commands on one line.
func (r *runner) round() error {
	for i := 0; i < len(r.cmds); i++ {
		c := r.cmds[i]
		selected, err := r.selects(c)
		if err != nil {
			return err
		}
		if c.letter == '{' && !selected {
			i = c.jump - 1
			continue
		}
		if !selected {
			continue
		}
		what, err := r.do(c)
		if err != nil {
			return err
		}
		switch what {
		case jumped:
			if i = c.jump - 1; r.Err() != nil {
				return nil
			}
		case discard:
			return nil
		case ends:
			return r.write()
		}
	}
	return r.write()
}

// write is what happens at the end of a round.
func (r *runner) write() error {
	if r.quiet {
		return nil
	}
	return r.out.Put(r.space, r.ended)
}

// do is one command.
func (r *runner) do(c *cmd) (step, error) {
	switch c.letter {
	case 's':
		return onward, r.s(c)
	case 'y':
		space := bytes.Clone(r.space)
		for i, b := range space {
			space[i] = c.table[b]
		}
		r.space = space
	case 'l':
		return onward, r.out.Put(list(r.space), true)
	case 'p':
		return onward, r.out.Put(r.space, true)
	case 'P':
		first, _, _ := bytes.Cut(r.space, []byte("\n"))
		return onward, r.out.Put(first, true)
	case '=':
		return onward, r.out.Put([]byte(strconv.Itoa(r.number)), true)
	case 'd':
		return discard, nil
	case 'D':
		if _, rest, found := bytes.Cut(r.space, []byte("\n")); found {
			r.space, r.noNextTurn = rest, true
		}
		return discard, nil
	case 'n', 'N':
		return r.more(c)
	case 'q':
		r.afterQuit = true
		return ends, nil
	case 'b':
		return jumped, nil
	case 't', 'T':
		was := r.replaced
		r.replaced = false
		if was == (c.letter == 't') {
			return jumped, nil
		}
	default:
		return r.doText(c)
	}
	return onward, nil
}

// doText are the commands that put texts somewhere.
func (r *runner) doText(c *cmd) (step, error) {
	newline := []byte("\n")
	switch c.letter {
	case 'g':
		r.space = bytes.Clone(r.hold)
	case 'G':
		r.space, r.ended = bytes.Join([][]byte{r.space, r.hold}, newline), true
	case 'h':
		r.hold = bytes.Clone(r.space)
	case 'H':
		r.hold = bytes.Join([][]byte{r.hold, r.space}, newline)
	case 'x':
		r.space, r.hold, r.ended = r.hold, r.space, true
	case 'a':
		r.appended = append(r.appended, []byte(c.text))
	case 'i':
		return onward, r.out.Put([]byte(c.text), true)
	case 'c':
		if c.to == nil || c.invert || !c.active {
			return discard, r.out.Put([]byte(c.text), true)
		}
		return discard, nil
	case 'w':
		return onward, r.files[c.text].Put(r.space, r.ended)
	case 'r':
		r.appendFile(c.text)
	}
	return onward, nil
}

// appendFile puts the lines of a file behind this one: none if it cannot be read, as POSIX has it.
func (r *runner) appendFile(name string) {
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	for in := bufio.NewReader(f); ; {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			r.appended = append(r.appended, bytes.TrimSuffix(line, []byte("\n")))
		}
		if err != nil {
			return
		}
	}
}

func (r *runner) s(c *cmd) error {
	done, err := r.substitute(c.subst)
	if err != nil || !done {
		return err
	}
	r.replaced = true
	if c.subst.print {
		err = r.out.Put(r.space, r.ended)
	}
	if c.subst.file != "" && err == nil {
		err = r.files[c.subst.file].Put(r.space, r.ended)
	}
	return err
}

// more is n and N. Without a next line both end the script; N writes the line then, as GNU's and busybox's
// do.
func (r *runner) more(c *cmd) (step, error) {
	if r.last {
		r.afterQuit = true
		return ends, nil
	}
	if c.letter == 'n' {
		if err := r.write(); err != nil {
			return discard, err
		}
		r.replaced = false
		return onward, r.advance()
	}
	before := r.space
	if err := r.advance(); err != nil {
		return discard, err
	}
	r.space = bytes.Join([][]byte{before, r.space}, []byte("\n"))
	return onward, nil
}

// selects reports whether a command is for this line.
func (r *runner) selects(c *cmd) (bool, error) {
	in := c.from == nil
	var err error
	switch {
	case in:
	case c.to == nil:
		in, err = r.at(c.from)
	default:
		in, err = r.within(c)
	}
	return in != c.invert, err
}

// within is for ranges. One ends with the line of its second address, if that is not before the first.
func (r *runner) within(c *cmd) (bool, error) {
	var err error
	if c.active {
		switch c.to.kind {
		case aNumber, aPlus:
			c.active = c.end > r.number
		case aLast:
			c.active = !r.last
		case aRegex:
			var end bool
			end, err = r.at(c.to)
			c.active = !end
		}
		return true, err
	}
	begins := c.from.kind == aNumber && !c.over && c.from.number > 0 && c.from.number <= r.number
	if c.from.kind != aNumber {
		begins, err = r.at(c.from)
	}
	if !begins || err != nil {
		return false, err
	}
	c.over = c.from.kind == aNumber
	c.end = c.to.number
	if c.to.kind == aPlus {
		c.end = r.number + c.to.number
	}
	c.active = c.to.kind == aRegex || c.to.kind == aLast && !r.last || c.to.kind != aLast && c.end > r.number
	return true, nil
}

func (r *runner) at(a *address) (bool, error) {
	switch a.kind {
	case aNumber:
		return a.number == r.number, nil
	case aLast:
		return r.last, nil
	}
	re, err := r.regex(a.re)
	if err != nil {
		return false, err
	}
	return re.Match(r.space)
}

// regex is the expression, or the last one for an empty one.
func (r *runner) regex(re *regex.Regex) (*regex.Regex, error) {
	if re == nil {
		re = r.Program.last
	}
	if re == nil {
		return nil, errors.New("an empty expression, and none before it")
	}
	r.Program.last = re
	return re, nil
}
