package inet

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const hostnameHelp = `	-f	the full name with the domain, as /etc/hosts and the DNS know it
	-s	up to its first dot
The name is set in the site, by name = "...".
`

// hostname prints the name of the box. It does not set it: that is the site's.
func hostname(c *command.Call) {
	if len(c.Args) > 0 {
		c.Misused(`the name of the box is set in the site, by name = "..."`)
		return
	}
	name, err := os.Hostname()
	for _, o := range c.Options {
		if err != nil {
			break
		}
		switch o.Letter {
		case 's':
			name, _, _ = strings.Cut(name, ".")
		case 'f':
			name, err = fullName(c.Context, name)
		}
	}
	if err != nil {
		c.Fail(err)
		return
	}
	fmt.Fprintln(c.Stdout, name)
}

// fullName returns the canonical name of name: in hosts(5) the first of the line.
func fullName(ctx context.Context, name string) (string, error) {
	full, err := net.DefaultResolver.LookupCNAME(ctx, name)
	if err != nil {
		return "", fmt.Errorf("the full name of %s is not in /etc/hosts and the DNS does not know it: %w",
			name, err)
	}
	return strings.TrimSuffix(full, "."), nil
}
