package multicall

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var ran string
	ours := func(_ context.Context, args []string, _ io.Reader, _, _ io.Writer) int {
		ran = "our " + strings.Join(args, " ")
		return len(args)
	}
	theirs := func(what string) func() { return func() { ran = "their " + what } }
	table := Table{
		Commands: map[string]Command{"ps": ours, "tail": ours},
		Mains:    map[string]func(){"sh": theirs("sh"), "tail": theirs("tail"), "ls": theirs("ls")},
	}
	if got := table.Names(); !slices.Equal(got, []string{"ls", "ps", "sh", "tail"}) {
		t.Errorf("names: %q", got)
	}
	for called, want := range map[string]string{
		"/bin/ps": "our /bin/ps -1", "tail": "our tail -1", "../bin/ls": "their ls", "-sh": "their sh",
		"-": "", "": "", "/bin/ps/nosuch": "",
	} {
		ran = ""
		command, main := table.Command(called), table.Main(called)
		switch {
		case command != nil && main != nil:
			t.Errorf("%q is two commands", called)
		case command != nil:
			if status := command(t.Context(), []string{called, "-1"}, nil, nil, nil); status != 2 {
				t.Errorf("%q: the status is %d", called, status)
			}
		case main != nil:
			main()
		}
		if ran != want {
			t.Errorf("%q: ran %q, want %q", called, ran, want)
		}
	}
}
