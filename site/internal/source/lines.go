package source

import "strings"

// Word is one word of a line with its place.
type Word struct {
	Text string
	At   Span
}

// Words splits a file into lines of words as the C library does for hosts(5) and
// ethers(5): "#" starts a comment wherever it stands, even within a word; every
// character of isspace(3) separates, so tabs, several blanks, leading blanks and a
// carriage return at the end are all the same; lines without words do not count.
func Words(src *File) [][]Word {
	var lines [][]Word
	for _, start := range src.Starts {
		var line []Word
		for off := start; off < len(src.Text) && src.Text[off] != '\n' && src.Text[off] != '#'; {
			if isSpace(src.Text[off]) {
				off++
				continue
			}
			end := off
			for end < len(src.Text) && !isSpace(src.Text[end]) && src.Text[end] != '#' {
				end++
			}
			line = append(line, Word{src.Text[off:end], Span{src, off, end}})
			off = end
		}
		if len(line) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

func isSpace(c byte) bool { return strings.IndexByte(" \t\n\v\f\r", c) >= 0 }
