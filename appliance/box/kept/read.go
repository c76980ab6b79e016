package kept

import (
	"fmt"
	"os"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// List returns what is kept, the newest first; of more than 64, the newest. A site that cannot be read is among them.
func (s *Store) List() ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.read()
	if err != nil {
		return nil, fmt.Errorf("the kept sites cannot be listed: %w", err)
	}
	var all []Entry
	for _, n := range c.numbers[:min(len(c.numbers), maxListed)] {
		e, _ := s.open(n)
		all = append(all, e)
	}
	return all, nil
}

// Get returns the site of a number.
func (s *Store) Get(number int) (bundle.Bundle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.read()
	if err != nil {
		return bundle.Bundle{}, fmt.Errorf("site %d cannot be read: %w", number, err)
	}
	if !slices.Contains(c.numbers, number) {
		return bundle.Bundle{}, fmt.Errorf("there is no site %d; %s", number, numbersText(c.numbers))
	}
	e, b := s.open(number)
	return b, e.Err
}

// open reads the site of a number. Of one that cannot be read the Entry says why.
func (s *Store) open(number int) (Entry, bundle.Bundle) {
	e := Entry{Number: number}
	if info, err := os.Lstat(s.path(number)); err == nil {
		e.Size = info.Size()
	}
	data, err := statefile.Read(s.path(number), maxFile)
	if err != nil {
		e.Err = fmt.Errorf("site %d cannot be read: %w", number, err)
		return e, bundle.Bundle{}
	}
	b, err := bundle.Open(data)
	if err != nil {
		e.Err = fmt.Errorf("site %d is damaged: %s: %w", number, s.path(number), err)
		return e, bundle.Bundle{}
	}
	e.Meta = b.Meta
	return e, b
}

// A Latest is the newest site that can be read.
type Latest struct {
	Entry  // Number 0: there is none
	Bundle bundle.Bundle
	// OtherImage: it was made on another image than the box runs now, so the site of the image is the one to use, and
	// there is no Bundle.
	OtherImage bool
}

// Latest returns the site of a box whose image's site has the hash base. Those that had to be passed over because they
// cannot be read are in the errors, the newest first.
func (s *Store) Latest(base string) (Latest, []error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.read()
	if err != nil {
		return Latest{}, []error{fmt.Errorf("the kept sites cannot be read: %w", err)}
	}
	var damaged []error
	for _, n := range c.numbers[:min(len(c.numbers), maxListed)] {
		e, b := s.open(n)
		switch {
		case e.Err != nil:
			damaged = append(damaged, e.Err)
		case e.Meta.Base != base:
			return Latest{Entry: e, OtherImage: true}, damaged
		default:
			return Latest{Entry: e, Bundle: b}, damaged
		}
	}
	return Latest{}, damaged
}
