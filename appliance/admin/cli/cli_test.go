package cli

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		args  string
		words string
		v     bool
		err   error
	}{
		{"", "", false, nil},
		{"a -v b", "a b", true, nil},
		{"a b -v=false", "a b", false, nil},
		{"a b c", "", false, ErrUsage},
		{"-x", "", false, ErrUsage},
	} {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		v := flags.Bool("v", false, "")
		words, err := Options(flags, strings.Fields(c.args), 2)
		if !errors.Is(err, c.err) || err == nil && (*v != c.v || !slices.Equal(words, strings.Fields(c.words))) {
			t.Errorf("%q: %q, -v %v, %v", c.args, words, *v, err)
		}
	}
}

// TestBadValue: who gives an option a wrong value is told which, and what was expected where we know.
func TestBadValue(t *testing.T) {
	for args, want := range map[string]string{
		"a --within 1x": `usage: "1x" is no value for --within`, "-n few": `usage: "few" is no value for -n`,
		"--within": "usage: --within wants a value", "--kind=box": `usage: "box" is no value for --kind; expected hvm or pv`,
	} {
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		flags.Duration("within", 0, "")
		flags.Int("n", 0, "")
		flags.BoolFunc("kind", "", func(s string) error { return fmt.Errorf("%q is no kind; expected hvm or pv", s) })
		if _, err := Options(flags, strings.Fields(args), 2); !errors.Is(err, ErrUsage) || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0 ms", 99 * time.Microsecond: "< 0.1 ms", 4249 * time.Microsecond: "4.2 ms", 31 * time.Millisecond: "31 ms",
		1800 * time.Millisecond: "1.8 s", time.Minute: "1m",
	} {
		if got := Took(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestScreen: the last cell goes on below itself, and problems with it.
func TestScreen(t *testing.T) {
	var out strings.Builder
	Screen(&out, [][]string{{"a", "bb", strings.Repeat("word ", 20)}, {"long", "c", ""}})
	if err := Problems(&out, []string{"one", strings.Repeat("word ", 17) + "\nmore"}); err != nil {
		t.Fatal(err)
	}
	want := "a      bb   " + strings.TrimSpace(strings.Repeat("word ", 13)) + "\n            " +
		strings.TrimSpace(strings.Repeat("word ", 7)) + "\nlong   c\n\n! one\n! " +
		strings.TrimSpace(strings.Repeat("word ", 15)) + "\n  word word\n  more\n"
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
}
