package vi

import (
	"bytes"
	"regexp"

	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/bre"
)

// setPattern makes s the pattern of searches; empty, it is the last one again.
func (e *Editor) setPattern(s string) bool {
	if s == "" && e.pattern == "" {
		e.complain("No previous search")
		return e.fail()
	}
	if s == "" {
		s = e.pattern
	}
	re, err := bre.Compile(s, e.options.ignoreCase)
	if err != nil {
		e.complain("%v", err)
		return e.fail()
	}
	e.pattern, e.compiled = s, re
	return true
}

// searchAgain goes to the nth match.
func (e *Editor) searchAgain(n int, forward bool) bool {
	if !e.setPattern("") {
		return false
	}
	from, p, first := e.dot, e.dot, -1
	for steps := 0; n > 0; n, steps = n-1, steps+1 {
		next, wrapped := e.search(p, forward)
		if steps > 0 && next == first {
			n = 1 + (n-1)%steps // it goes round
		}
		if steps == 0 {
			first = next
		}
		if next < 0 {
			e.complain("Pattern not found")
			return e.fail()
		}
		if wrapped && forward {
			e.complain("search hit BOTTOM, continuing at TOP")
		} else if wrapped {
			e.complain("search hit TOP, continuing at BOTTOM")
		}
		p = next
	}
	e.dot = p
	e.jumped(from)
	return true
}

// search is the next match after p, or before it; -1: there is none.
func (e *Editor) search(p int, forward bool) (at int, wrapped bool) {
	start := e.lineStart(p)
	if at = e.searchLine(start, p, forward, false); at >= 0 {
		return at, false
	}
	for line := start; ; {
		var ok bool
		if forward {
			line, ok = e.nextLine(line)
		} else {
			line, ok = e.prevLine(line)
		}
		if !ok {
			wrapped = true
			if line = 0; !forward {
				line = e.lineStart(e.last())
			}
		}
		if at = e.searchLine(line, p, forward, line != start); at >= 0 {
			return at, wrapped
		}
		if line == start {
			return e.searchLine(start, p, forward, true), true
		}
	}
}

// searchLine is the first match of a line, backwards its last; all: also where it is not on that side of p.
func (e *Editor) searchLine(start, p int, forward, all bool) int {
	found := -1
	line := e.text[start:e.lineEnd(start)]
	n := -1
	if forward && all {
		n = 1
	}
	for _, m := range e.compiled.FindAllIndex(line, n) {
		at := start + m[0]
		if at >= start+len(line) && len(line) > 0 {
			at = e.lineLast(start) // $ is not on the newline
		}
		if forward && (all || at > p) {
			return at
		}
		if !forward && (all || at < p) {
			found = at
		}
	}
	return found
}

// substitute is :s in lines; g: each match of a line.
func (e *Editor) substitute(first, last int, re *regexp.Regexp, with string, all bool) {
	start := e.line(first)
	end := min(e.lineEnd(e.line(last))+1, len(e.text))
	var out bytes.Buffer
	subs, changed, at := 0, 0, -1
	n := 1
	if all {
		n = -1
	}
	for line := range bytes.Lines(e.text[start:end]) {
		line = line[:len(line)-1]
		matches := re.FindAllSubmatchIndex(line, n)
		if len(matches) > 0 {
			at = out.Len()
			changed++
		}
		done := 0
		for _, m := range matches {
			out.Write(line[done:m[0]])
			expand(&out, with, line, m)
			done = m[1]
			subs++
		}
		out.Write(line[done:])
		out.WriteByte('\n')
		if out.Len() > MaxText {
			e.complain("%v", ErrTooLarge)
			return
		}
	}
	if subs == 0 {
		e.complain("No match")
		return
	}
	if e.change(start, end, out.Bytes()) {
		e.dot = min(start+at, e.last())
		e.skipBlank()
	}
	if subs > 1 {
		e.say("%d substitutions on %d lines", subs, changed)
	}
}

// expand writes what a match is replaced by: \1 is what was matched in parentheses, \0 all of it.
func expand(out *bytes.Buffer, with string, line []byte, m []int) {
	for i := 0; i < len(with); i++ {
		c := with[i]
		if c != '\\' || i+1 == len(with) {
			out.WriteByte(c)
			continue
		}
		i++
		if g := int(with[i]) - '0'; g >= 0 && g <= 9 && 2*g+1 < len(m) {
			if m[2*g] >= 0 {
				out.Write(line[m[2*g]:m[2*g+1]])
			}
			continue
		}
		out.WriteByte(with[i])
	}
}
