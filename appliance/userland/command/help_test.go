package command

import (
	"bytes"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	c := Command{
		Usage: "[-ab] [-c LONG] [-d LONGER] [-e LONGEST] SOURCE [DESTINATION WITH BLANKS] | -f DIRECTORY\n-l [SIG]...",
		Help: "\t-a\tone\n\t-c LONG\ttwo words that are of such a length that they do not fit into one line of it\n" +
			"\t--an-option=that-is-wider-than-others\tbelow\n\t--alone\n" +
			"Prose that is longer than what a console can show in one line is folded as well, at a blank.\n",
	}
	const usage = `usage: frob [-ab] [-c LONG] [-d LONGER] [-e LONGEST] SOURCE
           [DESTINATION WITH BLANKS] | -f DIRECTORY
       frob -l [SIG]...
`
	const help = `  -a       one
  -c LONG  two words that are of such a length that they do not fit into one
           line of it
  --an-option=that-is-wider-than-others
           below
  --alone
Prose that is longer than what a console can show in one line is folded as well,
at a blank.
`
	for _, tt := range []struct{ args, stdout, stderr string }{
		{"frob --help", usage + help, ""},
		{"frob -x", "", "frob: unknown option -x\n" + usage},
	} {
		var stdout, stderr bytes.Buffer
		c.Main()(t.Context(), strings.Fields(tt.args), strings.NewReader(""), &stdout, &stderr)
		if stdout.String() != tt.stdout || stderr.String() != tt.stderr {
			t.Errorf("%s:\n%s%swant:\n%s%s", tt.args, &stdout, &stderr, tt.stdout, tt.stderr)
		}
	}
}

func TestUsageIsNotCut(t *testing.T) {
	for how, want := range map[string]string{"": "usage: [\n", "EXPRESSION ]": "usage: [ EXPRESSION ]\n"} {
		if got := usage("[", how); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
