package vi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/bre"
	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

func rune2key(c byte) key.Key { return key.Key(c) }

// A line command is one after a colon.
type lineCommand struct {
	addresses
	name  string // as it was typed, without !
	force bool
	args  string
	rest  string // all of it behind the addresses
}

// Do is a command as it is typed after a colon.
func (e *Editor) Do(line string) {
	e.message = message{}
	e.colon(line)
	e.settle()
	e.commit()
}

// colon is a command after a colon.
func (e *Editor) colon(s string) {
	s = strings.TrimLeft(s, ": \t")
	if s == "" || s[0] == '"' {
		return
	}
	var c lineCommand
	var err error
	if c.addresses, c.rest, err = e.readAddresses(s); err != nil {
		e.complain("%v", err)
		return
	}
	c.name, c.args, _ = strings.Cut(c.rest, " ")
	c.args = strings.TrimLeft(c.args, " \t")
	c.name, c.force = strings.CutSuffix(c.name, "!")
	if c.given > 0 {
		if c.given == 1 {
			c.first = c.last
		}
		if n := e.lines(); c.first < 0 || c.last < 0 || c.first > n || c.last > n || c.first > c.last {
			e.complain("Invalid range")
			return
		}
	}
	e.do(c)
}

// do finds the command by the beginning of its name.
func (e *Editor) do(c lineCommand) {
	is := func(full string) bool { return c.name != "" && strings.HasPrefix(full, c.name) }
	switch {
	case c.rest == "":
		e.dot = e.line(c.last)
		e.skipBlank()
	case c.name == "=":
		if c.given == 0 {
			c.last = e.number(e.dot)
		}
		e.say("%d", c.last)
	case is("delete"):
		from, to := e.range_(c, false)
		e.cut(from, to, true)
		e.dot = min(from, e.last())
		e.lineBegin()
	case is("edit"):
		e.doEdit(c)
	case is("file"):
		if name, ok := e.expand(c.args); ok && name != "" {
			e.other, e.Name = e.Name, name
		}
	case is("quit"), is("next"), is("prev"):
		e.doLeave(c)
	case is("read"):
		e.doRead(c)
	case is("rewind"):
		if !e.unsaved(c) {
			e.ask(Request{Operation: Rewind})
		}
	case is("set"):
		e.doSet(c.args)
	case c.name[:min(1, len(c.name))] == "s":
		e.doSubstitute(c)
	case is("version"):
		e.say("vi of Gatehouse")
	case is("write"), c.name == "wq", c.name == "wn", c.name == "x":
		e.doWrite(c)
	case is("yank"):
		from, to := e.range_(c, false)
		e.yank(from, to, true)
		e.say("Yank %d lines", bytes.Count(e.text[from:to], []byte("\n")))
	default:
		e.complain("%s is no command", c.rest)
	}
}

// range_ is the lines of a command: those that were given, or this one, or all.
func (e *Editor) range_(c lineCommand, all bool) (from, to int) {
	switch {
	case c.given > 0:
		from, to = e.line(c.first), e.line(c.last)
	case all:
		from, to = 0, e.last()
	default:
		from, to = e.dot, e.dot
	}
	return e.lineStart(from), e.lineEnd(to) + 1
}

// unsaved complains where changes would be lost.
func (e *Editor) unsaved(c lineCommand) bool {
	if e.Modified() && !c.force {
		e.complain("No write since last change (:%s! overrides)", c.name)
		return true
	}
	return false
}

// expand puts the names of files for % and #.
func (e *Editor) expand(s string) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		name := e.Name
		switch c := s[i]; c {
		case '#':
			name = e.other
		case '%':
		case '\\':
			if i+1 < len(s) {
				i++
			}
			fallthrough
		default:
			out.WriteByte(s[i])
			continue
		}
		if name == "" {
			e.complain("No previous filename")
			return "", false
		}
		out.WriteString(name)
	}
	return out.String(), true
}

func (e *Editor) doEdit(c lineCommand) {
	if e.unsaved(c) {
		return
	}
	name, ok := e.expand(c.args)
	if !ok {
		return
	}
	if name == "" {
		name = e.Name
	}
	if name == "" {
		e.complain("No current filename")
		return
	}
	e.ask(Request{Operation: Edit, Name: name})
}

// doLeave is :q, :n and :prev.
func (e *Editor) doLeave(c lineCommand) {
	operation := map[byte]Operation{'q': Quit, 'n': Next, 'p': Prev}[c.name[0]]
	switch {
	case !c.force && e.unsaved(c):
	case !c.force && operation == Quit && e.After > 0:
		e.complain("%d more file(s) to edit", e.After)
	case !c.force && operation == Next && e.After == 0:
		e.complain("No more files to edit")
	case operation == Prev && e.Before == 0:
		e.complain("No previous files to edit")
	default:
		e.ask(Request{Operation: operation})
	}
}

func (e *Editor) doRead(c lineCommand) {
	name, ok := e.expand(c.args)
	if !ok {
		return
	}
	if name == "" {
		name = e.Name
	}
	if name == "" {
		e.complain("No current filename")
		return
	}
	after := e.number(e.dot)
	if c.given > 0 {
		after = c.last
	}
	if c.args != "" && e.Name == "" {
		e.Name = name
	}
	e.ask(Request{Operation: Read, Name: name, line: after})
}

// Put answers a request to read.
func (e *Editor) Put(r Request, text []byte, err error) {
	if err != nil {
		e.complain("%v", err)
		return
	}
	at := 0
	if r.line > 0 {
		at = e.lineEnd(e.line(r.line)) + 1
	}
	if len(text) > 0 && !e.change(at, at, text) {
		return
	}
	e.dot = min(at, e.last())
	e.say("'%s' %dL, %dC", r.Name, bytes.Count(text, []byte("\n")), len(text))
	e.settle()
	e.commit()
}

// doWrite is :w, :wq, :wn and :x.
func (e *Editor) doWrite(c lineCommand) {
	r := Request{Operation: Write, Name: e.Name, Force: c.force}
	if c.args != "" {
		name, ok := e.expand(c.args)
		if !ok {
			return
		}
		r.Name, r.New = name, name != e.Name && !c.force
		if e.Name == "" {
			e.Name = name
		}
	} else if e.ReadOnly && !c.force && e.Name != "" {
		e.complain("'%s' is read only", e.Name)
		return
	}
	switch {
	case c.name == "wn":
		r.then = Next
	case c.name[0] == 'x' || c.name == "wq":
		r.then = Quit
	}
	if r.Name == "" {
		e.complain("No current filename")
		return
	}
	if c.name[0] == 'x' && !e.Modified() {
		e.afterWrite(r)
		return
	}
	from, to := e.range_(c, true)
	r.Text, r.whole = bytes.Clone(e.text[from:to]), from == 0 && to == len(e.text)
	if e.blank && r.whole && len(e.units) == 0 {
		r.Text = nil
	}
	e.ask(r)
}

// Wrote answers a request to write.
func (e *Editor) Wrote(r Request, err error) {
	if err != nil {
		e.complain("%v", err)
		return
	}
	e.say("'%s' %dL, %dC", r.Name, bytes.Count(r.Text, []byte("\n")), len(r.Text))
	if r.whole {
		e.commit()
		e.saved = len(e.units)
	}
	e.afterWrite(r)
}

// afterWrite is what :wq goes on with.
func (e *Editor) afterWrite(r Request) {
	switch {
	case r.then == Quit && e.After > 0 && !r.Force:
		e.complain("%d more file(s) to edit", e.After)
	case r.then != 0:
		e.ask(Request{Operation: r.then})
	}
}

func (e *Editor) doSubstitute(c lineCommand) {
	if len(c.rest) < 2 {
		e.complain(":s expression missing delimiters")
		return
	}
	sep := c.rest[1]
	pattern, with, found := cutUnescaped(c.rest[2:], sep)
	if !found {
		e.complain(":s expression missing delimiters")
		return
	}
	with, flags, _ := cutUnescaped(with, sep)
	if !e.setPattern(unescape(pattern, sep)) {
		return
	}
	e.forward = true
	if c.given == 0 {
		c.first = e.number(e.dot)
		c.last = c.first
	}
	re, err := bre.Compile(e.pattern, e.options.ignoreCase)
	if err != nil {
		e.complain("%v", err)
		return
	}
	e.substitute(max(c.first, 1), max(c.last, 1), re, with, strings.HasPrefix(flags, "g"))
}

// unescape takes the backslash from before the separator.
func unescape(s string, sep byte) string {
	return strings.ReplaceAll(s, `\`+string(rune(sep)), string(rune(sep)))
}

// maxTab is how far tabs may be set.
const maxTab = 32

// doSet is :set.
func (e *Editor) doSet(args string) {
	o := &e.options
	names := map[string]*bool{
		"autoindent": &o.autoIndent, "ai": &o.autoIndent, "expandtab": &o.expandTab, "et": &o.expandTab,
		"flash": &o.flash, "fl": &o.flash, "ignorecase": &o.ignoreCase, "ic": &o.ignoreCase,
		"showmatch": &o.showMatch, "sm": &o.showMatch,
	}
	if args == "" || args == "all" {
		var list []string
		for _, name := range []string{"autoindent", "expandtab", "flash", "ignorecase", "showmatch"} {
			if !*names[name] {
				name = "no" + name
			}
			list = append(list, name)
		}
		e.say("%s tabstop=%d", strings.Join(list, " "), o.tabStop)
		return
	}
	for _, arg := range strings.Fields(args) {
		if name, value, found := strings.Cut(arg, "="); found && (name == "tabstop" || name == "ts") {
			if n, err := strconv.Atoi(value); err == nil && n > 0 && n <= maxTab {
				o.tabStop = n
				continue
			}
		} else if flag := names[arg]; flag != nil {
			*flag = true
			continue
		} else if flag := names[strings.TrimPrefix(arg, "no")]; flag != nil {
			*flag = false
			continue
		}
		e.complain("bad option: %s", arg)
	}
}

// Said is what is said at the bottom of the screen, as "" where nothing was.
func (e *Editor) Said() string { return e.message.text }

// Complain says why something that was asked for was not done.
func (e *Editor) Complain(err error) { e.message = message{fmt.Sprint(err), true} }
