package ss

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/sockets"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// view makes of sockets the rows of a table.
type view struct {
	query
	filter filter
	table  *table
	held   map[uint32][]sockets.Holder
	links  map[uint32]string
}

// all shows all sockets that are asked for.
func (v *view) all() error {
	var all error
	if v.kinds&packets != 0 && v.states&sockets.Close.Bit() != 0 {
		all = errors.Join(all, sockets.EachPacket(v.packet))
	}
	if v.kinds&unixes != 0 {
		all = errors.Join(all, sockets.EachUnix(v.states, v.unix))
	}
	extensions := uint8(0)
	if v.info {
		extensions |= sockets.Info | sockets.Congestion
	}
	if v.memory {
		extensions |= sockets.Memory
	}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if v.has(raw) && v.wants(family) {
			all = errors.Join(all, sockets.EachRaw(family, v.states, v.inet))
		}
	}
	for k, protocol := range []uint8{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			if v.has(udp+kind(k)) && v.wants(family) {
				all = errors.Join(all, sockets.EachInet(family, protocol, v.states, extensions, v.inet))
			}
		}
	}
	return all
}

// wants reports whether a family is asked for.
func (v *view) wants(family uint8) bool {
	if family == unix.AF_INET {
		return v.v4
	}
	return v.v6
}

// row adds a row. Local and peer are an address and a port; more is what stands behind.
func (v *view) row(name string, state sockets.State, received, sent uint32, local, peer [2]string,
	inode uint32, more string) {
	v.table.add(name, stateName(state), fmt.Sprintf("%-6d", received), fmt.Sprintf("%-6d", sent), local[0],
		local[1], peer[0], peer[1],
		v.users(inode)+more)
}

// users says who holds a socket, the youngest first as iproute2 does.
func (v *view) users(inode uint32) string {
	held := v.held[inode]
	if len(held) == 0 || inode == 0 {
		return ""
	}
	words := make([]string, len(held))
	for i, h := range held {
		words[len(held)-1-i] = fmt.Sprintf(`("%s",pid=%d,fd=%d)`, printable.String(h.Name), h.PID, h.FD)
	}
	return " users:(" + strings.Join(words, ",") + ")"
}

func (v *view) packet(s sockets.Packet) {
	k, name := packetRaw, "p_raw"
	if s.Type != unix.SOCK_RAW {
		k, name = packetDatagram, "p_dgr"
	}
	if !v.has(k) || !v.filter.match(end{port: s.Link}, end{}, uint32(s.Link)) {
		return
	}
	protocol, port := "*", "*"
	if s.Protocol != unix.ETH_P_ALL {
		protocol = fmt.Sprintf("[%d]", s.Protocol)
	}
	if s.Link != 0 {
		port = v.link(uint32(s.Link))
	}
	more := ""
	if v.details {
		more = fmt.Sprintf(" ino:%d", s.Inode)
		if s.UID != 0 {
			more = fmt.Sprintf(" uid:%d", s.UID) + more
		}
	}
	v.row(name, sockets.Close, s.Received, 0, [2]string{protocol + ":", port}, [2]string{"*", ""}, s.Inode,
		more)
}

func (v *view) unix(s sockets.Unix) {
	k, name := unixDatagram, "u_dgr"
	switch s.Type {
	case unix.SOCK_STREAM:
		k, name = unixStream, "u_str"
	case unix.SOCK_SEQPACKET:
		k, name = unixSequenced, "u_seq"
	}
	if !v.has(k) || !v.filter.match(end{port: int(s.Inode)}, end{port: int(s.Peer)}, 0) {
		return
	}
	path := "*"
	if s.Name != "" {
		path = printable.String(strings.ReplaceAll(s.Name, "\x00", "@"))
		if s.Name[0] != 0 {
			path, _, _ = strings.Cut(s.Name, "\x00")
			path = printable.String(path)
		}
	}
	more := ""
	if v.memory {
		more += memory(s.Memory)
	}
	if v.details {
		more += " " + directions(s.Shutdown)
		if f := s.File; f != nil {
			more += fmt.Sprintf(" ino:%d dev:%d/%d", f.Inode, unix.Major(uint64(f.Device)),
				unix.Minor(uint64(f.Device)))
		}
	}
	v.row(name, s.State, s.Received, s.Sent, [2]string{path + " ", strconv.Itoa(int(s.Inode))},
		[2]string{"* ", strconv.Itoa(int(s.Peer))}, s.Inode, more)
}

// directions words in which of its directions a connection is open.
func directions(shutdown uint8) string {
	b := []byte("<->")
	if shutdown&1 != 0 {
		b[0] = '-'
	}
	if shutdown&2 != 0 {
		b[2] = '-'
	}
	return string(b)
}

func (v *view) inet(s sockets.Inet) {
	if !v.filter.match(newEnd(s.Local), newEnd(s.Remote), s.Link) {
		return
	}
	local, remote := address(s.Local, s.V6Only), address(s.Remote, s.V6Only)
	if s.Link != 0 {
		local[0] = strings.TrimSuffix(local[0], ":") + "%" + v.link(s.Link) + ":"
	}
	v.row(protocolName(s.Protocol), s.State, s.Received, s.Sent, local, remote, s.Inode, v.more(s))
}

// more is what the options add.
func (v *view) more(s sockets.Inet) string {
	var b strings.Builder
	if v.timers && s.Timer != 0 {
		names := []string{"off", "on", "keepalive", "timewait", "persist", "unknown"}
		fmt.Fprintf(&b, " timer:(%s,%s,%d)", names[min(int(s.Timer), 5)], milliseconds(s.Expires),
			s.Retransmits)
	}
	if v.details {
		if s.UID != 0 {
			fmt.Fprintf(&b, " uid:%d", s.UID)
		}
		fmt.Fprintf(&b, " ino:%d sk:%x", s.Inode, s.Cookie)
		if s.Mark != 0 {
			fmt.Fprintf(&b, " fwmark:%#x", s.Mark)
		}
		if s.Family == unix.AF_INET6 && (s.State == sockets.Listen || s.State == sockets.Close) {
			v6only := 0
			if s.V6Only {
				v6only = 1
			}
			fmt.Fprintf(&b, " v6only:%d", v6only)
		}
		if s.State != sockets.TimeWait && s.State != sockets.SynReceived {
			b.WriteString(" " + directions(s.Shutdown))
		}
	}
	if v.memory || v.info && s.Protocol != unix.IPPROTO_UDP {
		if !v.oneline {
			b.WriteString("\n\t")
		}
		b.WriteString(memory(s.Memory) + v.tcpInfo(s))
	}
	return b.String()
}

// protocolName words the protocol of a socket.
func protocolName(n uint8) string {
	switch n {
	case unix.IPPROTO_TCP:
		return "tcp"
	case unix.IPPROTO_UDP:
		return "udp"
	}
	return "raw"
}

// address words an end of a connection.
func address(a netip.AddrPort, v6only bool) [2]string {
	text, port := a.Addr().String(), "*"
	switch {
	case a.Addr().Is6() && a.Addr().IsUnspecified() && !v6only:
		text = "*"
	case a.Addr().Is6():
		text = "[" + text + "]"
	}
	if a.Port() != 0 {
		port = strconv.Itoa(int(a.Port()))
	}
	return [2]string{text + ":", port}
}

// link is the name of a link.
func (v *view) link(index uint32) string {
	name, known := v.links[index]
	if !known {
		name = "if" + strconv.Itoa(int(index))
		if l, err := net.InterfaceByIndex(int(index)); err == nil {
			name = l.Name
		}
		v.links[index] = name
	}
	return name
}

// memory words SK_MEMINFO_*.
func memory(b []byte) string {
	names := []string{"r", "rb", "t", "tb", "f", "w", "o", "bl", "d"}
	if len(b) < 4*len(names) {
		return ""
	}
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = name + strconv.Itoa(int(binary.NativeEndian.Uint32(b[4*i:])))
	}
	return " skmem:(" + strings.Join(words, ",") + ")"
}

// milliseconds words a time: two units at most.
func milliseconds(ms uint32) string {
	minutes, seconds, rest := ms/60000, ms/1000%60, ms%1000
	text := ""
	if minutes > 0 {
		rest = 0
		text = fmt.Sprintf("%dmin", minutes)
		if minutes > 9 {
			seconds = 0
		}
	}
	if seconds > 0 {
		if seconds > 9 {
			rest = 0
		}
		unit := "sec"
		if rest > 0 {
			unit = "."
		}
		text += fmt.Sprintf("%d%s", seconds, unit)
	}
	if rest > 0 {
		text += fmt.Sprintf("%03dms", rest)
	}
	return text
}
