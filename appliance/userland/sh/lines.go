package sh

import (
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// What a subshell gets is the text of commands as the printer writes it, which has other lines than the
// script. So the lines of the script go with it, one for each command in the order of a walk.

// lineOf is the line of the script that a command is in; above are those that its position does not count.
func (s *shell) lineOf(st *syntax.Stmt, above int) int {
	if n, ok := s.written[st]; ok {
		return n
	}
	return above + int(st.Pos().Line())
}

// linesOf are those of all commands in a list.
func (s *shell) linesOf(list []*syntax.Stmt, above int) string {
	var b strings.Builder
	walk(list, func(st *syntax.Stmt) {
		b.WriteString(strconv.Itoa(s.lineOf(st, above)))
		b.WriteByte(' ')
	})
	return b.String()
}

// setLines says which lines the commands of a list that was printed and parsed again have had.
func (s *shell) setLines(list []*syntax.Stmt, lines string) {
	if s.written == nil {
		s.written = map[*syntax.Stmt]int{}
	}
	walk(list, func(st *syntax.Stmt) {
		word, rest, _ := strings.Cut(lines, " ")
		lines = rest
		if n, err := strconv.Atoi(word); err == nil {
			s.written[st] = n
		}
	})
}

func walk(list []*syntax.Stmt, each func(*syntax.Stmt)) {
	for _, st := range list {
		syntax.Walk(st, func(n syntax.Node) bool {
			if st, ok := n.(*syntax.Stmt); ok {
				each(st)
			}
			return true
		})
	}
}
