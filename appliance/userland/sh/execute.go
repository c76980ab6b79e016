package sh

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"github.com/gatehouse-os/gatehouse/appliance/userland/sh/pattern"
)

// maxDepth bounds functions that call themselves, and whatever else does.
const maxDepth = 1000

// statements runs a list. last: the process has nothing to do behind it.
func (s *shell) statements(list []*syntax.Stmt, last bool) int {
	if len(list) == 0 {
		s.status = 0
	}
	for i, st := range list {
		if s.statement(st, last && i == len(list)-1); s.jump.kind != noJump {
			break
		}
	}
	return s.status
}

// statement runs one command with what stands around it.
func (s *shell) statement(st *syntax.Stmt, last bool) int {
	s.between()
	if s.jump.kind != noJump { // a trap has left the loop or the function
		return s.status
	}
	if s.flags['n'] && !s.interactive() {
		return s.status
	}
	s.lineno = s.lineOf(st, s.above)
	if s.depth++; s.depth > maxDepth {
		s.depth = 0
		s.abandon(exitUsage, "commands are too deep in each other")
	}
	piped := len(s.piped)
	defer func() {
		s.depth--
		if len(s.piped) > piped {
			s.closePiped(piped)
		}
	}()
	if st.Background || st.Disown {
		s.status = s.background(st)
		return s.status
	}
	if st.Coprocess {
		s.abandon(exitUsage, "syntax error: unexpected \"&\"")
	}
	if st.Negated {
		s.tested++
		s.restoring(func() { s.status = s.command(st, false) }, func() { s.tested-- })
		if s.jump.kind == noJump {
			s.status = oneIf(s.status == 0)
		}
		return s.status
	}
	s.status = s.command(st, last)
	if s.jump.kind == noJump {
		s.between() // with the files of this command, and before -e ends the shell
	}
	s.errexit(st.Cmd)
	return s.status
}

// restoring runs f, and then what must be, however f ends.
func (s *shell) restoring(f, always func()) {
	defer always()
	f()
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// errexit is set -e: a command that fails ends the shell, unless somebody asks for its status (XCU set).
func (s *shell) errexit(cmd syntax.Command) {
	if s.status == 0 || !s.flags['e'] || s.tested > 0 || s.jump.kind != noJump {
		return
	}
	switch c := cmd.(type) {
	case *syntax.CallExpr, *syntax.Subshell, *syntax.DeclClause, *syntax.LetClause, *syntax.TestClause,
		*syntax.ArithmCmd, nil:
	case *syntax.BinaryCmd:
		if c.Op != syntax.Pipe && c.Op != syntax.PipeAll {
			return
		}
	default:
		return
	}
	panic(leave{status: s.status, exit: true})
}

// command runs a command with its redirections.
func (s *shell) command(st *syntax.Stmt, last bool) int {
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		return s.simple(c, st.Redirs, last)
	case *syntax.DeclClause:
		return s.declaration(c, st.Redirs)
	case nil:
		return s.simple(&syntax.CallExpr{}, st.Redirs, false)
	}
	if len(st.Redirs) == 0 {
		return s.compound(st.Cmd, last)
	}
	_, isSubshell := st.Cmd.(*syntax.Subshell)
	files, err := s.redirect(st.Redirs)
	if isSubshell && err == nil && last && s.becomesSubshell() {
		files.keep()
		return s.compound(st.Cmd, true)
	}
	defer files.undo()
	if err != nil {
		s.say("%v", err)
		return exitFailure + oneIf(isSubshell) // which is a process that cannot begin
	}
	return s.compound(st.Cmd, false)
}

func (s *shell) compound(cmd syntax.Command, last bool) int {
	switch c := cmd.(type) {
	case *syntax.Block:
		return s.statements(c.Stmts, last)
	case *syntax.Subshell:
		if last && s.becomesSubshell() {
			return s.statements(c.Stmts, true)
		}
		return s.foregroundFork(c.Stmts)
	case *syntax.BinaryCmd:
		return s.binary(c, last)
	case *syntax.IfClause:
		return s.conditional(c)
	case *syntax.WhileClause:
		return s.while(c)
	case *syntax.ForClause:
		return s.forLoop(c)
	case *syntax.CaseClause:
		return s.caseOf(c)
	case *syntax.FuncDecl:
		s.functions[c.Name.Value] = &function{
			text: printed(c.Body), lines: s.linesOf([]*syntax.Stmt{c.Body}, s.above), body: c.Body,
			above: s.above,
		}
		return 0
	case *syntax.TestClause:
		return s.testClause(c)
	case *syntax.LetClause:
		speaker := s.speaker
		s.speaker = "let"
		defer func() { s.speaker = speaker }()
		return s.let(c.Exprs...)
	case *syntax.ArithmCmd:
		return s.let(c.X)
	case *syntax.TimeClause:
		return s.timed(c)
	}
	s.abandon(exitUsage, "syntax error: this is not in this shell")
	return exitUsage
}

func (s *shell) binary(c *syntax.BinaryCmd, last bool) int {
	if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
		return s.pipeline(c)
	}
	s.condition(func() { s.statement(c.X, false) })
	if s.jump.kind == noJump && (s.status == 0) == (c.Op == syntax.AndStmt) {
		s.statement(c.Y, last)
	}
	return s.status
}

// condition runs what -e does not look at.
func (s *shell) condition(f func()) {
	s.tested++
	s.restoring(f, func() { s.tested-- })
}

func (s *shell) conditional(c *syntax.IfClause) int {
	for ; c != nil; c = c.Else {
		if len(c.Cond) == 0 { // else
			return s.statements(c.Then, false)
		}
		s.condition(func() { s.statements(c.Cond, false) })
		if s.jump.kind != noJump {
			return s.status
		}
		if s.status == 0 {
			return s.statements(c.Then, false)
		}
	}
	return 0
}

// loop runs body until it is left; body reports false at its end.
func (s *shell) loop(body func() bool) int {
	status := 0
	s.loops++
	s.restoring(func() {
		for body() {
			status = s.status
			if s.leaves() {
				return
			}
		}
	}, func() { s.loops-- })
	if s.jump.kind == returning {
		return s.status
	}
	return status
}

// leaves reports whether a jump leaves the loop, and takes it as far as that goes.
func (s *shell) leaves() bool {
	switch {
	case s.jump.kind == noJump:
		return false
	case s.jump.kind == returning:
		return true
	}
	if s.jump.loops--; s.jump.loops > 0 {
		return true
	}
	over := s.jump.kind == breaking
	s.jump = jump{}
	return over
}

func (s *shell) while(c *syntax.WhileClause) int {
	return s.loop(func() bool {
		s.between()
		s.condition(func() { s.statements(c.Cond, false) })
		if s.jump.kind != noJump {
			if s.jump.kind != returning {
				s.status = 0
			}
			return true
		}
		if (s.status == 0) == c.Until {
			return false
		}
		s.statements(c.Do, false)
		return true
	})
}

func (s *shell) forLoop(c *syntax.ForClause) int {
	words, ok := c.Loop.(*syntax.WordIter)
	if !ok || c.Select {
		s.abandon(exitUsage, "syntax error: bad for loop variable")
	}
	if !syntax.ValidName(words.Name.Value) {
		s.abandon(exitUsage, "syntax error: bad for loop variable")
	}
	items := s.params
	if words.InPos.IsValid() {
		items = s.fields(words.Items)
	}
	i := 0
	return s.loop(func() bool {
		if i == len(items) {
			return false
		}
		s.between()
		s.mustSet(words.Name.Value, items[i])
		i++
		s.statements(c.Do, false)
		return true
	})
}

func (s *shell) caseOf(c *syntax.CaseClause) int {
	word := s.literal(c.Word)
	for i, item := range c.Items {
		if !s.matches(item, word) {
			continue
		}
		s.statements(item.Stmts, false)
		for ; item.Op == syntax.Fallthrough && i+1 < len(c.Items) && s.jump.kind == noJump; i++ {
			item = c.Items[i+1]
			s.statements(item.Stmts, false)
		}
		return s.status
	}
	return 0
}

func (s *shell) matches(item *syntax.CaseItem, word string) bool {
	for _, p := range item.Patterns {
		if pattern.Match(s.patternOf(p), word) {
			return true
		}
	}
	return false
}

// let is 0 if the last expression is not.
func (s *shell) let(exprs ...syntax.ArithmExpr) int {
	n := int64(0)
	for _, x := range exprs {
		if w, ok := x.(*syntax.Word); ok { // perhaps in quotes
			n = s.evaluate(s.literal(w))
			continue
		}
		n = s.number(x)
	}
	return oneIf(n == 0)
}

// timed says how long a command took.
func (s *shell) timed(c *syntax.TimeClause) int {
	var before, after unix.Rusage
	start := time.Now()
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &before) // fails for no argument of ours
	if c.Stmt != nil {
		s.statement(c.Stmt, false)
	}
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &after)
	form := "real\t%dm %.2fs\nuser\t%dm %.2fs\nsys\t%dm %.2fs\n"
	if c.PosixFormat {
		form = "real %[2]f\nuser %[4]f\nsys %[6]f\n"
	}
	var values []any
	for _, d := range []time.Duration{
		time.Since(start), since(before.Utime, after.Utime), since(before.Stime, after.Stime),
	} {
		values = append(values, int(d.Minutes()), (d % time.Minute).Seconds())
	}
	_, _ = writeAll(s.fds[2], fmt.Appendf(nil, form, values...))
	return s.status
}

func since(a, b unix.Timeval) time.Duration { return time.Duration(b.Nano() - a.Nano()) }
