package kept

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// Stage writes a candidate to stable storage and returns the number that Commit will give it, which this
// Store gave to no other. The directory is made if it is missing; the one that it is in must be there. There
// is one candidate at a time: an earlier one is gone, even if this fails. The site of the box stays what it
// is.
func (s *Store) Stage(files map[string][]byte, meta bundle.Meta) (number int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := packed(files, meta)
	if err != nil {
		return 0, fmt.Errorf("the site cannot be kept: %w", err)
	}
	if err := s.makeDir(); err != nil {
		return 0, fmt.Errorf("the site cannot be kept: %w", err)
	}
	c, err := s.read()
	if err != nil {
		return 0, fmt.Errorf("the site cannot be kept: %w", err)
	}
	number = max(c.highest(), s.last) + 1
	if number > maxNumber {
		return 0, fmt.Errorf("the site cannot be kept: no number is above %d; remove that file from %s",
			c.highest(), s.dir)
	}
	if err := s.clean(c); err != nil { // first, for it may have the room that this one needs
		return 0, err
	}
	if err := statefile.Write(s.staged(number), data, 0o600); err != nil {
		return 0, fmt.Errorf("the site cannot be kept: %w", err)
	}
	s.last = number
	return number, nil
}

// makeDir makes the directory and brings its name to stable storage.
func (s *Store) makeDir() error {
	if err := os.Mkdir(s.dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return statefile.SyncDir(filepath.Dir(filepath.Clean(s.dir)))
}

// packed returns a bundle, compressed. The same arguments give the same bytes.
func packed(files map[string][]byte, meta bundle.Meta) ([]byte, error) {
	plain, err := bundle.Pack(files, meta)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Commit makes the candidate of that number the site of the box, and returns when that is on stable storage.
// With err the site of the box is the one it was before. Afterwards it takes away the oldest, so that at most
// 10 are left and, beside the newest, at most 4 MiB; what it could not take away is in unpruned, and the site
// is kept all the same.
func (s *Store) Commit(number int) (unpruned, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("site %d cannot be kept: %w", number, err)
	}
	if len(c.numbers) > 0 && c.numbers[0] >= number {
		return nil, fmt.Errorf("site %d cannot be kept: there is site %d by now; apply it again", number,
			c.numbers[0])
	}
	if !slices.Contains(c.staged, number) {
		return nil, fmt.Errorf("site %d cannot be kept: it is no candidate any more; apply it again", number)
	}
	if err := os.Rename(s.staged(number), s.path(number)); err != nil {
		return nil, fmt.Errorf("site %d cannot be kept: %w", number, err)
	}
	// The disk fails. If it does so for a moment only, the next boot must not find a site that was said not
	// to be kept.
	if err := statefile.SyncDir(s.dir); err != nil {
		return nil, errors.Join(fmt.Errorf("site %d cannot be kept: %w", number, err),
			os.Rename(s.path(number), s.staged(number)))
	}
	return s.prune(), nil
}

// prune takes away what is too old, and candidates.
func (s *Store) prune() error {
	c, err := s.read()
	if err != nil {
		return err
	}
	errs := []error{s.clean(c)}
	older := int64(0)
	for i, n := range c.numbers {
		info, err := os.Lstat(s.path(n))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if i > 0 {
			older += info.Size()
		}
		if i >= maxKept || older > maxOlder {
			errs = append(errs, os.Remove(s.path(n)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("old sites cannot be removed: %w", err)
	}
	return nil
}

// Discard takes the candidate away, if there is one.
func (s *Store) Discard() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.read()
	if err != nil {
		return err
	}
	return s.clean(c)
}

// clean takes away candidates and what is left of such.
func (s *Store) clean(c contents) error {
	var errs []error
	for _, n := range c.staged {
		errs = append(errs, os.Remove(s.staged(n)))
	}
	for _, name := range c.leftover {
		errs = append(errs, os.Remove(filepath.Join(s.dir, name)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("an earlier candidate cannot be removed: %w", err)
	}
	return nil
}
