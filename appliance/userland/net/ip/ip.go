// Package ip is the appliance's ip(8): it shows links, addresses, routes, neighbours, rules and multicast
// addresses in the words of iproute2, as text and as JSON, says when they change, and makes the changes that
// a person at the console of a broken router needs.
//
// What it prints is a subset of what iproute2 prints, line by line and key by key; left out are the
// preference ("pref") and the source ("from") of IPv6 routes, "link-netns", and of what -d adds the settings
// of bridges and tunnels. It takes no word that it does not understand: whoever asks for more is told what
// was expected. Changes last until something else changes them; what outlives a boot is in the site.
package ip

import (
	"errors"
	"fmt"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Exit statuses, those of iproute2.
const (
	exitOK     = 0
	exitUsage  = 1 // the command line was wrong, or names a link that is not there: nothing was done
	exitFailed = 2 // the kernel refused
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"ip": {Raw: true, NoHelp: true, Run: run}}
}

// usageError is an error of the command line.
type usageError struct{ error }

// refused is an error of the kernel's.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// expected returns the usageError of a word that is not what it should be. what
// completes "expected".
func expected(got, what string) error {
	return usageError{fmt.Errorf("%s: expected %s", got, what)}
}

// run does what a command line says, in the network namespace of the calling thread. Changes need
// CAP_NET_ADMIN.
func run(c *command.Call) {
	r, err := parse(c.Args)
	if err == nil && r.help {
		fmt.Fprint(c.Stdout, r.usage())
		return
	}
	r.out.to, r.call = c.Stdout, c
	if err == nil {
		err = r.verb.run(r)
	}
	if err == nil {
		err = r.out.finish()
	}
	var usage usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(c.Stderr, "%s: %s\n%s", r.name, command.Message(err), r.usage())
		c.Exit(exitUsage)
	case errors.As(err, new(refused)):
		fmt.Fprintf(c.Stderr, "%s: %s\n", r.name, command.Message(err))
		c.Exit(exitFailed)
	case err != nil:
		fmt.Fprintf(c.Stderr, "%s: %s\n", r.name, command.Message(err))
		c.Exit(exitUsage)
	}
}
