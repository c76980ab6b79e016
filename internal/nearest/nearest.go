// Package nearest says what somebody may have meant who wrote a word that is not known. Its work is bounded for
// any word of strangers; how many words are known is the caller's to bound.
package nearest

import (
	"slices"
	"strings"
)

// longestWord bounds the work, in bytes; no word that is known is as long.
const longestWord = 64

// Word returns which of words s is likely a misspelling or the beginning of, "" if there is none. Words are in lower
// case, s may be in any.
func Word(s string, words []string) string {
	if len(s) > longestWord {
		return ""
	}
	best, distance := "", min(3, len(s)/2+1)
	for _, word := range words {
		if abs(len(word)-len(s)) >= distance {
			continue
		}
		if d := edits(strings.ToLower(s), word); d < distance {
			best, distance = word, d
		}
	}
	begun := slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !strings.HasPrefix(word, strings.ToLower(s)) })
	if best == "" && len(begun) == 1 && len(s) > 2 {
		return begun[0]
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// edits counts the insertions, deletions and replacements of one byte that lead from a to b (Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = slices.Min([]int{cost, row[j] + 1, row[j+1] + 1})
		}
	}
	return row[len(b)]
}
