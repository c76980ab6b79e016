// Package tcpdump is tcpdump(8): it shows the packets of a link, or of a file, that a filter chooses, or
// writes them into a file. The words of filters are in filter, files in pcap, and what a packet says in show;
// here are options, the packet socket and files by their names.
//
//	socket ──┐            ┌──► show ──► standard output
//	         ├──► filter ─┤
//	file  ───┘            └──► pcap ──► file
//
// What hosts of a link call themselves, and whatever else they send, does nothing to the terminal.
package tcpdump

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/filter"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/show"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"tcpdump": {
		Usage: "[-ADSUXelnpqvx] [-c N] [-i LINK] [-r FILE] [-s BYTES] [-w FILE] [FILTER]",
		Help: `	-i LINK	of that link; any: of all, which is so without -i
	-c N	the first N packets, and end
	-s BYTES	so much of each packet
	-p	not what is for others: the link is not set into promiscuous mode
	-r FILE	of a file, pcap or pcapng; -: standard input
	-w FILE	into a file, and show nothing; -: standard output
	-C MB	no file of more than about so many millions of bytes, and then another
	-G S	another file after S seconds, of a name with %F, %H, %M, %S, %T or %s
	-W N	with -C N files, round and round; with -G N files, and end
	-Q WAY	only what comes (in), or goes (out)
	-U	write each packet at once
	-l	print each line at once
	-n	no names of addresses and ports
	-e	what is in the header of the link
	-q	less
	-v	more; -vv, -vvv: still more
	-S	numbers of TCP as they are, not from the beginning of a connection
	-t	no time; -tt: in seconds; -ttt: since the packet before; -tttt: with the date; -ttttt: since the first
	-A	bytes as characters; -x: as numbers; -X: both; twice: the link's header too
	-D	which links there are
FILTER is as in pcap-filter(7): host net port portrange proto src dst arp ip ip6
icmp icmp6 tcp udp vlan ether broadcast multicast less greater and or not ( ),
and comparisons as in "tcp[tcpflags] & tcp-syn != 0".
`,
		Letters: "ADSUXelnpqvxtKNi:c:r:s:w:y:Z:C:G:W:Q:", Long: map[string]byte{
			"interface": 'i', "direction": 'Q', "snapshot-length": 's', "list-interfaces": 'D',
			"no-promiscuous-mode": 'p', "packet-buffered": 'U', "absolute-tcp-sequence-numbers": 'S',
			"immediate-mode": 'K', "dont-verify-checksums": 'K',
		},
		Run: run,
	}}
}

// settings are what the options say.
type settings struct {
	link        string
	from, into  string
	count       int
	snap        int
	promiscuous bool
	flush       bool
	lines       bool
	names       bool
	text        string // of the filter
	show        show.Options
	times       int
	series      series
}

// maxSnap is how much of a packet is taken without -s, in bytes.
const maxSnap = pcap.MaxPacket

func read(c *command.Call) (settings, error) {
	s := settings{link: "any", snap: maxSnap, promiscuous: true, names: true, text: strings.Join(c.Args, " ")}
	way := ""
	for _, o := range c.Options {
		var err error
		switch o.Letter {
		case 'i':
			s.link = o.Value
		case 'r':
			s.from = o.Value
		case 'w':
			s.into = o.Value
		case 'c':
			s.count, err = positive(o.Value, 1<<31-1)
		case 's':
			if s.snap = maxSnap; o.Value != "0" {
				s.snap, err = positive(o.Value, maxSnap)
			}
		case 'p':
			s.promiscuous = false
		case 'U':
			s.flush = true
		case 'l':
			s.lines = true
		case 'n':
			s.names = false
		case 't':
			s.times++
		case 'C', 'G', 'W':
			err = s.series.read(o.Letter, o.Value)
		case 'Q':
			way, err = wayOf(o.Value)
		case 'y':
			err = fmt.Errorf("the link type is the link's own")
		default:
			shown(&s.show, o.Letter)
		}
		if err != nil {
			return s, fmt.Errorf("-%c %s: %w", o.Letter, o.Value, err)
		}
	}
	if way != "" && s.from == "" {
		if s.text != "" {
			way += " and (" + s.text + ")"
		}
		s.text = way
	}
	s.series.file = s.into
	return s, s.series.check()
}

// wayOf is a direction as a filter; of a file that was recorded nobody knows it.
func wayOf(text string) (string, error) {
	switch text {
	case "in":
		return "inbound", nil
	case "out":
		return "outbound", nil
	case "inout":
		return "", nil
	}
	return "", errors.New("expected in, out or inout")
}

// shown sets what is shown of a packet.
func shown(o *show.Options, letter byte) {
	switch letter {
	case 'e':
		o.Header = true
	case 'q':
		o.Quiet = true
	case 'v':
		o.Verbose++
	case 'S':
		o.Absolute = true
	case 'A':
		o.ASCII++
	case 'x':
		o.Hex++
	case 'X':
		o.Both++
	}
}

func positive(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("expected a number, 1 to %d", most)
	}
	return n, nil
}

func run(c *command.Call) {
	if c.Has('D') {
		listLinks(c)
		return
	}
	s, err := read(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	if s.from != "" {
		err = fromFile(c, s)
	} else {
		err = fromLink(c, s)
	}
	var wrong *filter.Error
	if errors.As(err, &wrong) {
		err = fmt.Errorf("filter: %w", err)
	}
	if err != nil && c.Stdout.Err() == nil {
		c.Fail(err)
	}
}
