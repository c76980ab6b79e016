package archive

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// links are those of an archive that are made when all its files are there. A symbolic link that leads to
// elsewhere, made at once, would have what follows in the archive written there. The other name of a file may
// be one of such a link.
type links struct{ waiting []link }

// maxWaiting is how many links wait at most.
const maxWaiting = 100000

var errTooMany = fmt.Errorf("the archive has more than %d links that must wait for its files", maxWaiting)

type link struct {
	name, target string
	hard         bool
}

// symbolic makes a link, at once if it leads to somewhere below.
func (l *links) symbolic(name, target string) error {
	if strings.HasPrefix(target, "/") || strings.Contains(target, "..") {
		return l.later(name, target, false)
	}
	return unix.Symlink(target, name)
}

// later keeps one in memory, so there cannot be any number of them.
func (l *links) later(name, target string, hard bool) error {
	if len(l.waiting) == maxWaiting {
		return errTooMany
	}
	l.waiting = append(l.waiting, link{name, target, hard})
	return nil
}

// make makes them: other names of files first, before a symbolic link can lead to a file that is not the
// archive's; then symbolic links, and their other names, which are links of the same.
func (l *links) make() error {
	symbolic := map[string]string{} // those that wait
	for _, one := range l.waiting {
		if !one.hard {
			symbolic[one.name] = one.target
		}
	}
	for _, one := range l.waiting {
		if _, waits := symbolic[one.target]; one.hard && !waits {
			if err := unix.Link(one.target, one.name); err != nil {
				return named(one.name, fmt.Errorf("another name of %s: %w", printable.String(one.target),
					err))
			}
		}
	}
	for _, one := range l.waiting {
		target := one.target
		if one.hard {
			waits := false
			if target, waits = symbolic[target]; !waits {
				continue
			}
		}
		if err := unix.Symlink(target, one.name); err != nil {
			return named(one.name, err)
		}
	}
	return nil
}
