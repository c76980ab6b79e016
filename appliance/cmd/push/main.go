// Command push makes a running appliance another site, from the workstation where the site is kept: it checks
// the site, sends it by ssh, and confirms it over a new connection, so that what cuts the administrator off
// takes itself back.
//
// It runs the ssh of the user, with his configuration and keys. An address of the appliance that is another
// in the new site is tried too; the host key is the one that is known for the name or address that was given.
// A host on the loopback is the end of a tunnel, as that of make run: there is no other way then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
	"github.com/gatehouse-os/gatehouse/site/dir"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// push is what is to be done.
type push struct {
	host, site, message string
	moreKeys            string   // file
	ssh                 []string // the program and its first arguments
	within              time.Duration
	dry, strict         bool
	stdout, stderr      io.Writer
}

// run returns the exit status: 0, 1 when the box is not the site afterwards, 2 for wrong arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	p := push{stdout: stdout, stderr: stderr}
	flags := flag.NewFlagSet("push", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // who made a mistake is told that, and not all that there is
	flags.StringVar(&p.host, "host", "",
		"the appliance, as ssh knows it: [USER@]NAME or address; without USER admin")
	flags.StringVar(&p.site, "site", "", "directory of the site")
	flags.DurationVar(&p.within, "within", time.Minute, "how long the site is on trial, 1s to 1h")
	flags.StringVar(&p.moreKeys, "authorized-keys", "",
		"a file of keys that may log in besides the site's, as make run has one")
	flags.StringVar(&p.message, "m", "", "what the change is for, for gatehouse history")
	flags.BoolVar(&p.dry, "dry-run", false, "show the change, and change nothing")
	flags.BoolVar(&p.strict, "strict", false, "take warnings about the site, which the appliance shows, for errors")
	ssh := flags.String("ssh", "ssh", "the ssh program with options, separated by spaces")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		flags.Usage()
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "push:", err)
		return 2
	case p.host == "" || p.site == "" || flags.NArg() > 0:
		fmt.Fprintln(stderr, "push: wants -host and -site: make push HOST=192.168.32.1 SITE=path/to/site")
		return 2
	}
	p.ssh = strings.Fields(*ssh)
	if !strings.Contains(p.host, "@") {
		p.host = "admin@" + p.host
	}
	if err := p.run(ctx); err != nil {
		fmt.Fprintln(stderr, "push:", err)
		return 1
	}
	return 0
}

func (p *push) run(ctx context.Context) error {
	var keys []byte
	if p.moreKeys != "" {
		var err error
		if keys, err = dir.Whole(p.moreKeys, site.MaxKeys); err != nil {
			return err
		}
	}
	from, err := dir.OpenSite(p.site)
	if err != nil {
		return err
	}
	defer from.Close()
	s, files, problems := bundle.Check(from, keys)
	if p.strict {
		problems = problems.Strict()
	}
	if problems.Failed() {
		return fmt.Errorf("the site %s has problems:\n%w\n%s", p.site, problems, problems.Counts())
	}
	packed, err := bundle.Pack(files, bundle.Meta{})
	if err != nil {
		return err
	}
	number, err := p.apply(ctx, packed)
	if err != nil || number == "" {
		return err
	}
	return p.confirm(ctx, number, addresses(s))
}

// addresses are where the box is on its LANs once it is the site.
func addresses(s *site.Site) []string {
	var all []string
	for _, l := range s.LANs {
		all = append(all, l.IPv4.Addr().String())
	}
	return all
}
