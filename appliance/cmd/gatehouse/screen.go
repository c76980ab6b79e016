package main

import (
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
)

// onScreen has what people read on a terminal go on in the next line between words, where the terminal would
// break it anywhere. What is for programs, or is a configuration, goes out as it is, and all that goes to a
// file or a pipe.
func onScreen(w io.Writer, args []string) io.Writer {
	asIs := func(word string) bool {
		option, _, _ := strings.Cut(strings.TrimPrefix(word, "-"), "=")
		return slices.Contains([]string{"-json", "-xl", "-target", "json", "xl", "target"}, option) &&
			option != word
	}
	f, ok := w.(*os.File)
	if !ok || slices.ContainsFunc(args, asIs) ||
		slices.Equal(args[:min(2, len(args))], []string{"firewall", "show"}) {
		return w
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return w // no terminal
	}
	columns := int(size.Col)
	if columns == 0 { // a serial line does not know
		columns = cli.Width
	}
	return cli.Folded(w, max(columns, cli.Width/4))
}
