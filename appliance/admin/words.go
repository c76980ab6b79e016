package admin

import (
	"slices"
	"strings"
	"unicode"
)

// words are those that the usage line of a command has as they are typed: options, and words in lower case.
// What is in capitals stands for something.
func (c command) words() []string { return slices.DeleteFunc(c.tokens(), isKind) }

// kinds are what stands for something in the usage line: HOST, SERVICE.
func (c command) kinds() []string {
	return slices.DeleteFunc(c.tokens(), func(s string) bool { return !isKind(s) })
}

// tokens are the words of the usage line, without the brackets that say which are optional. Of "--xl[=hvm]"
// both are one.
func (c command) tokens() []string {
	line := strings.ReplaceAll(c.usage, "[=", " ")
	fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" []|=…", r) })
	slices.Sort(fields)
	return slices.Compact(fields)
}

// valueOf is what an option of the usage line has for its value, "" for a word that takes none.
func (c command) valueOf(option string) string {
	_, rest, ok := strings.Cut(c.usage+" ", option+" ")
	if !ok || !strings.HasPrefix(option, "-") {
		return ""
	}
	value := strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(" ]", r) })
	if strings.HasPrefix(rest, " ") || len(value) == 0 || !isKind(value[0]) {
		return ""
	}
	return value[0]
}

// isKind says whether a word of a usage line stands for something.
func isKind(word string) bool {
	return strings.IndexFunc(word, unicode.IsUpper) == 0
}
