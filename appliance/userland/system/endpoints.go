package system

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// endpoints are sockets of IP that lsof -i asks for: [46][PROTOCOL][:PORT[-PORT],...].
type endpoints struct {
	version  int // 4, 6; 0: both
	protocol string
	ports    [][2]int
}

func parseEndpoints(s string) (e endpoints, err error) {
	text := s
	if text != "" && (text[0] == '4' || text[0] == '6') {
		e.version, text = int(text[0]-'0'), text[1:]
	}
	protocol, ports, some := strings.Cut(text, ":")
	e.protocol = strings.ToUpper(protocol)
	switch e.protocol {
	case "", "TCP", "UDP", "UDPLITE":
	default:
		return e, fmt.Errorf("-i %s: expected [46][tcp|udp][:PORT,...]", printable.String(s))
	}
	if some {
		for word := range strings.SplitSeq(ports, ",") {
			first, last, ranged := strings.Cut(word, "-")
			if !ranged {
				last = first
			}
			a, err := strconv.ParseUint(first, 10, 16)
			b, err2 := strconv.ParseUint(last, 10, 16)
			if err != nil || err2 != nil {
				return e, fmt.Errorf("-i %s: expected numbers of ports", printable.String(s))
			}
			e.ports = append(e.ports, [2]int{int(a), int(b)})
		}
	}
	return e, nil
}

// match reports whether a socket is one of them.
func (e endpoints) match(s proc.Socket) bool {
	if s.Local.Version() == 0 || e.protocol != "" && e.protocol != s.Protocol || e.version != 0 &&
		e.version != s.Local.Version() {
		return false
	}
	for _, r := range e.ports {
		if s.Local.Port >= r[0] && s.Local.Port <= r[1] || s.Remote.Port >= r[0] && s.Remote.Port <= r[1] {
			return true
		}
	}
	return e.ports == nil
}

// socketCells are TYPE to NAME of a socket, in the words of lsof.
func socketCells(f *openFile) []string {
	s := f.socket
	inode := strconv.FormatUint(f.inode, 10)
	switch {
	case s.Local.Version() != 0:
		name := s.Local.String()
		if s.Remote.Port != 0 {
			name += "->" + s.Remote.String()
		}
		if s.State != "" {
			name += " (" + s.State + ")"
		}
		return []string{fmt.Sprint("IPv", s.Local.Version()), inode, "0t0", s.Protocol, name}
	case s.Protocol == "unix":
		name := "type=" + s.Kind
		if s.Path != "" {
			name = printable.String(s.Path) + " " + name
		}
		return []string{"unix", fmt.Sprintf("0x%016x", s.Address), "0t0", inode, name + " (" + s.State + ")"}
	}
	name := "protocol"
	buf := make([]byte, 32)
	if n, err := unix.Getxattr("/proc/"+f.Link, "system.sockprotoname", buf); err == nil && n > 0 {
		name = "protocol: " + printable.String(strings.TrimRight(string(buf[:n]), "\x00"))
	}
	return []string{"sock", fmt.Sprintf("%d,%d", unix.Major(f.stat.Dev), unix.Minor(f.stat.Dev)), "0t0",
		inode, name}
}
