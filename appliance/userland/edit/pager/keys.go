package pager

import (
	"regexp"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// Key is a key that was pressed; it returns what is wanted then.
func (p *Pager) Key(k key.Key) Request {
	p.message = ""
	if p.Following {
		p.Following = false
		return None
	}
	p.toEnd = false
	var r Request
	switch {
	case p.input != nil:
		r = p.inputKey(k)
	case p.wait != 0:
		wait := p.wait
		p.wait = 0
		r = p.second(wait, k)
	case k >= '0' && k <= '9':
		p.count = min(p.count*10+int(k-'0'), maxCount)
		return None
	default:
		r = p.command(k)
	}
	if p.wait == 0 && p.input == nil {
		p.count = 0
	}
	p.settle()
	return r
}

// command is a key that is one.
func (p *Pager) command(k key.Key) Request {
	n, half := max(p.count, 1), max(p.page()/2, 1)
	switch k {
	case 'q', 'Q':
		return Quit
	case 'j', 'e', key.Enter, key.Ctrl('J'), key.Ctrl('E'), key.Ctrl('N'), key.Down:
		return p.forwards(n)
	case 'k', 'y', key.Ctrl('Y'), key.Ctrl('P'), key.Ctrl('K'), key.Up:
		p.up(n)
	case ' ', 'f', 'z', key.Ctrl('F'), key.Ctrl('V'), key.PageDown:
		return p.forwards(p.rowsOf(p.page()))
	case 'b', 'w', key.Ctrl('B'), key.PageUp:
		p.up(p.rowsOf(p.page()))
	case 'd', key.Ctrl('D'):
		return p.forwards(p.rowsOf(half))
	case 'u', key.Ctrl('U'):
		p.up(p.rowsOf(half))
	case 'g', '<', key.Home:
		p.goLine(n)
	case 'G', '>', key.End:
		if p.count > 0 {
			p.goLine(n)
		} else {
			p.goEnd()
			p.toEnd = !p.ended
		}
	case 'p', '%':
		p.goLine(min(p.count, 100)*p.text.count()/100 + 1)
	case key.Right:
		p.left += max(p.columns/2, 1)
		p.Chop = true
	case key.Left:
		p.left = max(p.left-max(p.columns/2, 1), 0)
	case 'F':
		p.Following = true
		p.goEnd()
		return Follow
	case 'r', 'R', key.Ctrl('L'), key.Ctrl('R'):
		return Redraw
	case key.Ctrl('Z'):
		return Suspend
	case '=', key.Ctrl('G'):
		p.message = p.where(min(p.line+p.page(), p.text.count()) - 1)
	default:
		p.begin(k)
	}
	return None
}

// begin is a key that more belongs to.
func (p *Pager) begin(k key.Key) {
	switch k {
	case '/', '?':
		p.input = &input{prompt: string(rune(k))}
	case 'n', 'N':
		p.search(max(p.count, 1), p.forward == (k == 'n'))
	case ':', '-', 'm', '\'', 'Z':
		p.wait = k
	}
}

// rowsOf is the count, or else n.
func (p *Pager) rowsOf(n int) int {
	if p.count > 0 {
		return p.count
	}
	return n
}

func (p *Pager) forwards(n int) Request {
	if p.QuitAtEnd && p.AtEnd() {
		return Quit
	}
	p.down(n)
	return None
}

// goLine goes to a line, but not behind the last page.
func (p *Pager) goLine(n int) {
	p.line, p.row = 0, 0
	if endLine, endRow := p.end(); n-1 > endLine {
		p.line, p.row = endLine, endRow
	} else {
		p.line = max(n-1, 0)
	}
}

// second is the character of a command.
func (p *Pager) second(command, k key.Key) Request {
	switch command {
	case ':':
		switch k {
		case 'n':
			return Next
		case 'p':
			return Prev
		case 'q', 'Q':
			return Quit
		}
	case 'Z':
		if k == 'Z' {
			return Quit
		}
	case '-':
		p.toggle(k)
	case 'm':
		if k > ' ' && k < 0x7f {
			p.marks[k] = p.line
		}
	case '\'':
		if line, ok := p.marks[k]; ok {
			p.goLine(line + 1)
		} else {
			p.message = "Mark not set"
		}
	}
	return None
}

// toggle changes an option.
func (p *Pager) toggle(k key.Key) {
	flags := map[key.Key]*bool{'N': &p.Numbers, 'S': &p.Chop, 'R': &p.Color, 'I': &p.IgnoreCase,
		'i': &p.IgnoreCase, 'M': &p.Status, 'm': &p.Status, 'E': &p.QuitAtEnd, 'e': &p.QuitAtEnd,
		'~': &p.NoTildes}
	if flag := flags[k]; flag != nil {
		*flag = !*flag
		p.row = 0
	} else {
		p.message = "no such option"
	}
}

// inputKey is a key of a line that is typed.
func (p *Pager) inputKey(k key.Key) Request {
	in := p.input
	switch {
	case k == key.Enter || k == key.Ctrl('J'):
		p.input = nil
		p.forward = in.prompt == "/"
		p.Search(in.text, p.forward)
	case k == key.Escape || k == key.Ctrl('C'), (k == key.Backspace || k == key.Rubout) && in.text == "":
		p.input = nil
	case k == key.Backspace || k == key.Rubout:
		_, size := utf8.DecodeLastRuneInString(in.text)
		in.text = in.text[:len(in.text)-size]
	case k == key.Ctrl('U'):
		in.text = ""
	case k >= ' ' && len(in.text) < maxInput:
		in.text += string(rune(k))
	}
	return None
}

// Search goes to the next line that matches; "" is the pattern of before.
func (p *Pager) Search(pattern string, forward bool) {
	if pattern != "" {
		if p.IgnoreCase {
			pattern = "(?i)" + pattern
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			p.message = "bad pattern"
			return
		}
		p.pattern = re
	}
	p.search(max(p.count, 1), forward)
}

// search goes to the nth line that matches after the first of the screen, or before it.
func (p *Pager) search(n int, forward bool) {
	if p.pattern == nil {
		p.message = "No previous regular expression"
		return
	}
	step := 1
	if !forward {
		step = -1
	}
	for i := p.line + step; i >= 0 && i < p.text.count(); i += step {
		if highlight(cells(p.text.line(i), p.Color), p.pattern, false) {
			if n--; n == 0 {
				p.line, p.row = i, 0
				return
			}
		}
	}
	p.message = "Pattern not found"
}
