package tcpdump

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/filter"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// headroom is what is kept before a packet, for the header of a cooked one.
const headroom = 20

// A socket receives the packets of a link, or of all, from their link's header on. Those of all have one of
// SLL2.
type socket struct {
	file *os.File
	raw  interface {
		Read(func(fd uintptr) bool) error
		Control(func(fd uintptr)) error
	}
	cooked   bool
	loopback int // index of the link on which each packet passes twice
	buffer   []byte
	oob      []byte
}

// linkType asks what packets of a link begin with, by the type of its hardware.
func linkType(name string) (uint32, error) {
	b, err := os.ReadFile("/sys/class/net/" + name + "/type")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	switch {
	case err != nil:
		return 0, err
	case n == unix.ARPHRD_ETHER || n == unix.ARPHRD_LOOPBACK:
		return pcap.Ethernet, nil
	case n == unix.ARPHRD_SIT || n == unix.ARPHRD_TUNNEL || n == unix.ARPHRD_TUNNEL6 ||
		n == unix.ARPHRD_NONE ||
		n == unix.ARPHRD_PPP || n == unix.ARPHRD_IPGRE:
		return pcap.Raw, nil
	}
	return 0, errors.New("a kind of link that this tcpdump does not know")
}

// open opens a socket. It receives nothing that the program does not choose.
func open(t target, program []bpf.Instruction, promiscuous bool) (*socket, error) {
	s := &socket{cooked: t.index == 0, buffer: make([]byte, headroom+4+maxSnap), oob: make([]byte, 256)}
	kind := unix.SOCK_RAW
	if s.cooked || t.kind.link == filter.Raw {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("packet socket", err)
	}
	s.file = os.NewFile(uintptr(fd), "packet socket")
	if err = set(fd, t.index, program, promiscuous); err == nil {
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	if lo, err := os.ReadFile("/sys/class/net/lo/ifindex"); err == nil {
		s.loopback, _ = strconv.Atoi(strings.TrimSpace(string(lo)))
	}
	return s, nil
}

func set(fd, index int, program []bpf.Instruction, promiscuous bool) error {
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20) // else as the system has it
	if program != nil {
		if err := rawsocket.Filter(program).Attach(fd); err != nil {
			return os.NewSyscallError("filter of the socket", err)
		}
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return os.NewSyscallError("PACKET_AUXDATA", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("SO_TIMESTAMPNS", err)
	}
	if promiscuous && index != 0 {
		m := &unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, m); err != nil {
			return os.NewSyscallError("promiscuous mode", err)
		}
	}
	all := uint16(unix.ETH_P_ALL)
	name := &unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: index}
	return os.NewSyscallError("bind packet socket", unix.Bind(fd, name))
}

// end ends a read that waits, and later ones.
func (s *socket) end() { _ = s.file.SetReadDeadline(time.Now()) }

func (s *socket) close() { _ = s.file.Close() }

// counts are how many packets the program has chosen, and for how many of them there was no room.
func (s *socket) counts() (received, dropped int) {
	_ = s.raw.Control(func(fd uintptr) {
		if n, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET,
			unix.PACKET_STATISTICS); err == nil {
			received, dropped = int(n.Packets), int(n.Drops)
		}
	})
	return received, dropped
}

// read waits for a packet, and cuts it to snap bytes. One that has passed before is without data. After end
// the error is os.ErrDeadlineExceeded.
func (s *socket) read(snap int) (p pcap.Packet, err error) {
	for {
		var failed error
		var n, oobn int
		var from unix.Sockaddr
		err = s.raw.Read(func(fd uintptr) bool {
			n, oobn, _, from, failed = unix.Recvmsg(int(fd), s.buffer[headroom+4:], s.oob,
				unix.MSG_TRUNC|unix.MSG_DONTWAIT)
			return failed != unix.EAGAIN
		})
		switch {
		case err != nil:
			return p, err
		case failed == unix.EINTR:
		case failed != nil:
			return p, os.NewSyscallError("receive", failed)
		default:
			link, _ := from.(*unix.SockaddrLinklayer)
			return s.packet(n, s.oob[:oobn], link, snap), nil
		}
	}
}

// packet puts together what the kernel says of one.
func (s *socket) packet(n int, oob []byte, link *unix.SockaddrLinklayer, snap int) pcap.Packet {
	at, tag := said(oob)
	if at.IsZero() {
		at = time.Now()
	}
	if link != nil && link.Ifindex == s.loopback && link.Pkttype == unix.PACKET_OUTGOING {
		return pcap.Packet{Time: at}
	}
	start := headroom + 4
	b := s.buffer[:start+min(n, maxSnap)]
	if s.cooked && link != nil {
		if tag != nil { // between the header and the packet
			start -= 4
			copy(b[start:], tag[2:])
			binary.NativeEndian.PutUint16(b[start+2:], link.Protocol)
			link.Protocol = binary.NativeEndian.Uint16(tag)
		}
		start -= headroom
		cook(b[start:], link)
	} else if tag != nil && n >= 12 { // behind both addresses
		start -= 4
		copy(b[start:], b[start+4:start+16])
		copy(b[start+12:], tag)
	}
	b = b[start:]
	return pcap.Packet{Time: at, Length: len(b) + max(0, n-maxSnap), Data: b[:min(len(b), snap)]}
}

// cook writes a header of SLL2.
func cook(b []byte, link *unix.SockaddrLinklayer) {
	clear(b[:headroom])
	binary.NativeEndian.PutUint16(b, link.Protocol) // in network order already
	binary.BigEndian.PutUint32(b[4:], uint32(link.Ifindex))
	binary.BigEndian.PutUint16(b[8:], link.Hatype)
	b[10], b[11] = link.Pkttype, link.Halen
	copy(b[12:20], link.Addr[:])
}

// said reads the control messages of a packet: when it came, and the tag that was taken from it.
func said(oob []byte) (at time.Time, tag []byte) {
	for len(oob) > 0 {
		head, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		switch {
		case head.Level == unix.SOL_SOCKET && head.Type == unix.SCM_TIMESTAMPNS && len(data) >= 16:
			at = time.Unix(int64(binary.NativeEndian.Uint64(data)),
				int64(binary.NativeEndian.Uint64(data[8:])))
		case head.Level == unix.SOL_PACKET && head.Type == unix.PACKET_AUXDATA && len(data) >= 20:
			status := binary.NativeEndian.Uint32(data)
			if status&unix.TP_STATUS_VLAN_VALID == 0 {
				break
			}
			kind := uint16(unix.ETH_P_8021Q)
			if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
				kind = binary.NativeEndian.Uint16(data[18:])
			}
			tag = binary.BigEndian.AppendUint16(nil, kind)
			tag = binary.BigEndian.AppendUint16(tag, binary.NativeEndian.Uint16(data[16:]))
		}
		oob = rest
	}
	return at, tag
}
