package sh

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/interp"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// maxChoices is how many possible completions are listed.
const maxChoices = 200

// builtins are the words of the language that are worth completing.
func builtins() []string {
	return []string{
		"alias", "break", "case", "cd", "command", "continue", "declare", "echo", "eval", "exec", "exit", "export",
		"false", "for", "function", "help", "history", "if", "kill", "local", "printf", "pwd", "read", "readonly",
		"return", "set", "shift", "source", "test", "time", "trap", "true", "type", "umask", "unalias", "unset",
		"until", "wait", "while",
	}
}

// choice is one possible completion of a word.
type choice struct {
	text string // of the whole word, unquoted
	show string // in a list
	more bool   // a directory: the word goes on
}

// complete completes the word before the cursor, as far as there is no doubt.
// Where nothing more is certain it lists the choices. It reports false when there
// are none.
func (s *session) complete(line string, pos int) (completion, bool) {
	w := lastWord(line[:pos])
	found := s.choices(w)
	if len(found) == 0 {
		return completion{}, false
	}
	common := found[0].text
	for _, c := range found[1:] {
		common = sharedPrefix(common, c.text)
	}
	text := w.quoted(common)
	switch only := len(found) == 1; {
	case only && !found[0].more:
		text += w.quote + " "
	case !only && common == w.text:
		return completion{line: line, pos: pos, choices: list(found)}, true
	}
	return completion{line: line[:w.start] + text + line[pos:], pos: w.start + len(text)}, true
}

// choices returns the possible completions of a word in their order.
func (s *session) choices(w partialWord) []choice {
	if found := s.asked(w); len(found) > 0 {
		return found
	}
	switch {
	case w.command && !strings.Contains(w.text, "/"):
		if w.text == "" {
			return nil
		}
		return matching(append(builtins(), s.programs()...), w.text)
	}
	return s.files(w)
}

// matching returns the words that begin with prefix.
func matching(words []string, prefix string) []choice {
	slices.Sort(words)
	var found []choice
	for _, word := range slices.Compact(words) {
		if strings.HasPrefix(word, prefix) {
			found = append(found, choice{text: word, show: word})
		}
	}
	return found
}

// programs returns the names of everything in PATH.
func (s *session) programs() []string {
	var names []string
	for name := range s.runner.Funcs {
		names = append(names, name)
	}
	for _, dir := range filepath.SplitList(s.variable("PATH")) {
		entries, _ := os.ReadDir(s.absolute(dir)) // what cannot be read has no programs
		for _, entry := range entries {
			if _, err := interp.LookPathDir(s.runner.Dir, s.runner.Env, filepath.Join(s.absolute(dir), entry.Name())); err == nil {
				names = append(names, entry.Name())
			}
		}
	}
	return names
}

// files returns the files that the word may mean; after a command only those that
// can be run.
func (s *session) files(w partialWord) []choice {
	dir, prefix := filepath.Split(w.text)
	where := dir
	if rest, ok := strings.CutPrefix(dir, "~/"); ok {
		where = filepath.Join(s.variable("HOME"), rest)
	}
	entries, _ := os.ReadDir(s.absolute(where)) // what cannot be read has no files
	var found []choice
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, prefix) || name[0] == '.' && prefix == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(s.absolute(where), name))
		switch {
		case err == nil && info.IsDir():
			found = append(found, choice{dir + name + "/", name + "/", true})
		case err != nil || !w.command || info.Mode()&0o111 != 0:
			found = append(found, choice{dir + name, name, false})
		}
	}
	return found
}

// variable returns the value of a variable after the last command.
func (s *session) variable(name string) string {
	if v, ok := s.runner.Vars[name]; ok {
		return v.String()
	}
	return s.runner.Env.Get(name).String()
}

// absolute makes a path absolute; the directory is the interpreter's, not the
// process's.
func (s *session) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.runner.Dir, path)
}

// sharedPrefix returns what a and b begin with, in whole characters.
func sharedPrefix(a, b string) string {
	for i, r := range a {
		if !strings.HasPrefix(b[min(i, len(b)):], string(r)) {
			return a[:i]
		}
	}
	return a
}

// list is the choices as text.
func list(choices []choice) string {
	var text strings.Builder
	for i, c := range choices {
		if i == maxChoices {
			fmt.Fprintf(&text, "(and %d more)", len(choices)-i)
			break
		}
		text.WriteString(printable.String(c.show) + "  ")
	}
	return strings.TrimRight(text.String(), " ") + "\n"
}

// partialWord is the word that the cursor is at the end of.
type partialWord struct {
	before  []string // the words of the same command
	command bool     // it is the name of a command
	start   int      // in the line, in bytes
	text    string   // without quoting
	quote   string   // the quotation mark that is open
}

// quoted quotes text as the word was begun.
func (w partialWord) quoted(text string) string {
	if w.quote != "" {
		return w.quote + text
	}
	var out strings.Builder
	for i, r := range text {
		if strings.ContainsRune(" \t'\"\\$`*?[](){}<>|&;#!", r) || r == '~' && i > 0 {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// end takes the word before next, unless it is empty, for a whole one: the last
// begins at next.
func (w *partialWord) end(whole bool, next int) {
	if whole {
		w.before = append(w.before, w.text)
		w.command = w.command && prefixes(w.text)
		if w.command {
			w.before = nil
		}
	}
	w.text, w.start = "", next
}

// lastWord finds the last word of an unfinished line.
func lastWord(line string) partialWord {
	w := partialWord{command: true}
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case w.quote != "" && string(c) == w.quote:
			w.quote = ""
		case w.quote == "'" || w.quote != "" && c != '\\':
			w.text += line[i : i+1]
		case c == '\\' && i+1 < len(line):
			i++
			inWord = true
			w.text += line[i : i+1]
		case c == '\'' || c == '"':
			w.quote, inWord = string(c), true
		case strings.IndexByte(" \t|&;({`<>", c) >= 0:
			w.end(inWord, i+1)
			inWord = false
			if strings.IndexByte("|&;({`", c) >= 0 {
				w.before, w.command = nil, true
			}
			w.command = w.command && c != '<' && c != '>'
		default:
			inWord = true
			w.text += line[i : i+1]
		}
	}
	return w
}

// prefixes reports whether a command follows word.
func prefixes(word string) bool {
	name, _, assignment := strings.Cut(word, "=")
	return assignment && name != "" || slices.Contains([]string{
		"!", "do", "then", "else", "elif", "if", "while", "until", "time", "command", "exec", "nohup", "watch", "xargs",
	}, word)
}
