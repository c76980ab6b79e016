// Package mounts reads what is mounted, or is to be: tables of fstab(5), of which /proc/mounts is one.
package mounts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Kernel is the table of what is mounted in the name space of this process, in the order in which it was.
const Kernel = "/proc/mounts"

// A Mount is a line of a table.
type Mount struct {
	Device  string // or what a file system without one is called
	Point   string // where
	Type    string
	Options string // separated by commas; "defaults" if the line has none
}

// Read reads the kernel's table.
func Read() ([]Mount, error) { return ReadFile(Kernel) }

// ReadFile reads a table. Comments, and lines that say no place and type, are none of its mounts.
func ReadFile(name string) (all []Mount, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	plain := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0][0] == '#' {
			continue
		}
		m := Mount{plain.Replace(f[0]), plain.Replace(f[1]), f[2], "defaults"}
		if len(f) > 3 {
			m.Options = plain.Replace(f[3])
		}
		all = append(all, m)
	}
	return all, nil
}
