package inet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

// Hostname prints the name of the box; with -s up to its first dot, with -f the
// full name with the domain. It does not set the name: that is the site's.
func Hostname(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const command = "hostname"
	options, operands, err := getopt.Parse(args[1:], "sf")
	if err == nil && len(operands) > 0 {
		err = errors.New("the name of the box is set in the site, by name = \"…\"")
	}
	if err != nil {
		return fail(stderr, exitUsage, command, fmt.Errorf("%w\nusage: hostname [-f | -s]", err))
	}
	name, err := os.Hostname()
	for _, o := range options {
		if err != nil {
			break
		}
		switch o.Letter {
		case 's':
			name, _, _ = strings.Cut(name, ".")
		case 'f':
			name, err = fullName(ctx, name)
		}
	}
	if err != nil {
		return fail(stderr, exitFailed, command, err)
	}
	fmt.Fprintln(stdout, name)
	return exitOK
}

// fullName returns the canonical name of name: in hosts(5) the first of the line.
func fullName(ctx context.Context, name string) (string, error) {
	full, err := net.DefaultResolver.LookupCNAME(ctx, name)
	if err != nil {
		return "", fmt.Errorf("the full name of %s is not in /etc/hosts and the DNS does not know it: %w", name, err)
	}
	return strings.TrimSuffix(full, "."), nil
}
