package system

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Options that pgrep and pkill choose by, as procps has them, and their statuses: nobody was found, wrong
// call, trouble.
const (
	choosing     = "cfg:inoP:s:t:u:U:vx"
	choosingHelp = "\t-f\tPATTERN is for whole command lines\n\t-x\tand for all of the name or line\n\t-i\tcapitals are as small letters\n" +
		"\t-n -o\tthe newest, the oldest only\n\t-v\tall others\n\t-c\tprint how many\n" +
		"\t-P -g -s\tof these parents, groups, sessions; 0: the own\n\t-t\ton these terminals\n" +
		"\t-u -U\tof these users, effective and real\n"
	noneFound, misusedStatus = 1, 2
	signalOption             = 1 // the letter of --signal
)

func choosingLong() map[string]byte {
	return map[string]byte{
		"count": 'c', "full": 'f', "pgroup": 'g', "ignore-case": 'i', "newest": 'n', "oldest": 'o',
		"parent": 'P', "session": 's', "terminal": 't', "euid": 'u', "uid": 'U', "inverse": 'v', "exact": 'x',
		"list-name": 'l', "list-full": 'a', "delimiter": 'd', "echo": 'e', "signal": signalOption,
	}
}

// A choice is who is meant.
type choice struct {
	pattern                 *regex.Regex // nil: anybody
	whole, full, newest     bool
	oldest, inverse         bool
	parents, groups         []int // nil: any
	sessions, users, owners []int
	terminals               []string
}

// chooses reads what was given. It says itself what is wrong with it.
func chooses(c *command.Call) (ch choice, ok bool) {
	ch = choice{whole: c.Has('x'), full: c.Has('f'), newest: c.Has('n'), oldest: c.Has('o'),
		inverse: c.Has('v')}
	selective := false
	for _, o := range c.Options {
		if err := ch.option(o); err != nil {
			c.Misused("-%c: %v", o.Letter, err)
			return ch, false
		}
		selective = selective || strings.IndexByte("PgsuUt", o.Letter) >= 0
	}
	switch {
	case ch.newest && ch.oldest, ch.inverse && (ch.newest || ch.oldest):
		c.Misused("-n, -o and -v exclude each other")
		return ch, false
	case len(c.Args) > 1:
		c.Misused("expected one pattern")
		return ch, false
	case len(c.Args) == 0:
		if !selective {
			c.Misused("expected a pattern")
		}
		return ch, selective
	}
	if len(c.Args[0]) > nameLimit && !ch.full {
		c.Warn(fmt.Errorf("%s: names have %d characters at most; -f looks at whole command lines",
			printable.String(c.Args[0]), nameLimit))
	}
	flags := regex.Extended
	if c.Has('i') {
		flags |= regex.IgnoreCase
	}
	var err error
	if ch.pattern, err = regex.Compile(c.Args[0], flags); err != nil {
		c.Misused("%s: %v", printable.String(c.Args[0]), err)
	}
	return ch, err == nil
}

// option takes one that has a list.
func (ch *choice) option(o getopt.Option) error {
	switch o.Letter {
	case 'P':
		return numbersOf(&ch.parents, o.Value, -1)
	case 'g':
		return numbersOf(&ch.groups, o.Value, unix.Getpgrp())
	case 's':
		own, err := unix.Getsid(0)
		if err != nil {
			return err
		}
		return numbersOf(&ch.sessions, o.Value, own)
	case 'u':
		return usersOf(&ch.users, o.Value)
	case 'U':
		return usersOf(&ch.owners, o.Value)
	case 't':
		for t := range strings.SplitSeq(o.Value, ",") {
			ch.terminals = append(ch.terminals, strings.TrimPrefix(t, "/dev/"))
		}
	}
	return nil
}

// numbersOf appends the numbers of a list; 0 is the own where there is one.
func numbersOf(to *[]int, list string, own int) error {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseUint(word, 10, 31)
		if err != nil {
			return fmt.Errorf("%s: expected numbers", printable.String(list))
		}
		if n == 0 && own > 0 {
			n = uint64(own)
		}
		*to = append(*to, int(n))
	}
	return nil
}

func usersOf(to *[]int, list string) error {
	for word := range strings.SplitSeq(list, ",") {
		id, err := userID(word)
		if err != nil {
			return err
		}
		*to = append(*to, id)
	}
	return nil
}

// among returns those of all that are meant, in their order.
func (ch *choice) among(all []*proc.Process) (found []*proc.Process, err error) {
	for _, p := range all {
		if p.ID == os.Getpid() {
			continue
		}
		meant := ch.admits(p)
		if meant && ch.pattern != nil {
			if meant, err = ch.matches(p); err != nil {
				return nil, err
			}
		}
		if meant != ch.inverse {
			found = append(found, p)
		}
	}
	if len(found) == 0 || !ch.newest && !ch.oldest {
		return found, nil
	}
	one := found[0]
	for _, p := range found[1:] {
		older := p.Started < one.Started || p.Started == one.Started && p.ID < one.ID
		if older == ch.oldest {
			one = p
		}
	}
	return []*proc.Process{one}, nil
}

func (ch *choice) admits(p *proc.Process) bool {
	in := func(list []int, n int) bool { return list == nil || slices.Contains(list, n) }
	return in(ch.parents, p.Parent) && in(ch.groups, p.Group) && in(ch.sessions, p.Session) &&
		in(ch.users, p.UID) && in(ch.owners, p.RealUID) &&
		(ch.terminals == nil || slices.Contains(ch.terminals, p.Terminal.Terminal()))
}

func (ch *choice) matches(p *proc.Process) (bool, error) {
	text := ch.text(p)
	if !ch.whole {
		return ch.pattern.Match([]byte(text))
	}
	all, err := ch.pattern.All([]byte(text), 1)
	return len(all) > 0 && all[0][0] == 0 && all[0][1] == len(text), err
}

// text is what the pattern is for.
func (ch *choice) text(p *proc.Process) string {
	if ch.full && len(p.Args) > 0 {
		return strings.Join(p.Args, " ")
	}
	return p.Name
}

// chosen are who is meant by a call; ok is whether there is anybody.
func chosen(c *command.Call) (found []*proc.Process, ok bool) {
	ch, ok := chooses(c)
	if !ok {
		return nil, false
	}
	all, err := processes(false)
	if err == nil {
		found, err = ch.among(all)
	}
	if err != nil {
		c.Fail(err)
		c.Exit(misusedStatus + 1)
		return nil, false
	}
	if len(found) == 0 {
		c.Exit(noneFound)
	}
	return found, true
}

// pgrep prints who is meant.
func pgrep(c *command.Call) {
	found, ok := chosen(c)
	if !ok {
		return
	}
	if c.Has('c') {
		fmt.Fprintln(c.Stdout, len(found))
		return
	}
	between, given := c.Value('d')
	if !given {
		between = "\n"
	}
	for i, p := range found {
		if i > 0 {
			c.Stdout.WriteString(between)
		}
		c.Stdout.WriteString(strconv.Itoa(p.ID))
		switch {
		case c.Has('a') && len(p.Args) > 0:
			c.Stdout.WriteString(" " + clean(strings.Join(p.Args, " ")))
		case c.Has('a') || c.Has('l'):
			c.Stdout.WriteString(" " + clean(p.Name))
		}
	}
	if len(found) > 0 {
		c.Stdout.WriteByte('\n')
	}
}

// pkillSignal reads the arguments: the first -SIG is a signal, the rest are options and a pattern.
func pkillSignal(c *command.Call) (signal unix.Signal, ok bool) {
	signal = unix.SIGTERM
	for i, arg := range c.Args {
		if s, known := signalNumber(strings.TrimPrefix(arg, "-")); known && strings.HasPrefix(arg, "-") {
			signal, c.Args = s, slices.Delete(c.Args, i, i+1)
			break
		}
	}
	var err error
	if c.Options, c.Args, err = getopt.ParseLong(c.Args, choosing+"e\x01:", choosingLong()); err != nil {
		c.Misused("%v", err)
		return 0, false
	}
	if name, given := c.Value(signalOption); given {
		if signal, ok = signalNumber(strings.TrimPrefix(name, "-")); !ok {
			c.Misused("%v", noSignal(name))
			return 0, false
		}
	}
	return signal, true
}

// pkill sends them a signal.
func pkill(c *command.Call) {
	signal, ok := pkillSignal(c)
	if !ok {
		return
	}
	found, ok := chosen(c)
	if !ok {
		return
	}
	reached := 0
	for _, p := range found {
		if err := unix.Kill(p.ID, signal); err != nil {
			if err != unix.ESRCH {
				c.Warn(fmt.Errorf("%d: %w", p.ID, err))
			}
			continue
		}
		if reached++; c.Has('e') {
			fmt.Fprintf(c.Stdout, "%s killed (pid %d)\n", clean(p.Name), p.ID)
		}
	}
	if c.Has('c') {
		fmt.Fprintln(c.Stdout, len(found))
	}
	if reached == 0 {
		c.Exit(noneFound)
	}
}
