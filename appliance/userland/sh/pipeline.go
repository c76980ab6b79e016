package sh

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// pipeline runs commands whose outputs are the inputs of the next.
func (s *shell) pipeline(c *syntax.BinaryCmd) int { return s.foreground(s.startPipeline(c)) }

func (s *shell) startPipeline(c *syntax.BinaryCmd) *job {
	j := &job{text: oneLine(c), pipefail: s.pipefail}
	stages := flat(nil, &syntax.Stmt{Cmd: c})
	input := -1
	for i, st := range stages {
		files := maps.Clone(s.fds)
		next, output := -1, -1
		if input >= 0 {
			files[0] = input
		}
		if i < len(stages)-1 {
			var p [2]int
			if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
				s.abandon(exitUsage, "pipe: %v", err)
			}
			next, output = p[0], p[1]
			files[1] = output
			if st.all {
				files[2] = output
			}
		}
		s.startStage(j, st.Stmt, files, output)
		for _, fd := range []int{input, output} {
			if fd >= 0 {
				unix.Close(fd)
			}
		}
		input = next
	}
	return j
}

// startStage starts one command of a pipeline. What prints a little without changing anything, as echo, is no
// process: there is room for it in the pipe.
func (s *shell) startStage(j *job, st *syntax.Stmt, files map[int]int, output int) {
	const room = 4096 // in any pipe
	if output >= 0 && !s.flags['x'] {
		if text, ok := s.within([]*syntax.Stmt{st}); ok && len(text) <= room {
			_, _ = writeAll(output, []byte(text)) // its reader is there
			j.procs = append(j.procs, &proc{state: done, status: unix.WaitStatus(s.substatus << 8)})
			return
		}
	}
	how := s.startIn(j)
	how.files = files
	pid, err := s.stage(st, how)
	if err != nil {
		s.say("%v", err)
		return
	}
	s.launched(j, pid)
}

// piped is a command of a pipeline; all: its standard error goes with its output.
type piped struct {
	*syntax.Stmt
	all bool
}

// flat is a pipeline as a list.
func flat(list []piped, st *syntax.Stmt) []piped {
	b, ok := st.Cmd.(*syntax.BinaryCmd)
	if !ok || b.Op != syntax.Pipe && b.Op != syntax.PipeAll || st.Negated || len(st.Redirs) > 0 {
		return append(list, piped{Stmt: st})
	}
	list = flat(list, b.X)
	list[len(list)-1].all = b.Op == syntax.PipeAll
	return flat(list, b.Y)
}

// stage starts a command of a pipeline: the program itself, where there is nothing else to do.
func (s *shell) stage(st *syntax.Stmt, how start) (int, error) {
	if program, args := s.bare(st); program != "" {
		return s.spawn(program, args, how)
	}
	return s.fork([]*syntax.Stmt{st}, how, false)
}

// bare returns the program of a command that is nothing but a program with arguments: no function or builtin,
// no redirection, no value for its environment, and nothing in its words that could do anything.
func (s *shell) bare(st *syntax.Stmt) (program string, args []string) {
	c, ok := st.Cmd.(*syntax.CallExpr)
	if !ok || st.Negated || st.Background || len(st.Redirs) > 0 || len(c.Assigns) > 0 || len(s.aliases) > 0 ||
		s.flags['x'] || s.flags['u'] || slices.ContainsFunc(c.Args, active) {
		return "", nil
	}
	args = s.fields(c.Args)
	if len(args) == 0 || s.known(args[0]) {
		return "", nil
	}
	program, _, err := s.find(args[0])
	if err != nil {
		return "", nil // a process of its own says so, with the files of the command
	}
	return program, args
}

// known reports whether a name is that of a function or a builtin.
func (s *shell) known(name string) bool {
	_, isFunction := s.functions[name]
	_, isBuiltin := builtinOf(name)
	return isFunction || isBuiltin || s.program.Utilities[name] != nil
}

// active reports whether the expansion of a word may do more than read variables.
func active(w *syntax.Word) bool {
	does := false
	syntax.Walk(w, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ArithmExp, *syntax.ProcSubst, *syntax.ExtGlob:
			does = true
		case *syntax.ParamExp:
			does = does || n.Exp != nil || n.Slice != nil || n.Repl != nil || n.Param == nil ||
				n.Index != nil || n.Excl
		}
		return !does
	})
	return does
}
