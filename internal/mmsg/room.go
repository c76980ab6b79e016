package mmsg

import "golang.org/x/sys/unix"

const (
	// roomPart is the part of the machine's memory that datagrams not yet read may have, of which the kernel
	// allows twice as much. Services have several such sockets, and anybody can fill them when a processor
	// has no time for what comes: in a machine of 96 MB they took the memory of the programs that were to
	// read them.
	roomPart  = 256
	leastRoom = 256 << 10 // some 600 short datagrams
)

// SetRoom lets the kernel hold so many octets of datagrams not yet read (socket(7), SO_RCVBUF), beyond the
// system's limit with CAP_NET_ADMIN, up to it otherwise; fewer in a machine of little memory.
func SetRoom(fd, octets int) {
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		octets = room(uint64(info.Totalram)*uint64(info.Unit), octets)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, octets) != nil {
		// never fails: it is cut to the limit
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, octets)
	}
}

// room is how much of the wish there is with so many bytes of memory.
func room(memory uint64, octets int) int {
	return min(octets, int(max(leastRoom, memory/roomPart)))
}
