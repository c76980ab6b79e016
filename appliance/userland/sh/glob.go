package sh

import (
	"os"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/sh/pattern"
)

// maxMatches is how many files a pattern may match: the arguments of a program have no room for more.
const maxMatches = 1 << 20

// glob returns the files that a pattern matches, sorted. A name that begins with a dot is matched by a
// pattern that does.
func glob(pat string) []string {
	found := []string{""}
	for pat != "" && len(found) > 0 {
		slashes := len(pat) - len(strings.TrimLeft(pat, "/"))
		prefix := pat[:slashes]
		part, rest := pat[slashes:], ""
		if i := strings.IndexByte(part, '/'); i >= 0 {
			part, rest = part[:i], part[i:]
		}
		var next []string
		for _, dir := range found {
			next = append(next, step(dir+prefix, part, rest != "")...)
			if len(next) > maxMatches {
				return nil
			}
		}
		found, pat = next, rest
	}
	slices.Sort(found)
	return found
}

// step returns what one part of a pattern matches in a directory.
func step(dir, part string, isDir bool) []string {
	if !pattern.Meta(part) {
		name := dir + pattern.Unquote(part)
		if _, err := os.Lstat(name); err != nil && name != "" {
			return nil
		}
		return []string{name}
	}
	where := dir
	if where == "" {
		where = "."
	}
	entries, _ := os.ReadDir(where) // what cannot be read has no files
	var found []string
	for _, entry := range append(dots(part), names(entries)...) {
		if entry[0] == '.' && !strings.HasPrefix(part, ".") && !strings.HasPrefix(part, `\.`) ||
			!pattern.Match(part, entry) {
			continue
		}
		if isDir {
			if info, err := os.Stat(dir + entry); err != nil || !info.IsDir() {
				continue
			}
		}
		found = append(found, dir+entry)
	}
	return found
}

func names(entries []os.DirEntry) []string {
	all := make([]string, len(entries))
	for i, entry := range entries {
		all[i] = entry.Name()
	}
	return all
}

// dots are the two names of directories that no reading of one lists.
func dots(part string) []string {
	if strings.HasPrefix(part, ".") {
		return []string{".", ".."}
	}
	return nil
}
