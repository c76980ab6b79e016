// Package ss is ss(8): the sockets of this machine, in the words and columns of iproute2's. Its filters are
// in filter.go, the table in table.go, what TCP knows of a connection in tcp.go.
//
// Left out are what this appliance has not (SCTP, DCCP, MPTCP, TIPC, vsock, XDP), sockets of netlink, control
// groups, and what else kills sockets or follows them. Ports have no names. A process may choose its name: it
// is shown so that it does nothing to the terminal.
package ss

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/sockets"
)

// Commands are those of this room.
func Commands() map[string]command.Command {
	return map[string]command.Command{"ss": {
		Usage: "[-046HOaeilmnopstuwx] [-f FAMILY] [-A KIND] [state STATE]... [FILTER]",
		Help: `  -t        sockets of TCP; -u: of UDP; -w: raw; -x: of Unix; -0: of packets
  -4 -6     of one family; -f inet|inet6|unix|link is the same
  -A KIND   of kinds with commas between: all inet tcp udp raw unix packet
            u_str u_dgr u_seq p_raw p_dgr
  -a        in all states; without, those with another end
  -l        those that listen
  -p        who holds them
  -e        more: uid, inode, the kernel's number
  -o        timers
  -i        what TCP knows of a connection
  -m        memory
  -O        each in one line
  -H        no heads
  -n        rates without units; ports are numbers anyway
  -s        how many there are
STATE is one of TCP's, or all connected synchronized bucket big; exclude STATE
leaves one out. FILTER is made of src ADDRESS, dst ADDRESS, sport = :PORT,
dport != :PORT (< > <= >= too), dev LINK, and, or, not, ( ). ADDRESS is like
192.0.2.1, 192.0.2.0/24:22, [2001:db8::1]:22 or :22.
`,
		Letters: "046HOaeilmnopstuwxf:A:", Trouble: 255, Run: run,
		Long: map[string]byte{
			"numeric": 'n', "options": 'o', "extended": 'e', "memory": 'm', "info": 'i', "processes": 'p',
			"tcp": 't', "udp": 'u',
			"raw": 'w', "unix": 'x', "all": 'a', "listening": 'l', "ipv4": '4', "ipv6": '6', "packet": '0',
			"family": 'f',
			"socket": 'A', "query": 'A', "summary": 's', "no-header": 'H', "oneline": 'O',
		},
	}}
}

func run(c *command.Call) {
	q, args, err := parse(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	if c.Has('s') {
		if err := printSummary(c.Stdout); err != nil {
			c.Fail(err)
			return
		}
		if !q.chosen && len(c.Args) == 0 {
			return
		}
	}
	filter, err := parseFilter(args)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	v := &view{query: q, filter: filter, table: newTable(q), links: map[uint32]string{}}
	if q.holders {
		v.held = sockets.Holders()
	}
	if err := v.all(); err != nil {
		c.Fail(err) // what there is of the others is true
	}
	v.table.write(c.Stdout)
}

// A kind of sockets, in the order in which they are shown.
type kind int

const (
	packetRaw kind = iota
	packetDatagram
	unixStream
	unixDatagram
	unixSequenced
	raw
	udp
	tcp
	kinds // how many
)

const (
	packets = 1<<packetRaw | 1<<packetDatagram
	unixes  = 1<<unixStream | 1<<unixDatagram | 1<<unixSequenced
	inets   = 1<<raw | 1<<udp | 1<<tcp
)

// named are the kinds by their names.
func named(name string) (set int, ok bool) {
	for _, known := range []struct {
		name string
		set  int
	}{
		{"all", packets | unixes | inets}, {"inet", inets}, {"tcp", 1 << tcp}, {"udp", 1 << udp},
		{"raw", 1 << raw},
		{"unix", unixes},
		{"unix_stream", 1 << unixStream}, {"u_str", 1 << unixStream}, {"unix_dgram", 1 << unixDatagram}, {"u_dgr",
			1 << unixDatagram},
		{"unix_seqpacket", 1 << unixSequenced}, {"u_seq", 1 << unixSequenced}, {"packet", packets},
		{"packet_raw", 1 << packetRaw}, {"p_raw", 1 << packetRaw}, {"packet_dgram", 1 << packetDatagram}, {"p_dgr",
			1 << packetDatagram},
	} {
		if known.name == name {
			return known.set, true
		}
	}
	return 0, false
}

// query is what the options ask for.
type query struct {
	kinds                                           int
	v4, v6                                          bool
	states                                          uint32
	chosen                                          bool // some kind or family
	alone                                           bool // one kind that is of one name
	holders, details, timers, info, memory, oneline bool
	headless, numeric                               bool
}

// Sets of states as the words of the command line have them.
const (
	connected = sockets.Every &^ (1<<sockets.Listen | 1<<sockets.Close)
	bucket    = 1<<sockets.SynReceived | 1<<sockets.TimeWait
	usual     = connected &^ bucket
)

// parse reads options and states, and returns the words of the filter.
func parse(c *command.Call) (q query, filter []string, err error) {
	q = query{holders: c.Has('p'), details: c.Has('e'), timers: c.Has('o') || c.Has('e'), info: c.Has('i'),
		memory:  c.Has('m'),
		oneline: c.Has('O'), headless: c.Has('H'), numeric: c.Has('n')}
	families, byKind, states := 0, 0, uint32(0)
	for _, o := range c.Options {
		f, k, s, err := choice(o.Letter, o.Value)
		if err != nil {
			return q, nil, err
		}
		families, byKind, states = families|f, byKind|k, states|s
		q.v4 = q.v4 || o.Letter == '4' || o.Letter == 'f' && o.Value == "inet"
		q.v6 = q.v6 || o.Letter == '6' || o.Letter == 'f' && o.Value == "inet6"
	}
	q.setKinds(families, byKind)
	switch {
	case c.Has('a'):
		states = sockets.Every
	case c.Has('l'):
		states = sockets.Listen.Bit() | sockets.Close.Bit()
	case !q.chosen:
		states = usual
	}
	q.states, filter, err = parseStates(states, c.Args)
	return q, filter, err
}

// choice is what a letter chooses: kinds by their family, kinds by themselves, and the states that are usual
// then.
func choice(letter byte, value string) (families, kinds int, states uint32, err error) {
	switch letter {
	case 'f':
		letters := map[string]byte{"inet": '4', "inet6": '6', "unix": 'x', "link": '0'}
		if letters[value] == 0 {
			return 0, 0, 0, fmt.Errorf("%s: expected inet, inet6, unix or link", value)
		}
		return choice(letters[value], "")
	case '4', '6':
		return inets, 0, usual, nil
	case 'x':
		return unixes, 0, usual, nil
	case '0':
		return packets, 0, sockets.Close.Bit(), nil
	case 't':
		return 0, 1 << tcp, usual, nil
	case 'u':
		return 0, 1 << udp, sockets.Established.Bit(), nil
	case 'w':
		return 0, 1 << raw, sockets.Established.Bit(), nil
	case 'A':
		for name := range strings.SplitSeq(value, ",") {
			set, ok := named(name)
			if !ok {
				return 0, 0, 0, fmt.Errorf("%s: expected kinds like tcp, udp, raw, unix, packet", name)
			}
			kinds |= set
		}
		return 0, kinds, usual, nil
	}
	return 0, 0, 0, nil
}

// setKinds sets what is asked for: -t4 is TCP over IPv4, -4x is all of IPv4 and of Unix.
func (q *query) setKinds(families, byKind int) {
	q.chosen = families|byKind != 0
	q.kinds = byKind
	for _, family := range []int{packets, unixes, inets} {
		if families&family == family && byKind&family == 0 {
			q.kinds |= family
		}
	}
	if !q.chosen {
		q.kinds = packets | unixes | inets
	}
	if !q.v4 && !q.v6 {
		q.v4, q.v6 = true, true
	}
	q.alone = q.kinds&(q.kinds-1) == 0
}

// has reports whether a kind is asked for.
func (q query) has(k kind) bool { return q.kinds&(1<<k) != 0 }

// parseStates reads "state STATE" and "exclude STATE", and returns what follows.
func parseStates(states uint32, args []string) (uint32, []string, error) {
	for first := true; len(args) > 0; first = false {
		word := args[0]
		if word != "state" && word != "exclude" && word != "excl" {
			break
		}
		if len(args) == 1 {
			return 0, nil, fmt.Errorf("%s: expected a state after it", word)
		}
		set, ok := stateSet(args[1])
		if !ok {
			return 0, nil, fmt.Errorf("%s: expected a state like established, listening, time-wait or all",
				args[1])
		}
		if word == "state" {
			if first {
				states = 0
			}
			states |= set
		} else {
			if first {
				states = sockets.Every
			}
			states &^= set
		}
		args = args[2:]
	}
	return states, args, nil
}

// stateSet are the states of a word.
func stateSet(word string) (set uint32, ok bool) {
	switch word = strings.ToLower(word); word {
	case "all":
		return sockets.Every, true
	case "connected":
		return connected, true
	case "synchronized":
		return connected &^ sockets.SynSent.Bit(), true
	case "bucket":
		return bucket, true
	case "big":
		return sockets.Every &^ bucket, true
	case "established":
		word = "estab"
	case "close", "closed", "unconnected":
		word = "unconn"
	case "listening":
		word = "listen"
	}
	for s := sockets.Established; s <= sockets.Closing; s++ {
		if strings.EqualFold(word, stateName(s)) {
			return s.Bit(), true
		}
	}
	return 0, false
}

// stateName words a state.
func stateName(s sockets.State) string {
	names := []string{"UNKNOWN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN",
		"CLOSE-WAIT",
		"LAST-ACK", "LISTEN", "CLOSING"}
	if int(s) >= len(names) {
		s = 0
	}
	return names[s]
}
