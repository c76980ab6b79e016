package sh

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// maxChoices is how many possible completions are listed.
const maxChoices = 200

// choice is one possible completion of a word.
type choice struct {
	text string // of the whole word, unquoted
	show string // in a list
	more bool   // a directory: the word goes on
}

// complete completes the word before the cursor, as far as there is no doubt.
// Where nothing more is certain it lists the choices. It reports false when there
// are none.
func (s *shell) complete(line string, pos int) (completion, bool) {
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
func (s *shell) choices(w partialWord) []choice {
	if found := s.asked(w); len(found) > 0 {
		return found
	}
	switch {
	case w.command && !strings.Contains(w.text, "/"):
		if w.text == "" {
			return nil
		}
		return matching(slices.Concat(builtinNames(), keywords(), s.programs()), w.text)
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

// files returns the files that the word may mean; after a command only those that
// can be run.
func (s *shell) files(w partialWord) []choice {
	dir, prefix := filepath.Split(w.text)
	where := dir
	if rest, ok := strings.CutPrefix(dir, "~/"); ok {
		where = filepath.Join(s.value("HOME"), rest)
	}
	var found []choice
	for _, name := range directory(where) {
		if !strings.HasPrefix(name, prefix) || name[0] == '.' && prefix == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(where, name))
		switch {
		case err == nil && info.IsDir():
			found = append(found, choice{dir + name + "/", name + "/", true})
		case err != nil || !w.command || info.Mode()&0o111 != 0:
			found = append(found, choice{dir + name, name, false})
		}
	}
	return found
}

// directory is the names in one; what cannot be read has none.
func directory(dir string) []string {
	if dir == "" {
		dir = "."
	}
	entries, _ := os.ReadDir(dir)
	return names(entries)
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
		"!", "do", "then", "else", "elif", "if", "while", "until", "time", "command", "exec", "nohup",
		"watch", "xargs",
	}, word)
}
