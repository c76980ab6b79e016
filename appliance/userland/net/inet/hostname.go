package inet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const hostnameHelp = `	-f	the full name with the domain, as /etc/hosts and the DNS know it
	-d	the domain of the full name
	-i	the IPv4 addresses of the name
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
		case 'd':
			name, err = fullName(c.Context, name)
			_, name, _ = strings.Cut(name, ".")
		case 'i':
			name, err = addresses(c.Context, name)
		}
	}
	if err != nil {
		c.Fail(err)
		return
	}
	fmt.Fprintln(c.Stdout, name)
}

// addresses returns the IPv4 addresses of name with blanks between them.
func addresses(ctx context.Context, name string) (string, error) {
	addrs, err := net.DefaultResolver.LookupHost(ctx, name)
	addrs = slices.DeleteFunc(addrs, func(addr string) bool { return strings.Contains(addr, ":") })
	if err == nil && len(addrs) == 0 {
		err = errors.New("it has no IPv4 address")
	}
	if err != nil {
		return "", fmt.Errorf("the addresses of %s: %w", name, err)
	}
	return strings.Join(addrs, " "), nil
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
