package nettools

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/sockets"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// listing is what netstat shows.
type listing struct {
	*command.Call
	open, listening bool
	width           int
	held            map[uint32][]sockets.Holder
}

// netstat shows sockets, or routes.
func netstat(c *command.Call) {
	if c.Has('r') {
		if err := showRoutes(c, !c.Has('e')); err != nil {
			c.Fail(err)
		}
		return
	}
	l := &listing{Call: c, open: !c.Has('l') || c.Has('a'), listening: c.Has('l') || c.Has('a'), width: 23}
	if c.Has('W') {
		l.width = 51
	}
	if c.Has('p') {
		l.held = sockets.Holders()
	}
	all := !c.Has('t') && !c.Has('u') && !c.Has('w') && !c.Has('x')
	if all || c.Has('t') || c.Has('u') || c.Has('w') {
		fmt.Fprintf(c.Stdout, "Active Internet connections %s\nProto Recv-Q Send-Q %-*s %-*s State       %s\n",
			l.which(),
			l.width, "Local Address", l.width, "Foreign Address", l.banner())
	}
	for _, of := range []struct {
		letter byte
		name   string
	}{{'t', "tcp"}, {'u', "udp"}, {'w', "raw"}} {
		if all || c.Has(of.letter) {
			for _, file := range []string{of.name, of.name + "6"} {
				if err := sockets.EachListed(file, func(s sockets.Inet) { l.inet(of.name, s) }); err != nil {
					c.Fail(err)
				}
			}
		}
	}
	if all || c.Has('x') {
		if err := l.unix(); err != nil {
			c.Fail(err)
		}
	}
}

// which says which sockets are shown.
func (l *listing) which() string {
	switch {
	case l.open && l.listening:
		return "(servers and established)"
	case l.listening:
		return "(only servers)"
	}
	return "(w/o servers)"
}

// banner is the head of who holds a socket.
func (l *listing) banner() string {
	if l.held == nil {
		return ""
	}
	return "PID/Program name    "
}

// holder says who holds a socket, in 19 bytes.
func (l *listing) holder(inode uint32) string {
	switch held := l.held[inode]; {
	case l.held == nil:
		return ""
	case len(held) == 0 || inode == 0:
		return "-"
	default:
		text := strconv.Itoa(held[0].PID) + "/"
		if held[0].Argument != "" {
			text += printable.String(filepath.Base(held[0].Argument))
		}
		return text[:min(len(text), 19)]
	}
}

// inet prints a socket of IP.
func (l *listing) inet(name string, s sockets.Inet) {
	hasPeer := !s.Remote.Addr().IsUnspecified()
	state := strconv.Itoa(int(s.State))
	switch name {
	case "tcp":
		hasPeer, state = s.Remote.Port() != 0, stateName(s.State)
	case "udp":
		state = map[sockets.State]string{sockets.Established: "ESTABLISHED", sockets.Close: ""}[s.State]
	}
	if hasPeer && !l.open || !hasPeer && !l.listening {
		return
	}
	fmt.Fprintf(l.Stdout, "%s   %6d %6d %-*s %-*s %-12s%s\n", name, s.Received, s.Sent, l.width,
		socketEnd(s.Local.Addr().String(), s.Local.Port()),
		l.width, socketEnd(s.Remote.Addr().String(), s.Remote.Port()), state, l.holder(s.Inode))
}

// socketEnd words an address with its port.
func socketEnd(address string, port uint16) string {
	if port == 0 {
		return address + ":*"
	}
	return address + ":" + strconv.Itoa(int(port))
}

// stateName words a state of TCP.
func stateName(s sockets.State) string {
	names := []string{"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
		"CLOSE_WAIT", "LAST_ACK",
		"LISTEN", "CLOSING"}
	if int(s) >= len(names) {
		return ""
	}
	return names[s]
}

// unix prints the sockets of Unix.
func (l *listing) unix() error {
	fmt.Fprintf(l.Stdout,
		"Active UNIX domain sockets %s\nProto RefCnt Flags       Type       State         I-Node %sPath\n",
		l.which(), l.banner())
	all, err := lines("unix", 1)
	if err != nil {
		return err
	}
	for _, line := range all {
		if err := l.unixLine(line); err != nil {
			return fmt.Errorf("unix: %s: %w", printable.String(line), err)
		}
	}
	return nil
}

const accepts = 1 << 16 // __SO_ACCEPTCON (linux/net.h)

// unixLine prints a line: number, references, protocol, flags, type, state, inode, path.
func (l *listing) unixLine(line string) error {
	f := strings.Fields(line)
	if len(f) < 7 {
		return fmt.Errorf("expected seven fields")
	}
	var n [6]uint64
	for i := range n {
		base := 16
		if i == 5 {
			base = 10
		}
		var err error
		if n[i], err = strconv.ParseUint(f[i+1], base, 64); err != nil {
			return err
		}
	}
	references, flags, kind, state, inode := n[0], n[2], n[3], n[4], n[5]
	listens := state == 1 && flags&accepts != 0
	if listens && !l.listening || !listens && !l.open {
		return nil
	}
	words := "[ ]"
	if flags&accepts != 0 {
		words = "[ ACC ]"
	}
	stateText := known(state, "FREE", "", "CONNECTING", "CONNECTED", "DISCONNECTING")
	if listens {
		stateText = "LISTENING"
	}
	kindText := known(kind, "UNKNOWN", "STREAM", "DGRAM", "RAW", "RDM", "SEQPACKET")
	holder := l.holder(uint32(inode))
	if l.held != nil {
		holder = fmt.Sprintf("%-20s", holder)
	}
	path := ""
	if len(f) > 7 {
		path = printable.String(line[strings.Index(line, f[7]):])
	}
	fmt.Fprintf(l.Stdout, "unix  %-6d %-11s %-10s %-13s %6d %s%s\n", references, words, kindText, stateText,
		inode, holder, path)
	return nil
}

// known is the name of n.
func known(n uint64, names ...string) string {
	if n >= uint64(len(names)) {
		return "UNKNOWN"
	}
	return names[n]
}
