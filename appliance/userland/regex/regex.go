// Package regex matches the regular expressions of POSIX as the C library's regcomp(3) has them: basic and
// extended, with back-references, and with GNU's \+ \? \| \w \W \s \S \b \B \< \> \` \'. Of the matches that
// begin first, the longest is found. Texts are bytes: "." is one of them, in any locale.
//
// What package regexp can say is translated for it, and matched in time linear in the text. The rest
// (back-references, beginnings and ends of words) goes to a matcher of our own, which may have to try many
// ways: it gives up with ErrTooHard after a bounded number of steps, and never says "no match" for that.
package regex

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Flags of Compile.
const (
	Extended   = 1 << iota // ERE; else BRE
	IgnoreCase             // of ASCII
	Lines                  // ^ and $ match at each line of the text
	Loose                  // of egrep: what cannot be an operator where it stands is none, or is passed over
)

// ErrTooHard is that of a pattern with back-references that takes too long on a text.
var ErrTooHard = errors.New("the regular expression takes too long on this text")

// A Regex is a compiled regular expression.
type Regex struct {
	Groups int // pairs of parentheses
	lib    *regexp.Regexp
	own    *matcher
}

// Compile reads a pattern. Its error says what is wrong, without the pattern.
func Compile(pattern string, flags int) (*Regex, error) {
	p := parser{text: pattern, flags: flags}
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	re := &Regex{Groups: p.groups}
	if text, ok := translate(root); ok {
		// Too large a repetition is the one thing that it does not like here.
		if lib, err := regexp.Compile(text); err == nil {
			lib.Longest()
			re.lib = lib
			return re, nil
		}
	}
	re.own = &matcher{root: root, groups: p.groups, fold: flags&IgnoreCase != 0, lines: flags&Lines != 0}
	return re, nil
}

// Match reports whether the pattern matches somewhere in text.
func (re *Regex) Match(text []byte) (bool, error) {
	if re.lib != nil && isASCII(text) {
		return re.lib.Match(text), nil
	}
	all, err := re.All(text, 1)
	return len(all) > 0, err
}

// All finds the matches from left to right, n at most (-1: all), none in another, nor an empty one behind
// another. A match is pairs of offsets: itself, then its groups; -1: a group took no part.
func (re *Regex) All(text []byte, n int) ([][]int, error) {
	if re.own != nil {
		return re.own.all(text, n)
	}
	if isASCII(text) {
		return re.lib.FindAllSubmatchIndex(text, n), nil
	}
	wide, back := widen(text)
	all := re.lib.FindAllStringSubmatchIndex(wide, n)
	for _, m := range all {
		for i, at := range m {
			if at >= 0 {
				m[i] = int(back[at])
			}
		}
	}
	return all, nil
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// widen makes a letter of each byte, for package regexp reads UTF-8, and gives the way back.
func widen(text []byte) (wide string, back []int32) {
	var b strings.Builder
	back = make([]int32, 0, 2*len(text)+1)
	for i, c := range text {
		n, _ := b.WriteRune(rune(c))
		for range n {
			back = append(back, int32(i))
		}
	}
	return b.String(), append(back, int32(len(text)))
}

// Quote writes a basic pattern that matches text and nothing else.
func Quote(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if strings.IndexByte(".[*^$\\", text[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
