// Package conntrack is conntrack(8): the conversations that the kernel tracks, as it tells them (ctnetlink),
// one by one, and what begins, changes and ends. It changes none: `gatehouse firewall` does.
package conntrack

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"conntrack": {
		Usage: "-L|-C|-E [-f ipv4|ipv6] [-p PROTOCOL] [-s ADDRESS] [OPTION]...",
		Help: `  -L  list
  -C  count
  -E  say what happens; -e NEW,UPDATES,DESTROY: some of it
  -f  of a family
  -p  of a protocol; --sport PORT, --dport PORT; --state STATE: of TCP
  -s  from an address or prefix; -d: to one; -r, -q: of the answers
  -m  with a mark, MARK or MARK/MASK
  -o  extended: with the family before; id: with the kernel's number
`,
		Letters: "LCEf:p:s:d:r:q:m:o:e:" + longOnly, Run: run,
		Long: map[string]byte{"dump": 'L', "count": 'C', "event": 'E', "family": 'f', "protonum": 'p',
			"src": 's', "orig-src": 's', "dst": 'd',
			"orig-dst": 'd', "reply-src": 'r', "reply-dst": 'q', "mark": 'm', "output": 'o',
			"event-mask": 'e', "sport": sourcePort, "orig-port-src": sourcePort,
			"dport": destPort, "orig-port-dst": destPort, "state": state},
	}}
}

// What has a long name only.
const (
	sourcePort = '\x01'
	destPort   = '\x02'
	state      = '\x03'
	longOnly   = "\x01:\x02:\x03:"
)

const subsystem = unix.NFNL_SUBSYS_CTNETLINK << 8

func run(c *command.Call) {
	if len(c.Args) > 1 || len(c.Args) == 1 && c.Args[0] != "conntrack" {
		c.Misused("%s: expected no table but conntrack", c.Args[0])
		return
	}
	f, err := newFilter(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	modes := 0
	for _, letter := range []byte("LCE") {
		if c.Has(letter) {
			modes++
		}
	}
	switch {
	case modes != 1:
		c.Misused("expected one of -L, -C and -E")
		return
	case c.Has('C'):
		err = count(c)
	case c.Has('E'):
		err = follow(c, f)
	default:
		err = list(c, f)
	}
	if err != nil {
		c.Fail(err)
	}
}

// count prints how many conversations there are.
func count(c *command.Call) error {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
	if err != nil {
		return err
	}
	_, err = c.Stdout.Write(text)
	return err
}

// list prints those that are asked for.
func list(c *command.Call, f *filter) error {
	request := nl.NewNetlinkRequest(subsystem|nl.IPCTNL_MSG_CT_GET, unix.NLM_F_DUMP)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: f.family})
	shown, broken := 0, error(nil)
	err := request.ExecuteIter(unix.NETLINK_NETFILTER, subsystem|nl.IPCTNL_MSG_CT_NEW, func(b []byte) bool {
		e, err := parse(b)
		if err != nil {
			broken = err
		} else if f.match(e) {
			shown++
			fmt.Fprintln(c.Stdout, e.line(f.extended, f.id))
		}
		return c.Stdout.Err() == nil
	})
	if errors.Is(err, nl.ErrDumpInterrupted) {
		err = nil // the table changed meanwhile, as it always does
	}
	if err = errors.Join(err, broken); err == nil {
		fmt.Fprintf(c.Stderr, "%s: %d flow entries have been shown.\n", c.Name, shown)
	}
	return err
}

// follow prints what happens until it is ended.
func follow(c *command.Call, f *filter) error {
	socket, err := nl.Subscribe(unix.NETLINK_NETFILTER, f.events...)
	if err != nil {
		return err
	}
	defer socket.Close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-c.Done():
			socket.Close() // ends what waits
		case <-stop:
		}
	}()
	for {
		messages, _, err := socket.Receive()
		if c.Err() != nil {
			return nil
		}
		if errors.Is(err, unix.ENOBUFS) {
			c.Warn(errors.New("events were lost: there were too many at once"))
			continue
		}
		if err != nil {
			return err
		}
		for _, m := range messages {
			e, err := parse(m.Data)
			if err != nil {
				return err
			}
			if f.match(e) {
				fmt.Fprintf(c.Stdout, "%9s %s\n", eventName(m.Header), e.line(f.extended, f.id))
			}
		}
		if c.Stdout.Flush() != nil {
			return nil // whoever ends the command says so
		}
	}
}

// eventName words what a message tells.
func eventName(h syscall.NlMsghdr) string {
	switch {
	case h.Type == subsystem|nl.IPCTNL_MSG_CT_DELETE:
		return "[DESTROY]"
	case h.Flags&(unix.NLM_F_CREATE|unix.NLM_F_EXCL) != 0:
		return "[NEW]"
	}
	return "[UPDATE]"
}

// filter is what the options ask for.
type filter struct {
	family               uint8
	protocol             int // -1: any
	source, destination  netip.Prefix
	replyFrom, replyTo   netip.Prefix
	sourcePort, destPort int // -1: any
	state                string
	mark, markMask       uint32
	events               []uint
	extended, id         bool
}

// newFilter reads the options.
func newFilter(c *command.Call) (*filter, error) {
	// NFNLGRP_CONNTRACK_NEW, UPDATE, DESTROY
	f := &filter{protocol: -1, sourcePort: -1, destPort: -1, events: []uint{1, 2, 3}}
	for _, o := range c.Options {
		if err := f.option(o.Letter, o.Value); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// option reads one option.
func (f *filter) option(letter byte, value string) (err error) {
	switch letter {
	case 'f':
		families := map[string]uint8{"ipv4": unix.AF_INET, "ipv6": unix.AF_INET6}
		if f.family = families[value]; f.family == 0 {
			err = fmt.Errorf("%s: expected ipv4 or ipv6", value)
		}
	case 'p':
		f.protocol, err = protocolNumber(value)
	case 's':
		f.source, err = prefix(value)
	case 'd':
		f.destination, err = prefix(value)
	case 'r':
		f.replyFrom, err = prefix(value)
	case 'q':
		f.replyTo, err = prefix(value)
	case sourcePort:
		f.sourcePort, err = number(value)
	case destPort:
		f.destPort, err = number(value)
	case state:
		f.state = strings.ToUpper(value)
	case 'm':
		err = f.setMark(value)
	case 'o':
		for word := range strings.SplitSeq(value, ",") {
			switch word {
			case "extended":
				f.extended = true
			case "id":
				f.id = true
			default:
				err = fmt.Errorf("%s: expected extended or id", word)
			}
		}
	case 'e':
		err = f.setEvents(value)
	}
	return err
}

// setEvents reads which events are said.
func (f *filter) setEvents(value string) error {
	f.events = nil
	for word := range strings.SplitSeq(value, ",") {
		group, ok := map[string]uint{"NEW": 1, "UPDATES": 2, "DESTROY": 3}[strings.ToUpper(word)]
		if !ok && !strings.EqualFold(word, "ALL") {
			return fmt.Errorf("%s: expected NEW, UPDATES, DESTROY or ALL", word)
		}
		if f.events = append(f.events, group); !ok {
			f.events = []uint{1, 2, 3}
			break
		}
	}
	return nil
}

// setMark reads MARK or MARK/MASK.
func (f *filter) setMark(value string) error {
	mark, mask, masked := strings.Cut(value, "/")
	if !masked {
		mask = "0xffffffff"
	}
	m, err := strconv.ParseUint(mark, 0, 32)
	n, bad := strconv.ParseUint(mask, 0, 32)
	if err != nil || bad != nil {
		return fmt.Errorf("%s: expected a mark like 0x10 or 0x10/0xff", value)
	}
	f.mark, f.markMask = uint32(m), uint32(n)
	return nil
}

// prefix reads an address or a prefix.
func prefix(value string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(value)
	if a, notAddr := netip.ParseAddr(value); notAddr == nil {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if err != nil {
		return p, fmt.Errorf("%s: expected an address or a prefix like 192.0.2.0/24", value)
	}
	return p.Masked(), nil
}

// number reads a port.
func number(value string) (int, error) {
	n, err := strconv.ParseUint(value, 0, 16)
	if err != nil {
		return 0, fmt.Errorf("%s: expected a port", value)
	}
	return int(n), nil
}

// match reports whether e is asked for.
func (f *filter) match(e entry) bool {
	within := func(p netip.Prefix, a netip.Addr) bool { return !p.IsValid() || p.Contains(a) }
	port := func(want int, has uint16) bool { return want < 0 || want == int(has) }
	return (f.family == 0 || e.family == f.family) &&
		(f.protocol < 0 || f.protocol == int(e.there.protocol)) &&
		within(f.source, e.there.source) && within(f.destination, e.there.destination) &&
		within(f.replyFrom, e.back.source) && within(f.replyTo, e.back.destination) &&
		port(f.sourcePort, e.there.sourcePort) && port(f.destPort, e.there.destPort) &&
		(f.state == "" || f.state == e.state) &&
		(f.markMask == 0 || e.mark != nil && *e.mark&f.markMask == f.mark)
}
