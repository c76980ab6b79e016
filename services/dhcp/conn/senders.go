package conn

import (
	"encoding/binary"
	"math/bits"
	"os"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A UDP socket does not tell which card sent a frame. So a packet socket hears of those messages whose frame
// has another card than they have themselves (chaddr), and of those alone: the kernel compares. What comes
// through a relay agent is left out. Nobody waits for it. It hears nothing before Watch has it so, and is
// looked at when a message has been read:
//
//	message ─┬─► packet socket, if the cards differ ─► note ─┐
//	         └─► UDP socket ───────────────────────► Read ───┴─► the message, and who sent it
//
// The socket is one for all protocols, for those are served before IP is (in the kernel,
// __netif_receive_skb_core): no message can be read before what is noted of it.
type senders struct {
	fd    int  // -1: none
	on    bool // it hears
	notes map[messageKey]note
	older map[messageKey]note // of messages that may never be read: the UDP socket had no room, say
	heads [atOnce][headLen]byte
	names [atOnce]unix.RawSockaddrLinklayer
	iovs  [atOnce]unix.Iovec
	in    [atOnce]unix.Mmsghdr
}

// A note is of messages that came and have not been read, and of the card that sent them.
type note struct {
	by lease.MAC
	n  uint16
}

// A messageKey is what messages differ in: xid and chaddr. One that is sent again has the same.
type messageKey [10]byte

const (
	// maxNotes is after how many notes they become older: as many as there is room for messages.
	maxNotes = 4096
	// atOnce is how many are heard of by one call, and most how many before a message is decided.
	atOnce = 8
	most   = 512
	// noteRoom is what the kernel may hold of them, in bytes as it counts them. What comes beyond is read as
	// if it were of the card that it names.
	noteRoom = 1 << 20

	udpLen                             = 8
	bootpXID, bootpGIAddr, bootpCHAddr = 4, 24, 28 // RFC 951 3
	// headLen is IP and UDP with the longest header, and what there is of a message up to chaddr.
	headLen = 60 + udpLen + bootpCHAddr + 6
)

// linkHeader is where, for a filter, the Ethernet header is: linux/filter.h, SKF_LL_OFF.
const linkHeader = 0xffe00000

func (s *senders) open(ifindex int) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("packet socket", err)
	}
	s.fd, s.notes, s.older = fd, map[messageKey]note{}, map[messageKey]note{}
	if err := otherCards(ifindex).Attach(fd); err != nil {
		return os.NewSyscallError("filter of a packet socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return os.NewSyscallError("PACKET_IGNORE_OUTGOING", err)
	}
	mmsg.SetRoom(fd, noteRoom)
	return nil
}

// watch has the socket hear, or not. A packet socket without a protocol hears nothing, but bind takes none to
// be the one that it had: so it gets one that nobody uses.
func (s *senders) watch(ifindex int, on bool) error {
	if on == s.on {
		return nil
	}
	protocol := uint16(unix.ETH_P_802_3) // a name of the kernel's own, in no frame
	if on {
		protocol = unix.ETH_P_ALL
	}
	protocol = bits.ReverseBytes16(protocol) // in network order
	at := unix.SockaddrLinklayer{Protocol: protocol, Ifindex: ifindex}
	if err := unix.Bind(s.fd, &at); err != nil {
		return os.NewSyscallError("bind packet socket", err)
	}
	if s.on = on; !on {
		for s.hear() > 0 { // what it had heard; no more comes
		}
		clear(s.notes)
		clear(s.older)
	}
	return nil
}

// otherCards keeps messages to a DHCP server that come from no relay agent, in one piece, in the frame of
// another card than their own.
func otherCards(ifindex int) rawsocket.Filter {
	const fragment, udp, source = 0x3fff, 17, linkHeader + 6
	of := func(off uint32) uint32 { return udpLen + off }
	accept := bpf.RetConstant{Val: headLen}
	differs := func(card, chaddr uint32, size int) []bpf.Instruction {
		return []bpf.Instruction{
			bpf.LoadAbsolute{Off: card, Size: size}, bpf.StoreScratch{Src: bpf.RegA},
			bpf.LoadMemShift{}, bpf.LoadIndirect{Off: of(chaddr), Size: size},
			bpf.LoadScratch{Dst: bpf.RegX}, bpf.ALUOpX{Op: bpf.ALUOpXor},
			bpf.JumpIf{Cond: bpf.JumpEqual, SkipTrue: 1}, accept,
		}
	}
	f := rawsocket.OfLink(ifindex).Unless(bpf.LoadExtension{Num: bpf.ExtProto}, uint32(rawsocket.IPv4)).
		Unless(bpf.LoadAbsolute{Off: 9, Size: 1}, udp).DropBits(bpf.LoadAbsolute{Off: 6, Size: 2}, fragment)
	f = append(f, bpf.LoadMemShift{})
	f = f.Unless(bpf.LoadIndirect{Off: 2, Size: 2}, serverPort).
		Unless(bpf.LoadIndirect{Off: of(bootpGIAddr), Size: 4}, 0)
	f = append(f, differs(source, bootpCHAddr, 4)...)
	return append(f, differs(source+4, bootpCHAddr+4, 2)...)
}

// of returns the card that sent a message: the one that it names, if nothing is noted of it. Zero: it is not
// known. What came just before the socket heard is taken for what it says.
func (s *senders) of(message []byte) lease.MAC {
	if !s.on {
		return lease.MAC{}
	}
	for n := 0; n < most && s.hear() == atOnce; n += atOnce {
	}
	key, ok := keyOf(message)
	if !ok {
		return lease.MAC{}
	}
	if by, ok := s.noted(key); ok {
		return by
	}
	return lease.MAC(key[4:])
}

// noted uses up a note.
func (s *senders) noted(key messageKey) (by lease.MAC, ok bool) {
	for _, notes := range [...]map[messageKey]note{s.older, s.notes} {
		n, ok := notes[key]
		switch {
		case !ok:
			continue
		case n.n > 1:
			notes[key] = note{n.by, n.n - 1}
		default:
			delete(notes, key)
		}
		return n.by, true
	}
	return by, false
}

// add notes that a card has sent a message.
func (s *senders) add(key messageKey, by lease.MAC) {
	if len(s.notes) >= maxNotes {
		s.notes, s.older = s.older, s.notes
		clear(s.notes)
	}
	s.notes[key] = note{by, s.notes[key].n + 1}
}

// hear takes notes of what has come, and returns how many messages that were.
func (s *senders) hear() int {
	for i := range s.in {
		s.iovs[i] = mmsg.Vector(s.heads[i][:])
		h := &s.in[i].Hdr
		h.Iov = &s.iovs[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&s.names[i])), unix.SizeofSockaddrLinklayer
	}
	n, errno := mmsg.Receive(s.fd, s.in[:], unix.MSG_DONTWAIT)
	if errno != 0 { // there is none; or the link is down, which the other socket tells
		return 0
	}
	for i := range n {
		b, from := s.heads[i][:s.in[i].Len], &s.names[i]
		head := 4 * int(b[0]&0xf)
		if len(b) < head+udpLen || from.Halen != 6 {
			continue
		}
		if key, ok := keyOf(b[head+udpLen:]); ok {
			s.add(key, lease.MAC(from.Addr[:6]))
		}
	}
	return n
}

func keyOf(message []byte) (k messageKey, ok bool) {
	if len(message) < bootpCHAddr+6 {
		return k, false
	}
	binary.BigEndian.PutUint32(k[:], binary.BigEndian.Uint32(message[bootpXID:]))
	copy(k[4:], message[bootpCHAddr:])
	return k, true
}

func (s *senders) close() error {
	if s.fd < 0 {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(s.fd))
}
