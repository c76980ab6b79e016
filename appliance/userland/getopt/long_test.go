package getopt

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseLong(t *testing.T) {
	long := map[string]byte{"lines": 'n', "quiet": 'q', "quit": 'Q'}
	for _, tt := range []struct{ letters, args, want string }{
		{"n:qQ", "--lines=3 x", "[n=3] [x]"},
		{"n:qQ", "--lines 3 x -q", "[n=3 q] [x]"},
		{"n:qQ", "--li 3", "[n=3] []"},
		{"n:qQ", "-- --lines", "[] [--lines]"},
		{"n:qQ", "--qui", "option --qui may be one of several"},
		{"n:qQ", "--quiet=1", "option --quiet takes no value"},
		{"n:qQ", "--lines", "option --lines needs a value"},
		{"n:qQ", "--frobnicate", "unknown option --frobnicate"},
		{"n:qQ", "-qn3 -", "[q n=3] [-]"},
		{"n:qQ", "-n", "option -n needs a value"},
		{"n:qQ", "-x", "unknown option -x"},
		{"n:qQ", "x -q", "[q] [x]"},
		{"+n:qQ", "-Q x -q", "[Q] [x -q]"},
		{"n::q", "-qn -n3 x", "[q n n=3] [x]"},
		{"n::q", "--lines x --lines=3", "[n n=3] [x]"},
	} {
		options, operands, err := ParseLong(strings.Fields(tt.args), tt.letters, long)
		got := fmt.Sprint(err)
		if err == nil {
			var words []string
			for _, o := range options {
				words = append(words, strings.TrimSuffix(string(o.Letter)+"="+o.Value, "="))
			}
			got = fmt.Sprintf("%v %v", words, operands)
		}
		if got != tt.want {
			t.Errorf("%s %q: %s, want %s", tt.letters, tt.args, got, tt.want)
		}
	}
}
