// Package cli is what the commands for people have in common, whatever they are about: the words that they
// are given, and how numbers, times and tables are written for a screen of 80 columns.
//
// It knows nothing of what is written. To make text of strangers safe for a terminal is left to who writes
// it: package printable.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/span"
)

// TimeFormat is how a line that is about a moment says it, in UTC.
const TimeFormat = "2006-01-02 15:04:05.000"

// ErrUsage is a command line that was not understood. Who runs commands says what it should have been.
var ErrUsage = errors.New("usage")

// UnknownOption is an ErrUsage about an option that a command does not have, as it was written.
type UnknownOption struct{ Option string }

func (e *UnknownOption) Error() string { return "usage: there is no " + e.Option }

// Is says that it is an ErrUsage.
func (e *UnknownOption) Is(target error) bool { return target == ErrUsage }

// ErrProblems makes the exit status tell what a command has shown: scripts ask, too.
var ErrProblems = errors.New("something is wrong")

// Options reads the flags of a command wherever they stand, and returns the words that are none; more than
// max of these is a usage error.
func Options(flags *flag.FlagSet, args []string, max int) ([]string, error) {
	flags.SetOutput(io.Discard)
	var words []string
	for {
		if err := flags.Parse(args); err != nil {
			if err, ok := valueOf(err); ok {
				return nil, err
			}
			return nil, unknown(flags, args)
		}
		if flags.NArg() == 0 {
			break
		}
		words = append(words, flags.Arg(0))
		args = flags.Args()[1:]
	}
	if len(words) > max {
		return nil, ErrUsage
	}
	return words, nil
}

// BadValue is an ErrUsage about the value of an option.
type BadValue struct{ Text string }

func (e *BadValue) Error() string { return "usage: " + e.Text }

// Is makes it an ErrUsage.
func (e *BadValue) Is(target error) bool { return target == ErrUsage }

// valueOf makes an error of flag(3) about the value of an option one of ours, which has the option as people
// write it.
func valueOf(err error) (*BadValue, bool) {
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return &BadValue{dashed(name) + " wants a value"}, true
	}
	value, rest, ok := strings.Cut(strings.TrimPrefix(err.Error(), "invalid value "), " for flag -")
	if !ok {
		value, rest, ok = strings.Cut(strings.TrimPrefix(err.Error(), "invalid boolean value "), " for -")
	}
	if !ok {
		return nil, false
	}
	name, why, _ := strings.Cut(rest, ": ")
	text := value + " is no value for " + dashed(name)
	if i := strings.LastIndex(why, "expected "); i >= 0 { // one of our own
		text += "; " + why[i:]
	}
	return &BadValue{text}, true
}

// dashed is an option as people write it.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// unknown is the error about the first of args that begins with a dash and is no option, ErrUsage if there is
// none.
func unknown(flags *flag.FlagSet, args []string) error {
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if dashes := len(arg) - len(strings.TrimLeft(arg, "-")); dashes == 0 || dashes > 2 || name == "" {
			continue
		}
		if flags.Lookup(name) == nil {
			option, _, _ := strings.Cut(arg, "=")
			return &UnknownOption{option}
		}
	}
	return ErrUsage
}

// Count writes a number with its noun.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Span writes a time as people say it: "3d 4h", "12m 5s".
func Span(d time.Duration) string { return span.Text(d) }

// Took writes a time that somebody has waited.
func Took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 ms"
	case d < 100*time.Microsecond:
		return "< 0.1 ms"
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return Span(d)
}
