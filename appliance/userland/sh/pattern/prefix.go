package pattern

import (
	"slices"
	"unicode/utf8"
)

// Prefix returns how many bytes at the beginning of s a pattern matches, the most of them or the fewest, -1
// if it matches none. Its time goes by the length of what it looks at, times that of the pattern.
func Prefix(pat, s string, most bool) int {
	if pat != "" && pat[0] != '*' && s != "" {
		if _, _, ok := one(pat, s); !ok {
			return -1
		}
	}
	found := -1
	now, next := behindStars(nil, pat, 0), []int(nil) // places in the pattern where a match may be
	for at := 0; ; {
		if slices.Contains(now, len(pat)) {
			found = at
			if !most {
				return found
			}
		}
		if len(now) == 0 || at == len(s) {
			return found
		}
		next = next[:0]
		_, size := utf8.DecodeRuneInString(s[at:])
		for _, place := range now {
			if place == len(pat) {
				continue
			}
			if pat[place] == '*' {
				next = behindStars(next, pat, place)
			} else if rest, _, ok := one(pat[place:], s[at:]); ok {
				next = behindStars(next, pat, len(pat)-len(rest))
			}
		}
		now, next = next, now
		at += size
	}
}

// behindStars adds a place, and those behind the stars that it is at, for a star may match nothing.
func behindStars(places []int, pat string, place int) []int {
	for !slices.Contains(places, place) {
		places = append(places, place)
		if place == len(pat) || pat[place] != '*' {
			break
		}
		place++
	}
	return places
}
