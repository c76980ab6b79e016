// Command ntpoffset compares how well the time service and chronyd estimate the time through a network whose
// delays are spread: the same servers, the same law of delays, as many polls, at the same time. README.md
// says how each figure comes about.
//
// Nobody corrects the machine's clock: chronyd has -x and may not, and ours has a clock of its own. So the
// machine's is the true time, and what each has for its error is the error of the estimate.
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
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are what is asked for.
type options struct {
	dir              string // for the sockets of chronyd
	chronyd, chronyc string // the programs
	time             time.Duration
	clients          int // of each kind, for each path
	paths            []path
	seed             uint64
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	const unpacked = "/var/lib/gatehouse-peers/chrony/usr/"
	var o options
	flags := flag.NewFlagSet("ntpoffset", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.DurationVar(&o.time, "time", 15*time.Minute, "how long; a minute is an hour and four minutes of polls")
	flags.IntVar(&o.clients, "clients", 3, "of each kind, for each path")
	flags.Uint64Var(&o.seed, "seed", 1, "of the delays")
	flags.StringVar(&o.chronyd, "chronyd", unpacked+"sbin/chronyd", "the program")
	flags.StringVar(&o.chronyc, "chronyc", unpacked+"bin/chronyc", "the program")
	jitters := flags.String("jitters", "1ms,10ms,50ms", "those of the paths")
	laws := flags.String("laws", "uniform,normal,exponential", "how delays are spread")
	err := flags.Parse(args)
	if err == nil {
		o.paths, err = paths(*jitters, *laws)
	}
	if least := 2 * settle * poll; err == nil &&
		(o.time < least || o.clients < 1 || o.clients*len(o.paths) > 100 || flags.NArg() > 0) {
		err = fmt.Errorf("at least %v and a client, and at most 100 for all paths", least)
	}
	if err == nil {
		err = compare(ctx, o, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "ntpoffset:", err)
		return 1
	}
	return 0
}

// paths are all pairs of a jitter and a law.
func paths(jitters, laws string) (all []path, err error) {
	for text := range strings.SplitSeq(jitters, ",") {
		jitter, err := time.ParseDuration(text)
		if err != nil || jitter < 0 || jitter > 100*time.Millisecond {
			return nil, fmt.Errorf("jitter %q: not between 0s and 100ms", text)
		}
		for word := range strings.SplitSeq(laws, ",") {
			p := path{law(word), jitter}
			if p.law != uniform && p.law != normal && p.law != exponential {
				return nil, fmt.Errorf("law %q: not %s, %s or %s", word, uniform, normal, exponential)
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// compare measures all paths at the same time.
func compare(ctx context.Context, o options, stdout io.Writer) (err error) {
	if o.dir, err = os.MkdirTemp("", "bench-ntpoffset-"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	load, _ := os.ReadFile("/proc/loadavg")
	l, err := newLab(ctx, o)
	if l != nil {
		defer func() { err = errors.Join(err, l.end()) }()
	}
	if err != nil {
		return err
	}
	if err := l.run(ctx); err != nil {
		return err
	}
	after, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(stdout, "load average before: %safter: %s", load, after)
	printTable(stdout, o, l.rows())
	return nil
}
