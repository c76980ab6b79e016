package sh

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// simple runs a simple command (XCU 2.9.1).
func (s *shell) simple(c *syntax.CallExpr, redirs []*syntax.Redirect, last bool) int {
	if list, name := s.aliased(c, redirs); list != nil {
		return s.alias(list, name)
	}
	s.substatus = 0
	if len(c.Args) > 0 && slices.Contains([]string{"then", "elif", "else", "do"}, c.Args[0].Lit()) {
		s.abandon(exitUsage, "syntax error: unexpected \"%s\"", c.Args[0].Lit())
	}
	args := s.fields(c.Args)
	if len(args) == 0 {
		return s.assignments(c.Assigns, redirs)
	}
	return s.invoke(args, c.Assigns, redirs, last)
}

// declaration is export, readonly or local, whose arguments are values and not split.
func (s *shell) declaration(d *syntax.DeclClause, redirs []*syntax.Redirect) int {
	args := []string{d.Variant.Value}
	s.substatus = 0
	for _, a := range d.Args {
		switch {
		case a.Array != nil || a.Index != nil:
			s.abandon(exitUsage, "syntax error: unexpected \"(\"")
		case a.Naked && a.Name != nil:
			args = append(args, a.Name.Value)
		case a.Naked:
			args = append(args, s.fields([]*syntax.Word{a.Value})...)
		default:
			args = append(args, a.Name.Value+"="+s.appended(a)+s.assignedValue(a.Value))
		}
	}
	return s.invoke(args, nil, redirs, false)
}

// appended is the value that NAME+=… goes on.
func (s *shell) appended(a *syntax.Assign) string {
	if a.Append {
		return s.value(a.Name.Value)
	}
	return ""
}

// assignments are a command without a name: its redirections do nothing but being made.
func (s *shell) assignments(list []*syntax.Assign, redirs []*syntax.Redirect) int {
	files, err := s.redirect(redirs)
	defer files.undo()
	if err != nil {
		s.say("%v", err)
		return exitFailure
	}
	var given [][2]string
	for _, a := range list {
		name, value := s.assignment(a)
		s.mustSet(name, value)
		given = append(given, [2]string{name, value})
	}
	if len(list) > 0 {
		s.trace(given, nil)
	}
	return s.substatus
}

func (s *shell) assignment(a *syntax.Assign) (name, value string) {
	if a.Array != nil || a.Index != nil {
		s.abandon(exitUsage, "syntax error: unexpected \"(\"")
	}
	return a.Name.Value, s.appended(a) + s.assignedValue(a.Value)
}

// traced quotes a word if it has to be.
func traced(w string) string {
	if slices.Contains(keywords(), w) || strings.ContainsAny(w, " \t\n!\"#$%&'()*;<=>?[\\^`{|}~") {
		return quoted(w)
	}
	return w
}

// invoke runs the command that args names.
func (s *shell) invoke(args []string, assigns []*syntax.Assign, redirs []*syntax.Redirect, last bool) int {
	b, isBuiltin := builtinOf(args[0])
	_, isFunction := s.functions[args[0]]
	special := isBuiltin && b.special
	files, err := s.redirect(redirs)
	keep := false
	defer func() {
		if keep {
			files.keep()
		} else {
			files.undo()
		}
	}()
	if err != nil {
		if special {
			s.abandon(exitFailure, "%v", err)
		}
		s.say("%v", err)
		return exitFailure
	}
	if special {
		var given [][2]string
		for _, a := range assigns {
			name, value := s.assignment(a)
			s.mustSet(name, value)
			s.vars[name].export = s.vars[name].export || args[0] == "exec" && len(args) > 1
			given = append(given, [2]string{name, value})
		}
		s.trace(given, args)
		status := s.builtin(b, args)
		keep = args[0] == "exec" && len(args) == 1 || args[0] == "exec" && len(args) == 2 && args[1] == "--"
		return status
	}
	given, restore := s.temporarily(assigns)
	defer restore()
	s.trace(given, args)
	switch utility := s.program.Utilities[args[0]]; {
	case isFunction:
		return s.call(args)
	case isBuiltin:
		return s.tamed(func() int { return s.builtin(b, args) })
	case utility != nil:
		return s.utility(utility, args)
	}
	return s.external(args, last)
}

// temporarily sets variables for one command, each before the next is expanded.
func (s *shell) temporarily(assigns []*syntax.Assign) (given [][2]string, restore func()) {
	before := map[string]*variable{}
	for _, a := range assigns {
		name, value := s.assignment(a)
		given = append(given, [2]string{name, value})
		s.lend(before, name, value)
	}
	return given, func() { s.restoreVariables(before) }
}

// lend sets a variable, which restoreVariables makes what it was before.
func (s *shell) lend(before map[string]*variable, name, value string) {
	old := s.vars[name]
	if old != nil && old.readonly {
		s.restoreVariables(before)
		s.abandon(exitUsage, "%s: is read only", name)
	}
	if _, seen := before[name]; !seen {
		before[name] = old
	}
	s.vars[name] = &variable{value: value, set: true, export: true}
}

func (s *shell) restoreVariables(before map[string]*variable) {
	for name, old := range before {
		if old == nil {
			delete(s.vars, name)
		} else {
			s.vars[name] = old
		}
	}
}

// trace is set -x.
func (s *shell) trace(given [][2]string, args []string) {
	if !s.flags['x'] {
		return
	}
	var words []string
	for _, g := range given {
		words = append(words, g[0]+"="+traced(g[1]))
	}
	for _, arg := range args {
		words = append(words, traced(arg))
	}
	if fd, ok := s.fds[2]; ok {
		_, _ = writeAll(fd, []byte(s.prompted("PS4")+strings.Join(words, " ")+"\n"))
	}
}

// call calls a function.
func (s *shell) call(args []string) int {
	f := s.functions[args[0]]
	if f.body == nil {
		list, err := parse(f.text)
		if err != nil || len(list) != 1 {
			s.abandon(exitUsage, "%s: the function cannot be read: %v", args[0], err)
		}
		f.body = list[0]
		s.setLines(list, f.lines)
	}
	params, loops, above, caller := s.params, s.loops, s.above, s.function
	s.params, s.loops, s.above, s.function = args[1:], 0, f.above, args[0]
	s.calls++
	s.hidden = append(s.hidden, map[string]*variable{})
	defer func() {
		s.reveal()
		s.calls--
		s.params, s.loops, s.above, s.function = params, loops, above, caller
	}()
	s.statement(f.body, false)
	if s.jump.kind == returning {
		s.jump = jump{}
	}
	return s.status
}

// aliased is the command with its alias replaced, if its name is one.
func (s *shell) aliased(c *syntax.CallExpr, redirs []*syntax.Redirect) (list []*syntax.Stmt, name string) {
	if len(s.aliases) == 0 || len(c.Args) == 0 {
		return nil, ""
	}
	name = c.Args[0].Lit()
	value, ok := s.aliases[name]
	if !ok || strings.Contains(name, `\`) {
		return nil, ""
	}
	rest := *c
	rest.Args = c.Args[1:]
	words := []string{value}
	for i, w := range rest.Args {
		word := printed(&syntax.CallExpr{Args: []*syntax.Word{w}})
		if i == 0 && strings.HasSuffix(value, " ") {
			word = s.unaliased(word)
		}
		words = append(words, word)
	}
	for _, a := range c.Assigns {
		words = append([]string{printed(&syntax.CallExpr{Assigns: []*syntax.Assign{a}})}, words...)
	}
	list, err := parse(strings.Join(words, " "))
	if err != nil {
		s.abandon(exitUsage, "alias %s: %v", name, err)
	}
	if len(list) > 0 {
		last := *list[len(list)-1]
		last.Redirs = append(last.Redirs[:len(last.Redirs):len(last.Redirs)], redirs...)
		list[len(list)-1] = &last
	}
	return list, name
}

// unaliased is what a word stands for behind an alias that ends with a blank, through aliases of aliases.
func (s *shell) unaliased(word string) string {
	for seen := map[string]bool{}; s.aliases[word] != "" && !seen[word]; word = s.aliases[word] {
		seen[word] = true
	}
	return word
}

// alias runs what an alias stands for, in which it stands for nothing itself.
func (s *shell) alias(list []*syntax.Stmt, name string) int {
	value := s.aliases[name]
	delete(s.aliases, name)
	defer s.inThisLine()()
	defer func() {
		if _, again := s.aliases[name]; !again {
			s.aliases[name] = value
		}
	}()
	return s.statements(list, false)
}
