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
	width := defaultColumns
	if s.tty != nil {
		width, _ = s.tty.size()
	}
	own := builtinNames()
	for name := range s.program.Utilities {
		own = append(own, name)
	}
	slices.Sort(own)
	s.printf("Of the shell (help NAME):\n%s\nPrograms (NAME --help):\n%s",
		columns(slices.Compact(own), width), columns(s.programs(), width))
	s.printf("\nTab completes, the arrows and ^R find earlier lines, ^C ends a command,\n" +
		"^Z stops it (fg and bg go on with it), ^D ends the shell.\n")
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

// columns puts words into as many columns as there is room for, each read from the top, as ls does.
func columns(words []string, width int) string {
	count := len(words)
	for ; count > 1; count-- {
		if total(words, count) <= width {
			break
		}
	}
	rows := (len(words) + max(count, 1) - 1) / max(count, 1)
	var b strings.Builder
	for row := range rows {
		line := ""
		for i := row; i < len(words); i += rows {
			first := i - row
			column := widest(words[first:min(first+rows, len(words))])
			line += "  " + words[i] + strings.Repeat(" ", column-displayed(words[i]))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// total is how wide so many columns are.
func total(words []string, count int) int {
	rows := (len(words) + count - 1) / count
	sum := 0
	for column := range slices.Chunk(words, rows) {
		sum += 2 + widest(column)
	}
	return sum
}

func widest(words []string) int {
	most := 0
	for _, w := range words {
		most = max(most, displayed(w))
	}
	return most
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
