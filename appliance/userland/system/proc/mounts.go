package proc

import (
	"io/fs"
	"strconv"
	"strings"
)

// A Mount is a place in the tree where a file system begins.
type Mount struct {
	Device uint64 // as stat(2) has it
	Path   string
}

// Mounts are those of the mount namespace that one is in.
func Mounts(fsys fs.FS) (all []Mount) {
	text, err := fs.ReadFile(fsys, "self/mountinfo")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line) // ID PARENT MAJOR:MINOR ROOT PATH …
		if len(words) < 5 {
			continue
		}
		major, minor, _ := strings.Cut(words[2], ":")
		ma, err := strconv.ParseUint(major, 10, 32)
		mi, err2 := strconv.ParseUint(minor, 10, 32)
		if err == nil && err2 == nil {
			all = append(all, Mount{MakeDevice(ma, mi), unescape(words[4])})
		}
	}
	return all
}

// unescape reads \040 and its like, as the kernel writes blanks.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
