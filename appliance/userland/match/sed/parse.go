package sed

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
)

// A parser reads a script.
type parser struct {
	text  string
	at    int
	flags int
	prog  *Program
	open  []int // indexes of { without }
}

// Parse reads a script. Its error says in which line what is wrong.
func Parse(script string, extended bool) (*Program, error) {
	p := parser{text: script, prog: &Program{}}
	if extended {
		p.flags = regex.Extended
	}
	p.prog.Quiet = script == "#n" || strings.HasPrefix(script, "#n\n")
	for p.skip(" \t\r\n;"); p.at < len(p.text); p.skip(" \t\r\n;") {
		if p.text[p.at] == '#' {
			p.line()
			continue
		}
		if err := p.command(); err != nil {
			return nil, fmt.Errorf("script, line %d: %w", 1+strings.Count(p.text[:min(p.at, len(p.text))], "\n"), err)
		}
	}
	if len(p.open) > 0 {
		return nil, errors.New("script: { without }")
	}
	return p.prog, p.labels()
}

func (p *parser) skip(set string) {
	p.at = len(p.text) - len(strings.TrimLeft(p.text[p.at:], set))
}

// line takes the rest of the line, and its end.
func (p *parser) line() string {
	line, _, _ := strings.Cut(p.text[p.at:], "\n")
	p.at = min(p.at+len(line)+1, len(p.text))
	return line
}

func (p *parser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) command() (err error) {
	c := &cmd{}
	if c.from, err = p.address(); err != nil {
		return err
	}
	if c.from != nil && p.peek() == ',' {
		p.at++
		if c.to, err = p.second(); err != nil {
			return err
		}
	}
	p.skip(" \t")
	if p.peek() == '!' {
		c.invert = true
		p.at++
		p.skip(" \t")
	}
	if p.at == len(p.text) || strings.IndexByte("\n;", p.text[p.at]) >= 0 {
		return errors.New("expected a command")
	}
	c.letter = p.text[p.at]
	p.at++
	p.prog.cmds = append(p.prog.cmds, c)
	return p.arguments(c)
}

// arguments reads what is behind the letter.
func (p *parser) arguments(c *cmd) error {
	switch c.letter {
	case 'a', 'i', 'r':
		if c.to != nil {
			return fmt.Errorf("%c takes one address", c.letter)
		}
	}
	switch c.letter {
	case '{':
		p.open = append(p.open, len(p.prog.cmds)-1)
	case '}':
		if len(p.open) == 0 || c.from != nil {
			return errors.New("unexpected }")
		}
		i := len(p.open) - 1
		p.prog.cmds[p.open[i]].jump, p.open = len(p.prog.cmds), p.open[:i]
	case 'a', 'i', 'c':
		c.text = p.insertion()
	case 'r', 'w':
		return p.file(c)
	case ':', 'b', 't', 'T':
		p.skip(" \t")
		rest := p.text[p.at:]
		c.text = rest
		if i := strings.IndexAny(rest, "; \t\r\n"); i >= 0 {
			c.text = rest[:i]
		}
		p.at += len(c.text)
		if c.letter == ':' && (c.text == "" || c.from != nil) {
			return errors.New(": takes a label and no address")
		}
	case 's':
		return p.substitution(c)
	case 'y':
		return p.transliteration(c)
	case 'd', 'D', 'g', 'G', 'h', 'H', 'l', 'n', 'N', 'p', 'P', 'q', 'x', '=':
	default:
		return fmt.Errorf("unknown command %q", c.letter)
	}
	return nil
}

// insertion reads the text of a, i and c: behind blanks, or behind a backslash and an end of line. It goes to
// the end of the first line that does not end with a backslash. Of other backslashes the next byte stays.
func (p *parser) insertion() string {
	for p.at < len(p.text) && strings.IndexByte(" \t", p.text[p.at]) >= 0 {
		p.at++
	}
	if rest := p.text[p.at:]; strings.HasPrefix(rest, "\\\n") {
		p.at += 2
	} else if strings.HasPrefix(rest, "\\") {
		p.at++
	}
	var b strings.Builder
	for ; p.at < len(p.text) && p.text[p.at] != '\n'; p.at++ {
		if p.text[p.at] == '\\' && p.at+1 < len(p.text) {
			p.at++
			b.WriteByte(unescape(p.text[p.at]))
			continue
		}
		b.WriteByte(p.text[p.at])
	}
	return b.String()
}

// unescape is the byte that one behind a backslash means.
func unescape(b byte) byte {
	switch b {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	}
	return b
}

// file reads a name up to the end of the line.
func (p *parser) file(c *cmd) error {
	p.skip(" \t")
	if c.text = p.line(); c.text == "" {
		return errors.New("expected the name of a file")
	}
	if c.letter == 'w' {
		p.writes(c.text)
	}
	return nil
}

func (p *parser) writes(name string) {
	if !slices.Contains(p.prog.Files, name) {
		p.prog.Files = append(p.prog.Files, name)
	}
}

// labels finds where b, t and T go.
func (p *parser) labels() error {
	at := map[string]int{"": len(p.prog.cmds)}
	for i, c := range p.prog.cmds {
		if _, twice := at[c.text]; c.letter == ':' && !twice {
			at[c.text] = i
		}
	}
	for _, c := range p.prog.cmds {
		if strings.IndexByte("btT", c.letter) < 0 {
			continue
		}
		to, ok := at[c.text]
		if !ok {
			return fmt.Errorf("script: no label %q", c.text)
		}
		c.jump = to
	}
	return nil
}
