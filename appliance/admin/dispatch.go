package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/nearest"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// dispatch runs the command of all that args begin with. What was said before them is prefix. Who asks for
// help gets that, wherever he asks, and nothing else is done.
func dispatch(ctx context.Context, env Env, prefix string, all []command, args []string) int {
	if len(args) == 0 {
		overview(env.Stderr, prefix, all)
		return 2
	}
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	switch {
	case i < 0 && isHelp(args[0]):
		overview(env.Stdout, prefix, all)
		return 0
	case i < 0:
		near := didYouMean(args[0], namesOf(all))
		fmt.Fprintf(env.Stderr, "%s: no command %q%s\n", prefix, args[0], near)
		if near == "" {
			overview(env.Stderr, prefix, all)
		}
		return 2
	}
	c := all[i]
	name := prefix + " " + c.name
	more := len(args) > 1 && !strings.HasPrefix(args[1], "-")
	if c.sub != nil && (more || c.run == nil) {
		return dispatch(ctx, env, name, c.sub, args[1:])
	}
	if slices.ContainsFunc(args[1:], isHelp) {
		details(env.Stdout, prefix, []command{c})
		return 0
	}
	switch err := c.run(ctx, env, args[1:]); {
	case errors.Is(err, cli.ErrUsage):
		if unknown, ok := errors.AsType[*cli.UnknownOption](err); ok {
			fmt.Fprintf(env.Stderr, "%s: there is no %s%s\n", name, unknown.Option,
				didYouMean(unknown.Option, c.words()))
		}
		if bad, ok := errors.AsType[*cli.BadValue](err); ok {
			fmt.Fprintf(env.Stderr, "%s: %s\n", name, bad.Text)
		}
		for i, line := range cli.Fold("usage: "+name+" "+c.usage, cli.Width-len(goesOn)) {
			fmt.Fprintln(env.Stderr, []string{"", goesOn}[min(i, 1)]+line)
		}
		return 2
	case errors.Is(err, cli.ErrProblems):
		return 1
	case err != nil:
		// What others say is in it.
		fmt.Fprintf(printable.Writer(env.Stderr), "%s: %v%s\n", name, err,
			env.suggestion(ctx, name, c, args[1:], err))
		return 1
	}
	return 0
}

// isHelp says whether a word asks for help, as flag(3) of Go has it too.
func isHelp(word string) bool { return slices.Contains([]string{"--help", "-help", "-h"}, word) }

// didYouMean is a question for who wrote a word that is not known, "" when nothing is near. Words of the site
// and of commands are in lower case.
func didYouMean(word string, known []string) string {
	if near := nearest.Word(word, known); near != "" {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}

func namesOf(all []command) []string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = c.name
	}
	return words
}

// Usage prints all commands, or how those of a word are called. It reports whether there are any.
func Usage(w io.Writer, words ...string) bool {
	prefix, all := "gatehouse", commands()
	if len(words) == 0 {
		overview(w, prefix, all)
		return true
	}
	all = slices.DeleteFunc(all, func(c command) bool { return c.name != words[0] })
	if len(words) > 1 && len(all) == 1 && slices.Contains(namesOf(all[0].sub), words[1]) {
		prefix += " " + words[0]
		all = slices.DeleteFunc(slices.Clone(all[0].sub), func(c command) bool { return c.name != words[1] })
	}
	if len(all) == 0 {
		fmt.Fprintf(w, "no command %q%s\n", words[0], didYouMean(words[0], namesOf(commands())))
		overview(w, prefix, commands())
		return false
	}
	details(w, prefix, all)
	return true
}

// overview prints commands, a line each and no more columns than a console has.
func overview(w io.Writer, prefix string, all []command) {
	fmt.Fprintf(w, "usage: %s COMMAND\n", prefix)
	var rows [][]string
	for _, c := range all {
		what := c.what
		switch {
		case c.run == nil && c.sub != nil:
			what += ": " + strings.Join(namesOf(c.sub), ", ")
		case c.sub != nil:
			what += "; also " + strings.Join(namesOf(c.sub), ", ")
		}
		rows = append(rows, []string{"  " + c.name, what})
	}
	cli.Screen(w, rows)
	fmt.Fprintf(w, "With --help a command says how it is called.\n")
}

// details prints how commands are called, within the columns of a console.
func details(w io.Writer, prefix string, all []command) {
	fmt.Fprintln(w, "usage:")
	for _, c := range all {
		if c.run != nil {
			detail(w, prefix, c)
		}
		for _, sub := range c.sub {
			detail(w, prefix+" "+c.name, sub)
		}
	}
}

// goesOn is before a line that goes on.
const goesOn = "      "

func detail(w io.Writer, prefix string, c command) {
	call := strings.TrimSpace(c.name + " " + c.usage)
	for i, line := range cli.Fold(prefix+" "+call, cli.Width-len(goesOn)) {
		fmt.Fprintln(w, []string{"  ", goesOn}[min(i, 1)]+line)
	}
	for _, line := range cli.Fold(c.what, cli.Width-len(goesOn)) {
		fmt.Fprintln(w, goesOn+line)
	}
}
