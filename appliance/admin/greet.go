package admin

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// greetWord is the command of /etc/profile. It is nobody else's.
const greetWord = "greet"

// greet writes five lines for who logs in: what this is, whether all is well, and where to go on. It takes as
// long as status at most.
func greet(ctx context.Context, env Env, out io.Writer) {
	st := collect(ctx, env)
	w := printable.Writer(out)
	m := st.Machine
	title := fmt.Sprintf("%s: Gatehouse %s, up %s", cmp.Or(m.Name, "this box"),
		cmp.Or(m.Version, "of an unknown version"), cli.Span(m.Uptime))
	health := "Everything is as it should be."
	if n := len(st.Problems); n > 0 {
		health = "! " + cli.Count(n, "thing is", "things are") + " wrong: gatehouse status"
	}
	for _, line := range []string{
		printable.Cut(title, cli.Width),
		health,
		"gatehouse status   is all well?           gatehouse log    what the services say",
		"gatehouse leases   who is here            gatehouse help   all commands",
		"The Tab key completes commands, hosts and services; --help explains a command.",
	} {
		fmt.Fprintln(w, line)
	}
}
