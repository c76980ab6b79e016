package archive

import "strings"

// globs are patterns of the shell, as fnmatch(3) has them.
type globs []string

// cover reports whether a pattern matches a name, or a directory that it is in: as much of the name is
// compared as the pattern has components.
func (g globs) cover(name string) bool {
	for _, pattern := range g {
		cut := name
		for at, slashes := 0, strings.Count(pattern, "/"); ; slashes-- {
			next := strings.IndexByte(name[at:], '/')
			if next < 0 {
				break
			}
			if slashes == 0 {
				cut = name[:at+next]
				break
			}
			at += next + 1
		}
		if glob(pattern, cut) {
			return true
		}
	}
	return false
}

// match reports whether a pattern matches all of a name, slashes as any other character.
func (g globs) match(name string) bool {
	for _, pattern := range g {
		if glob(pattern, name) {
			return true
		}
	}
	return false
}

// below reports whether a pattern matches a name, or the end of one from any component on, or a directory
// that it is in.
func (g globs) below(name string) bool {
	for _, pattern := range g {
		for at := 0; at < len(name); at++ {
			if (at == 0 || name[at-1] == '/') && leading(pattern, name[at:]) {
				return true
			}
		}
	}
	return false
}

// leading reports whether a pattern matches a name up to its end or to a slash.
func leading(pattern, name string) bool {
	for end := len(name); end > 0; end = strings.LastIndexByte(name[:end], '/') {
		if glob(pattern, name[:end]) {
			return true
		}
	}
	return false
}

// glob is fnmatch(3) without flags. Where a star did too little, the last one takes one more: nothing that
// came before it need be tried again.
func glob(pattern, name string) bool {
	p, n, star, retry := 0, 0, -1, 0
	for n < len(name) || p < len(pattern) {
		if p < len(pattern) && pattern[p] == '*' {
			star, retry = p, n
			p++
			continue
		}
		if n < len(name) && p < len(pattern) {
			if width, ok := one(pattern[p:], name[n]); ok {
				p, n = p+width, n+1
				continue
			}
		}
		if star < 0 || retry >= len(name) {
			return false
		}
		retry++
		p, n = star+1, retry
	}
	return true
}

// one matches one character with the first of a pattern, which is so many bytes long.
func one(pattern string, c byte) (width int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == c
		}
	case '[':
		if width, has, closed := set(pattern, c); closed {
			return width, has
		}
	}
	return 1, pattern[0] == c
}

// set is [a-z], or its contrary with ! or ^.
func set(pattern string, c byte) (width int, has, closed bool) {
	i := 1
	not := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if not {
		i++
	}
	for first := true; i < len(pattern) && (first || pattern[i] != ']'); first = false {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		low := pattern[i]
		high := low
		if i++; i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			high = pattern[i+1]
			i += 2
		}
		has = has || low <= c && c <= high
	}
	return i + 1, has != not, i < len(pattern)
}
