// Package nearest says what somebody may have meant who wrote a word that is not known. Its work is bounded
// for any word of strangers; how many words are known is the caller's to bound.
package nearest

import (
	"slices"
	"strings"
)

// longestWord bounds the work, in bytes; no word that is known is as long.
const longestWord = 64

// Word returns which of words s is likely a misspelling or the beginning of, "" if there is none. Words are
// in lower case, s may be in any.
func Word(s string, words []string) string {
	if len(s) > longestWord {
		return ""
	}
	best, distance := "", slips(len(s))+1
	for _, word := range words {
		if abs(len(word)-len(s)) >= distance {
			continue
		}
		if d := edits(strings.ToLower(s), word); d < distance {
			best, distance = word, d
		}
	}
	begun := slices.DeleteFunc(slices.Clone(words), func(word string) bool {
		return !strings.HasPrefix(word, strings.ToLower(s))
	})
	if best == "" && len(begun) == 1 && len(s) > 2 {
		return begun[0]
	}
	return best
}

// slips is how many of them a word of n bytes may have: with two, one of four is another word, as pool and
// port are.
func slips(n int) int {
	switch {
	case n < 2:
		return 0
	case n < 5:
		return 1
	}
	return 2
}

func abs(n int) int { return max(n, -n) }

// edits counts the insertions, deletions and replacements of one byte, and exchanges of two beside each
// other, that lead from a to b, none of them where another was (optimal string alignment).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := last[j]
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
