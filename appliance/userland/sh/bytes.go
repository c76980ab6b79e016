package sh

import (
	"strings"
	"unicode/utf8"
)

// The parser takes UTF-8 alone. A byte of a script that is none, as an é of Latin-1, goes through it as a
// character that no script has: the last 128 that there are.
const lastCharacters = utf8.MaxRune - 0xff

// parseable makes UTF-8 of a piece of a script.
func parseable(script string) string {
	if utf8.ValidString(script) {
		return script
	}
	var b strings.Builder
	for i := 0; i < len(script); {
		r, size := utf8.DecodeRuneInString(script[i:])
		if r == utf8.RuneError && size == 1 {
			r = lastCharacters + rune(script[i])
		}
		b.WriteRune(r)
		i += size
	}
	return b.String()
}

// original is a word of the parser with the bytes that the script has.
func original(word string) string {
	if !strings.Contains(word, "\xf4\x8f\xbe") && !strings.Contains(word, "\xf4\x8f\xbf") {
		return word
	}
	var b strings.Builder
	for _, r := range word {
		if r >= lastCharacters+0x80 {
			b.WriteByte(byte(r - lastCharacters))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
