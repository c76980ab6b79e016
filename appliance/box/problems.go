package box

import (
	"fmt"
	"maps"
	"slices"
)

// problems are what is wrong with the box itself, by subject: one that is mended is gone.
type problems map[string]string

// problem keeps err as what is wrong with a subject, or that nothing is, and returns it.
func (b *Box) problem(subject string, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		delete(b.problems, subject)
		return nil
	}
	b.problems[subject] = err.Error()
	return err
}

// Problem keeps what a part of the box that is not the world says of itself.
func (b *Box) Problem(subject string, err error) { b.problem(subject, err) }

func (b *Box) problemOf(subject string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problems[subject]
}

// Problems are sentences for people about what is wrong now.
func (b *Box) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, subject := range slices.Sorted(maps.Keys(b.problems)) {
		all = append(all, fmt.Sprintf("%s: %s", subject, b.problems[subject]))
	}
	return all
}
