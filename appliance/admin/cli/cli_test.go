package cli

import (
	"errors"
	"flag"
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

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 499 * time.Millisecond: "0s", 1500 * time.Millisecond: "2s", 12*time.Minute + 5*time.Second: "12m 5s",
		time.Hour: "1h", 76*time.Hour + 59*time.Minute: "3d 4h", 24*time.Hour + time.Minute: "1d",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
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
