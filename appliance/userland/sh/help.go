package sh

import (
	"maps"
	"slices"
	"strings"
)

// printHistory prints the lines that the arrow keys find, the oldest first.
func printHistory(s *shell, _ []string) int {
	if s.edit == nil {
		return 0
	}
	for i, line := range s.edit.history.lines {
		s.printf("%5d  %s\n", i+1, line)
	}
	return 0
}

// help prints what there is: builtins, and all programs that are found.
func help(s *shell, args []string) int {
	if len(args) > 1 {
		return s.helpOf(args[1])
	}
	columns := defaultColumns
	if s.tty != nil {
		columns, _ = s.tty.size()
	}
	own := builtinNames()
	for name := range s.program.Utilities {
		own = append(own, name)
	}
	slices.Sort(own)
	s.printf("Of the shell (help NAME):\n%s\nPrograms (NAME --help):\n%s", table80(slices.Compact(own), columns),
		table80(s.programs(), columns))
	s.printf("\nKeys: Tab completes, the arrows and ^R find earlier lines, ^C ends a command, ^Z stops it\n" +
		"(then fg, bg), ^D ends the shell. This is the shell of POSIX, with functions, local and $(( )).\n")
	return 0
}

func (s *shell) helpOf(name string) int {
	b, ok := builtinOf(name)
	if !ok {
		s.printf("%s is no builtin; try %s --help\n", name, name)
		return exitFailure
	}
	s.printf("usage: %s %s\n", name, b.usage)
	return 0
}

// table80 puts words into columns, each read from the top.
func table80(words []string, width int) string {
	widest := 1
	for _, w := range words {
		widest = max(widest, displayed(w))
	}
	columns := max(1, (width-2+1)/(widest+2))
	rows := (len(words) + columns - 1) / columns
	var b strings.Builder
	for row := range rows {
		line := ""
		for i := row; i < len(words); i += rows {
			line += "  " + words[i] + strings.Repeat(" ", widest-displayed(words[i]))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// programs are the names of everything in PATH and of functions.
func (s *shell) programs() []string {
	found := map[string]bool{}
	for dir := range strings.SplitSeq(s.value("PATH"), ":") {
		for _, name := range directory(dir) {
			if executable(joined(dir, name)) == nil {
				found[name] = true
			}
		}
	}
	for name := range s.functions {
		found[name] = true
	}
	return slices.Sorted(maps.Keys(found))
}
