package sockets

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// A Packet is a socket of packet(7).
type Packet struct {
	Type, Protocol       int // unix.SOCK_RAW or SOCK_DGRAM; of Ethernet's numbers
	Link                 int // it is bound to; 0: all
	Received, UID, Inode uint32
}

// EachPacket calls each for the packet sockets.
func EachPacket(each func(Packet)) error {
	f, err := os.Open("/proc/thread-self/net/packet")
	if err != nil {
		return fmt.Errorf("list of packet sockets: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Scan() // the heads
	for lines.Scan() {
		var s Packet
		var address, references, running string
		_, err := fmt.Sscanf(lines.Text(), "%s %s %d %x %d %s %d %d %d", &address, &references, &s.Type,
			&s.Protocol, &s.Link, &running,
			&s.Received, &s.UID, &s.Inode)
		if err != nil {
			return fmt.Errorf("list of packet sockets: %s: %w", strings.TrimSpace(lines.Text()), err)
		}
		each(s)
	}
	return lines.Err()
}
