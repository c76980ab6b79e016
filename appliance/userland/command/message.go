package command

import (
	"strings"
	"syscall"
)

// Message is the text of an error as people and scripts know it: what the system says in it has the words of
// strerror(3), "No such file or directory". Go has the same words and begins them small. An error that does
// not wrap the system's (%w) stays as it is.
func Message(err error) string {
	text := err.Error()
	for _, number := range numbers(err) {
		small := number.Error()
		if i := strings.LastIndex(text, small); i >= 0 {
			text = text[:i] + strings.ToUpper(small[:1]) + small[1:] + text[i+len(small):]
		}
	}
	return text
}

// numbers are those that the system has given, of all that an error wraps.
func numbers(err error) []syscall.Errno {
	switch e := err.(type) {
	case syscall.Errno:
		return []syscall.Errno{e}
	case interface{ Unwrap() error }:
		return numbers(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []syscall.Errno
		for _, one := range e.Unwrap() {
			all = append(all, numbers(one)...)
		}
		return all
	}
	return nil
}
