package site

import "strings"

// word is one word of a line with its place.
type word struct {
	s  string
	at span
}

// words splits a file into lines of words as the C library does for hosts(5) and
// ethers(5): "#" starts a comment wherever it stands, even within a word; every
// character of isspace(3) separates, so tabs, several blanks, leading blanks and a
// carriage return at the end are all the same; lines without words do not count.
func words(src *source) [][]word {
	var lines [][]word
	for _, start := range src.starts {
		var line []word
		for off := start; off < len(src.text) && src.text[off] != '\n' && src.text[off] != '#'; {
			if isSpace(src.text[off]) {
				off++
				continue
			}
			end := off
			for end < len(src.text) && !isSpace(src.text[end]) && src.text[end] != '#' {
				end++
			}
			line = append(line, word{src.text[off:end], span{src, off, end}})
			off = end
		}
		if len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

func isSpace(c byte) bool { return strings.IndexByte(" \t\n\v\f\r", c) >= 0 }
