package admin

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// applyTime bounds the wait for a change: process 1 gives up after a minute, and takes as long to be what it
// was.
const applyTime = 3 * time.Minute

// apply makes the box another site, on trial until it is confirmed.
func apply(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("apply", flag.ContinueOnError)
	within := flags.Duration("within", box.DefaultTrial, "")
	dry := flags.Bool("dry-run", false, "")
	what := flags.String("m", "", "")
	strict := flags.Bool("strict", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	next, err := siteGiven(env, words)
	if err != nil {
		return err
	}
	if warnings := next.Warnings.Strict(); *strict && warnings.Failed() {
		return fmt.Errorf("the site has problems:\n%w\n%s", warnings, warnings.Counts())
	}
	return offer(ctx, env, next, *within, *what, *dry)
}

// siteGiven is the site of the word, or that of the current directory, which an error names.
func siteGiven(env Env, words []string) (box.Site, error) {
	if len(words) > 0 {
		return siteOf(env, words[0])
	}
	next, err := siteOf(env, ".")
	if err != nil {
		here, hereErr := os.Getwd()
		if hereErr != nil {
			here = "."
		}
		err = fmt.Errorf("%s, the current directory: %w", here, err)
	}
	return next, err
}

// rollback takes back what is on trial, or makes the box a site that it was.
func rollback(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("rollback", flag.ContinueOnError)
	within := flags.Duration("within", box.DefaultTrial, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		var n int
		if err := env.askFor(ctx, applyTime, InitService, "rollback", box.Ending{By: env.Person},
			&n); err != nil {
			return plainly(err)
		}
		_, err := fmt.Fprintf(env.Stdout, "Site %d is taken back.\n", n)
		return err
	}
	if _, err := strconv.Atoi(words[0]); err != nil && words[0] != imageWord {
		return cli.ErrUsage
	}
	next, err := siteOf(env, words[0])
	if err != nil {
		return err
	}
	return offer(ctx, env, next, *within, "back to "+words[0], false)
}

// confirm keeps what is on trial.
func confirm(ctx context.Context, env Env, args []string) error {
	words, err := cli.Options(flag.NewFlagSet("confirm", flag.ContinueOnError), args, 1)
	if err != nil {
		return err
	}
	e := box.Ending{By: env.Person}
	if len(words) > 0 {
		if e.Number, err = strconv.Atoi(words[0]); err != nil || e.Number < 1 {
			return cli.ErrUsage
		}
	}
	var n int
	if err := env.askFor(ctx, applyTime, InitService, "confirm", e, &n); err != nil {
		return plainly(err)
	}
	_, err = fmt.Fprintf(env.Stdout, "Site %d is kept.\n", n)
	return err
}

// plainly is what process 1 said, without how it was asked.
func plainly(err error) error {
	if remote, ok := errors.AsType[*control.RemoteError](err); ok {
		return errors.New(remote.Message)
	}
	return err
}

// offer shows what a site would change, and unless dry has process 1 apply it.
func offer(ctx context.Context, env Env, next box.Site, within time.Duration, what string, dry bool) error {
	if within < box.ShortestTrial || within > box.LongestTrial {
		return fmt.Errorf("--within wants a time from %s to %s", cli.Span(box.ShortestTrial),
			cli.Span(box.LongestTrial))
	}
	now, err := readRunning(env.RunDir, env.Image)
	if err != nil {
		return err
	}
	if next.Hash() == now.Hash() {
		_, err := fmt.Fprintln(env.Stdout, "The box is this site already.")
		return err
	}
	c, err := change(env, now, next)
	if err != nil {
		return err
	}
	if c.Nothing {
		fmt.Fprintln(env.Stdout, "The files differ, and mean the same: nothing is touched.")
	} else if err := c.Print(env.Stdout); err != nil {
		return err
	}
	fmt.Fprint(env.Stderr, next.Warnings.Text())
	if dry {
		return nil
	}
	file, err := submit(env.RunDir, next.Files)
	if err != nil {
		return err
	}
	defer os.Remove(file) // which process 1 does, unless it was not asked
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	s := box.Submission{File: file, On: now.Hash(), Within: within, What: what, By: env.Person}
	lans := next.Site.LANs
	debug.FreeOSMemory() // of all that was compared; now process 1 needs as much
	return plainly(control.Stream(ctx, env.RunDir, InitService, "apply", s, func(raw json.RawMessage) error {
		var p box.Progress
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		return sayProgress(env, p, lans)
	}))
}

// submit writes a site where process 1 takes it.
func submit(dir string, files map[string][]byte) (string, error) {
	packed, err := bundle.Pack(files, bundle.Meta{})
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "submission-*.tar")
	if err != nil {
		return "", err
	}
	_, err = f.Write(packed)
	return f.Name(), errors.Join(err, f.Close())
}

// sayProgress says how to confirm before anything is touched: afterwards nobody may be there to read it.
func sayProgress(env Env, p box.Progress, lans []site.LAN) (err error) {
	if p.Missing != "" {
		fmt.Fprintf(env.Stdout, "! %s\n", strings.ReplaceAll(plain(p.Missing), "\n", "\n! "))
	}
	switch {
	case p.Took > 0 && p.Kept:
		_, err = fmt.Fprintf(env.Stdout, "Site %d is kept.\n", p.Number)
	case p.Took > 0:
		_, err = fmt.Fprintf(env.Stdout, "Applied in %v.\n", p.Took.Round(time.Millisecond))
	case !p.Kept:
		unless, where := "Unless you say", ""
		if env.Person.From != "" {
			unless = "Unless you come in anew and say"
			where = fmt.Sprintf("ssh admin@%s ", addressFor(env.Person.From, lans))
		}
		_, err = fmt.Fprintf(env.Stdout, "\nSite %d is on trial for %s. %s\n  %sgatehouse confirm %[1]d\n"+
			"the site before it is back then.\n", p.Number, cli.Span(p.Within), unless, where)
	}
	return err
}

// addressFor is where somebody finds the box once it is the next site: on his own LAN if he is on one.
func addressFor(from string, lans []site.LAN) netip.Addr {
	best := lans[0].IPv4.Addr()
	a, err := netip.ParseAddr(from)
	if err != nil {
		return best
	}
	for _, l := range lans {
		for _, p := range l.Own() {
			if p.Contains(a) {
				return p.Addr()
			}
		}
	}
	return best
}
