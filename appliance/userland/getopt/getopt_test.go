package getopt

import (
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", "[] []"},
		{"host", "[] [host]"},
		{"-c 3 host", "[c=3] [host]"},
		{"-c3 host", "[c=3] [host]"},
		{"host -nc3 -q", "[n c=3 q] [host]"},
		{"-q -- -n -", "[q] [-n -]"},
		{"-", "[] [-]"},
		{"-c -1", "[c=-1] []"},
		{"-c", "option -c needs a value"},
		{"-x", "unknown option -x"},
		{"-:", "unknown option -:"},
		{"--help", "unknown option --help"},
		{"-né", "unknown option -Ã"},
	} {
		options, operands, err := Parse(strings.Fields(tt.args), "nqc:")
		got := fmt.Sprint(err)
		if err == nil {
			var words []string
			for _, o := range options {
				words = append(words, strings.TrimSuffix(string(o.Letter)+"="+o.Value, "="))
			}
			got = fmt.Sprintf("%v %v", words, operands)
		}
		if got != tt.want {
			t.Errorf("Parse %q: %s, want %s", tt.args, got, tt.want)
		}
	}
}
