// Package ip is the appliance's ip(8): it shows links, addresses, routes,
// neighbours and rules in the words of iproute2, and makes the changes that a
// person at the console of a broken router needs.
//
// What it prints is a subset of what iproute2 prints, line by line; left out are
// the fields "pref medium", "link-netns" and what -d adds. It takes no word that it
// does not understand: whoever asks for more is told what was expected. Changes
// last until something else changes them; what outlives a boot is in the site.
package ip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Exit statuses, those of the other small commands of the appliance.
const (
	exitOK     = 0
	exitFailed = 1 // the kernel refused
	exitUsage  = 2 // the command line was wrong, and nothing was done
)

// usageError is an error of the command line.
type usageError struct{ error }

// expected returns the usageError of a word that is not what it should be. what
// completes "expected".
func expected(got, what string) error {
	return usageError{fmt.Errorf("%s: expected %s", got, what)}
}

// Run runs args, of which args[0] is the command's name, in the network namespace
// of the calling thread, and returns the exit status. Changes need CAP_NET_ADMIN.
func Run(_ context.Context, args []string, stdout, stderr io.Writer) int {
	r, err := parse(args[1:])
	if err == nil && r.help {
		fmt.Fprint(stdout, r.usage())
		return exitOK
	}
	var out bytes.Buffer
	if err == nil {
		r.out = &out
		err = r.verb.run(r)
	}
	_, _ = stdout.Write(out.Bytes()) // what came before an error is true
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%s: %v\n%s", r.name, err, r.usage())
		return exitUsage
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\n", r.name, err)
		return exitFailed
	}
	return exitOK
}
