package neighbours

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// States of an entry in which it has a hardware address that was learned (linux/neighbour.h).
const learned = unix.NUD_REACHABLE | unix.NUD_STALE | unix.NUD_DELAY | unix.NUD_PROBE

// parse reads the messages of one datagram of the kernel: netlink(7). Others than those about neighbours are
// passed over; done: the kernel has told all that it was asked for.
func parse(b []byte, family byte) (all []Entry, done bool, err error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return all, false, ErrLost
		}
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.RTM_NEWNEIGH:
			if e, ok := parseEntry(b[unix.NLMSG_HDRLEN:size], family); ok {
				all = append(all, e)
			}
		case unix.NLMSG_DONE:
			done = true
		case unix.NLMSG_ERROR, unix.NLMSG_OVERRUN:
			return all, false, ErrLost
		}
		b = b[min(align(size), len(b)):]
	}
	return all, done, nil
}

// align rounds a length up: NLMSG_ALIGN and RTA_ALIGN.
func align(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// parseEntry reads a struct ndmsg and its attributes, and reports whether it is an entry as Entry says.
func parseEntry(b []byte, family byte) (e Entry, ok bool) {
	if len(b) < unix.SizeofNdMsg || b[0] != family {
		return e, false
	}
	state, flags := binary.NativeEndian.Uint16(b[8:]), b[10]
	if state&learned == 0 || flags&(unix.NTF_PROXY|unix.NTF_EXT_LEARNED) != 0 {
		return e, false
	}
	e.Link, e.Confirmed = int(int32(binary.NativeEndian.Uint32(b[4:]))), state&unix.NUD_REACHABLE != 0
	has := 0
	for b = b[unix.SizeofNdMsg:]; len(b) >= unix.SizeofRtAttr; {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < unix.SizeofRtAttr || size > len(b) {
			return e, false
		}
		data := b[unix.SizeofRtAttr:size]
		switch {
		case kind == unix.NDA_DST && (len(data) == 16) == (family == unix.AF_INET6):
			if a, ok := netip.AddrFromSlice(data); ok {
				e.Addr = a
				has |= 1
			}
		case kind == unix.NDA_LLADDR && len(data) == len(e.MAC):
			e.MAC = ethernet.MAC(data)
			has |= 2
		}
		b = b[min(align(size), len(b)):]
	}
	return e, has == 3
}
