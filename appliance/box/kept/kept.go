// Package kept keeps the sites that were applied to a box, in a directory of its own. Each is one file
// N.tar.gz, a bundle of site/bundle; the numbers only grow, and the highest is the site of the box.
//
// A site gets there in two steps. Stage writes it in full, under a name that nobody reads as a site of the
// box, so that a full disk is noticed before anything else happens. Commit gives it its number by one rename.
// Whenever the power fails, the box has the site from before Commit or the one from after it. What was begun
// and not ended is taken away by the next Stage, Commit or Discard.
//
// Names in the directory that are not of this package are left alone. Whether a bundle is a site that works,
// and what a person may be shown of a Meta, is left to others.
package kept

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gatehouse-os/gatehouse/site/bundle"
)

const (
	maxKept  = 10      // sites, the newest among them
	maxOlder = 4 << 20 // bytes of all but the newest
	// maxListed bounds List; there are more than maxKept only if somebody put them there.
	maxListed = 64
	// maxFile bounds what is read of a file in bytes: a bundle that gzip could not make smaller.
	maxFile = bundle.MaxPacked + 1<<20
	// maxNumber has as many digits as any number in a name can have.
	maxNumber = 999_999_999_999_999_999

	siteSuffix   = ".tar.gz"
	stagedSuffix = ".staged"
	// of the files that statefile.Write leaves at a power cut: ".7.staged.tmp-123"
	tempMark = stagedSuffix + ".tmp-"
)

// A Store is such a directory. Its methods may be called at the same time; no two Stores may write to one
// directory.
type Store struct {
	dir string

	mu   sync.Mutex
	last int // the highest number that Stage gave
}

// Open returns the store in dir, which need not exist. It reads nothing.
func Open(dir string) *Store { return &Store{dir: dir} }

// An Entry is a site that is kept.
type Entry struct {
	Number int
	Meta   bundle.Meta
	Size   int64 // of the file, in bytes
	Err    error // why it cannot be read; Meta is zero then
}

// path is where the site of a number is.
func (s *Store) path(number int) string { return filepath.Join(s.dir, strconv.Itoa(number)+siteSuffix) }

// staged is where it is before its Commit.
func (s *Store) staged(number int) string {
	return filepath.Join(s.dir, strconv.Itoa(number)+stagedSuffix)
}

// contents is what is in the directory and of this package.
type contents struct {
	numbers  []int    // of the sites, from the highest
	staged   []int    // of candidates
	leftover []string // names of files that a power cut left
}

// highest is the highest number in use, 0 if there is none.
func (c contents) highest() int { return max(0, slices.Max(append(c.staged, append(c.numbers, 0)...))) }

// read looks into the directory. One that does not exist is empty.
func (s *Store) read() (contents, error) {
	var c contents
	dir, err := os.Open(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(256) // of strangers' names, nothing is held
		for _, name := range names {
			c.sort(name)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return contents{}, err
		}
	}
	slices.SortFunc(c.numbers, func(a, b int) int { return cmp.Compare(b, a) })
	return c, nil
}

// sort puts a name where it belongs, nowhere if it is a stranger's.
func (c *contents) sort(name string) {
	if n, ok := numberBefore(name, siteSuffix); ok {
		c.numbers = append(c.numbers, n)
	} else if n, ok := numberBefore(name, stagedSuffix); ok {
		c.staged = append(c.staged, n)
	} else if before, _, found := strings.Cut(name, tempMark); found && strings.HasPrefix(before, ".") {
		if _, ok := numberBefore(before[1:], ""); ok {
			c.leftover = append(c.leftover, name)
		}
	}
}

// numberBefore returns the number that a name has before its suffix, and whether the name is made of these
// two.
func numberBefore(name, suffix string) (int, bool) {
	text, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= maxNumber && strconv.Itoa(n) == text
}

// numbersText writes the numbers of sites for a person.
func numbersText(numbers []int) string {
	if len(numbers) == 0 {
		return "none is kept"
	}
	var texts []string
	for _, n := range numbers[:min(len(numbers), maxListed)] {
		texts = append(texts, strconv.Itoa(n))
	}
	return fmt.Sprintf("kept are %s", strings.Join(texts, ", "))
}
