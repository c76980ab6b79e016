package ssh

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer"
	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/scp"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const scpHelp = `	-r	directories too
	-p	modes and times as they are
	-q, -v	say less, more
	-T	take files of names that were not asked for
	-P PORT, -i KEY, -J HOST,..., -o NAME=VALUE, -4, -6, -B	as of ssh; -B asks nothing
	-O	there is no other protocol than the one that this is
A name with a colon before any slash is one of another machine: [USER@]HOST:PATH, whose shell reads PATH.
`

// runSCP is the end where a person is, or the far one.
func runSCP(c *command.Call) {
	if c.Has('t') || c.Has('f') {
		transfer.Scp(c)
		return
	}
	k, err := newCopier(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel()
	k.copy(ctx)
}

// A copier copies.
type copier struct {
	*command.Call
	dialer  *client.Dialer
	options scp.Options
	sources []place
	target  place

	clients map[client.Destination]*ssh.Client
}

// A place is a file here or there.
type place struct {
	host client.Destination // empty: here
	path string
}

func newCopier(c *command.Call) (*copier, error) {
	var some []getopt.Option
	for _, o := range c.Options {
		if strings.IndexByte("46BiJoPqv", o.Letter) >= 0 {
			some = append(some, o)
		}
	}
	options, err := optionsOf(some)
	if err != nil {
		return nil, err
	}
	if len(c.Args) < 2 {
		return nil, errors.New("from where to where?")
	}
	k := &copier{Call: c, dialer: &client.Dialer{Options: options, Stderr: c.Stderr},
		clients: map[client.Destination]*ssh.Client{}}
	k.options = scp.Options{Recursive: c.Has('r'), Times: c.Has('p'), Directory: len(c.Args) > 2}
	k.options.Report = func(line string) { c.Fail(errors.New(line)) }
	k.options.Meter = newMeter(c)
	places := make([]place, len(c.Args))
	for i, arg := range c.Args {
		if places[i], err = parsePlace(arg); err != nil {
			return nil, err
		}
	}
	last := len(places) - 1
	k.sources, k.target = places[:last], places[last]
	for _, s := range k.sources {
		switch {
		case s.there() && k.target.there():
			return nil, errors.New("between two other machines nothing is copied: one end must be here")
		case !s.there() && !k.target.there():
			return nil, errors.New("nothing of this is elsewhere: cp copies here")
		}
	}
	return k, nil
}

func (p place) there() bool { return p.host.Host != "" }

// parsePlace reads "[user@]host:path", "scp://[user@]host[:port]/path", or a path of here.
func parsePlace(text string) (p place, err error) {
	if rest, ok := strings.CutPrefix(text, "scp://"); ok {
		host, name, _ := strings.Cut(rest, "/")
		p.host, err = client.Parse("scp://"+host, "scp")
		p.path = name
	} else {
		host, name, ok := cutHost(text)
		if !ok {
			return place{path: text}, nil
		}
		p.host, err = client.Parse(host, "scp")
		p.path = name
	}
	if p.path == "" {
		p.path = "."
	}
	return p, err
}

// cutHost finds the colon behind a host, which may be an address of IPv6 in brackets.
func cutHost(text string) (host, name string, ok bool) {
	from := 0
	if user := strings.Index(text, "@["); user >= 0 {
		from = user + 1
	}
	if strings.HasPrefix(text[from:], "[") {
		if end := strings.Index(text[from:], "]:"); end >= 0 {
			at := from + end + 1
			return text[:at], text[at+1:], true
		}
	}
	colon, slash := strings.IndexByte(text, ':'), strings.IndexByte(text, '/')
	if colon <= 0 || slash >= 0 && slash < colon {
		return "", "", false
	}
	return text[:colon], text[colon+1:], true
}

func (k *copier) copy(ctx context.Context) {
	if k.target.there() {
		var names []string
		for _, s := range k.sources {
			names = append(names, s.path)
		}
		k.transfer(ctx, k.target, "-t", func(r *remote) bool {
			return scp.Source(k.options, names, r.out, r.in)
		})
		return
	}
	for _, s := range k.sources {
		if ctx.Err() != nil {
			return
		}
		o := k.options
		if !k.Has('T') {
			o.Wanted = asked(s.path)
		}
		k.transfer(ctx, s, "-f", func(r *remote) bool { return scp.Sink(o, k.target.path, r.out, r.in) })
	}
}

// transfer starts the far end, and has f talk with it.
func (k *copier) transfer(ctx context.Context, p place, end string, f func(*remote) bool) {
	before := k.Status()
	c, err := k.connected(ctx, p.host)
	if err != nil {
		k.Fail(safe(err))
		return
	}
	r, err := start(c, k.farCommand(p.path, end), printable.Writer(k.Stderr))
	if err != nil {
		k.Fail(safe(err))
		return
	}
	good := f(r)
	err = r.end()
	switch {
	case good && err == nil:
	case ctx.Err() != nil:
		k.Exit(1)
	case k.Status() != before || before != 0 && !good: // it was said why
	case err != nil:
		k.Fail(fmt.Errorf("%s: scp there: %s", p.host.Host, printable.Cut(err.Error(), 1024)))
	default:
		k.Fail(fmt.Errorf("%s: lost connection", p.host.Host))
	}
}

// connected is a connection to a machine, one for all copies.
func (k *copier) connected(ctx context.Context, to client.Destination) (*ssh.Client, error) {
	if c := k.clients[to]; c != nil {
		return c, nil
	}
	c, err := k.dialer.Dial(ctx, to)
	if err == nil {
		k.clients[to] = c
	}
	return c, err
}

// farCommand is what the shell there is given; the path is for it to read, with its patterns.
func (k *copier) farCommand(name, end string) string {
	words := []string{"scp"}
	for _, o := range []struct {
		letter string
		is     bool
	}{{"-r", k.options.Recursive}, {"-p", k.options.Times}, {"-d", k.options.Directory && end == "-t"}} {
		if o.is {
			words = append(words, o.letter)
		}
	}
	words = append(words, end)
	if strings.HasPrefix(name, "-") {
		words = append(words, "--")
	}
	return strings.Join(append(words, name), " ")
}

// asked reports which names a server may send for a path, which the shell there has read as a pattern: others
// would be written over whatever is here (CVE-2019-6111).
func asked(name string) func(string) bool {
	base := path.Base(strings.NewReplacer("'", "", `"`, "").Replace(name))
	patterns := braces(base)
	return func(name string) bool {
		for _, p := range patterns {
			if ok, err := path.Match(strings.ReplaceAll(p, "[!", "[^"), name); ok || err != nil && p == name {
				return true
			}
		}
		return false
	}
}

// maxPatterns bounds what braces may become.
const maxPatterns = 1000

// braces are the words that a shell makes of one: a{b,c} is ab and ac.
func braces(word string) (all []string) {
	todo := []string{word}
	for len(todo) > 0 && len(all)+len(todo) < maxPatterns {
		w := todo[0]
		todo = todo[1:]
		end := strings.IndexByte(w, '}')
		begin := -1
		if end >= 0 {
			begin = strings.LastIndexByte(w[:end], '{')
		}
		if begin < 0 || !strings.Contains(w[begin:end], ",") {
			all = append(all, w)
			continue
		}
		for one := range strings.SplitSeq(w[begin+1:end], ",") {
			todo = append(todo, w[:begin]+one+w[end+1:])
		}
	}
	return all
}
