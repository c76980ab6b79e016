package neighbours

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// CardOf asks the kernel which hardware address answers for an address on a link, by its index, in the
// network namespace of the calling thread; the zero MAC: it knows none, as of hosts that are not on the link.
func CardOf(link int, addr netip.Addr) (ethernet.MAC, error) {
	socket, err := open(0)
	if err != nil {
		return ethernet.MAC{}, err
	}
	defer socket.Close()
	if err := socket.SetReadDeadline(time.Now().Add(patient)); err != nil {
		return ethernet.MAC{}, fmt.Errorf("neighbours: %w", err)
	}
	addr = addr.Unmap().WithZone("")
	family := byte(unix.AF_INET)
	if addr.Is6() {
		family = unix.AF_INET6
	}
	if _, err := socket.Write(questionAbout(link, family, addr)); err != nil {
		return ethernet.MAC{}, fmt.Errorf("neighbours: ask the kernel: %w", err)
	}
	var b [4 << 10]byte
	n, err := socket.Read(b[:])
	if err != nil {
		return ethernet.MAC{}, fmt.Errorf("neighbours: %w", err)
	}
	all, _, _ := parse(b[:n], family) // an error of the kernel: there is no such entry
	if len(all) != 1 || all[0].Link != link || all[0].Addr != addr {
		return ethernet.MAC{}, nil
	}
	return all[0].MAC, nil
}

// questionAbout is RTM_GETNEIGH for one entry.
func questionAbout(link int, family byte, addr netip.Addr) []byte {
	dst := addr.AsSlice()
	b := make([]byte, unix.NLMSG_HDRLEN+unix.SizeofNdMsg+unix.SizeofRtAttr,
		unix.NLMSG_HDRLEN+unix.SizeofNdMsg+unix.SizeofRtAttr+16)
	binary.NativeEndian.PutUint32(b[0:], uint32(len(b)+len(dst)))
	binary.NativeEndian.PutUint16(b[4:], unix.RTM_GETNEIGH)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	m := b[unix.NLMSG_HDRLEN:]
	m[0] = family
	binary.NativeEndian.PutUint32(m[4:], uint32(link))
	a := m[unix.SizeofNdMsg:]
	binary.NativeEndian.PutUint16(a[0:], uint16(unix.SizeofRtAttr+len(dst)))
	binary.NativeEndian.PutUint16(a[2:], unix.NDA_DST)
	return append(b, dst...)
}
