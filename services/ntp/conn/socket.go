package conn

import (
	"encoding/binary"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

const (
	// batchSize is how many questions are received and answered at a time. The first waits for the last.
	batchSize = 8
	// questionSize is the longest question that is read: with extension fields, and the cookies of NTS.
	questionSize = 2048
	// controlSize is room for the control messages of one: a time, and an address of either family.
	controlSize = 128
)

// A socket is that of one family on a link.
type socket struct {
	fd       int
	v6       bool
	link     string
	o        *Options
	shutting atomic.Bool
}

// A batch is what is received at a time, with its answers.
type batch struct {
	*socket
	messages [batchSize]message
	in, out  [batchSize]unix.Mmsghdr
	vectors  [batchSize]unix.Iovec // of out
	answers  [batchSize][]byte     // of out
}

// A message is a question and its answer, with the addresses of both. Of each pair one is used.
type message struct {
	vector  unix.Iovec
	octets  [questionSize]byte
	answer  [wire.Size]byte
	peer4   unix.RawSockaddrInet4
	peer6   unix.RawSockaddrInet6
	control [controlSize]byte // as it was received
	own4    struct {          // as it is sent: sendmsg(2)
		head unix.Cmsghdr
		info unix.Inet4Pktinfo
	}
	own6 struct {
		head unix.Cmsghdr
		info unix.Inet6Pktinfo
	}
}

func newBatch(s *socket) *batch {
	b := &batch{socket: s}
	for i := range b.messages {
		m := &b.messages[i]
		m.vector = mmsg.Vector(m.octets[:])
		b.in[i].Hdr.Iov, b.out[i].Hdr.Iov = &m.vector, &b.vectors[i]
		b.in[i].Hdr.SetIovlen(1)
		b.out[i].Hdr.SetIovlen(1)
	}
	return b
}

// turn is how long a goroutine may answer before it gives others a turn. After ten milliseconds Go's
// scheduler would take it, by a signal.
const turn = 4 * time.Millisecond

// retry is how long to wait after an error that says nothing about when it ends.
const retry = 100 * time.Millisecond

// serve receives and answers until shut. Its thread waits in the kernel, which costs less than Go's poller
// and is awake sooner.
func (s *socket) serve(stop <-chan struct{}) {
	b := newBatch(s)
	failed := false
	var began time.Duration // of the turn
	for {
		b.reset()
		n, errno := mmsg.Receive(s.fd, b.in[:], unix.MSG_WAITFORONE)
		if s.shutting.Load() {
			return
		}
		if errno != 0 {
			if !failed {
				s.o.Log.Error("cannot receive, tries again", "link", s.link, "cause",
					os.NewSyscallError("recvmmsg", errno))
			}
			failed = true
			select {
			case <-stop:
			case <-time.After(retry):
			}
			continue
		}
		failed = false
		now := s.o.Uptime()
		if now-began > turn {
			runtime.Gosched()
			began = now
		}
		b.send(b.answer(now, n))
	}
}

// shut ends serve, wherever it is. Shutting down a socket without a peer returns ENOTCONN, and yet has every
// receive from then on, and the one that waits, return at once.
func (s *socket) shut() {
	s.shutting.Store(true)
	_ = unix.Shutdown(s.fd, unix.SHUT_RD)
}

// reset makes the headers ready to receive: the kernel has written lengths to them.
func (b *batch) reset() {
	for i := range b.in {
		m, h := &b.messages[i], &b.in[i].Hdr
		m.name(h, b.v6)
		h.Control = &m.control[0]
		h.SetControllen(controlSize)
	}
}

func (m *message) name(h *unix.Msghdr, v6 bool) {
	if v6 {
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&m.peer6)), uint32(unsafe.Sizeof(m.peer6))
		return
	}
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(&m.peer4)), uint32(unsafe.Sizeof(m.peer4))
}

// answer has n questions answered, and returns how many answers there are to send.
func (b *batch) answer(now time.Duration, n int) (answers int) {
	offset := b.o.Offset()
	read, said := wire.FromUnix(time.Now().UnixNano()+int64(offset)), b.o.Server.State().At
	for i := range n {
		m, h := &b.messages[i], &b.in[i]
		arrived, ok := m.read(&h.Hdr, b.v6)
		client := m.client(b.socket)
		if !ok || !answerable(client) || h.Hdr.Flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
			continue
		}
		received := read // if the kernel has no time of it
		if arrived != 0 {
			received = arrival(wire.FromUnix(arrived+int64(offset)), said, read)
		}
		reply, _ := b.o.Server.Answer(m.answer[:0], m.octets[:h.Len], client.Addr(), now, received)
		if len(reply) == 0 {
			continue
		}
		m.address(&b.out[answers].Hdr, b.v6)
		b.vectors[answers], b.answers[answers] = mmsg.Vector(reply), reply
		answers++
	}
	return answers
}

// arrival is when a question came, on the clock that said is of, which is when the server was last told how
// its clock is. A question that came before may have been marked by a clock that was set since, and one that
// came after now certainly was: an answer with times of both clocks would be wrong by half of the step. It
// counts as having come now, which its client takes for a longer way.
func arrival(marked, said, now wire.Timestamp) wire.Timestamp {
	if said != 0 && marked.Sub(said) < 0 || now.Sub(marked) < 0 {
		return now
	}
	return marked
}

// send sends answers without waiting. One that cannot be sent is not.
func (b *batch) send(answers int) {
	if answers == 0 {
		return
	}
	sent := wire.FromUnix(time.Now().UnixNano() + int64(b.o.Offset()))
	for _, a := range b.answers[:answers] {
		server.Stamp(a, sent)
	}
	for rest := b.out[:answers]; len(rest) > 0; {
		n, errno := mmsg.Send(b.fd, rest, unix.MSG_DONTWAIT)
		if errno != 0 {
			n = 1
		}
		rest = rest[n:]
	}
}

// read reads when a message came, 0 if the kernel does not say it, and notes to what address. It is not ok if
// that is not one of this machine alone: IPv4's broadcasts and multicasts are those where the kernel names
// another address of ours to answer from.
func (m *message) read(h *unix.Msghdr, v6 bool) (arrived int64, ok bool) {
	const head = int(unsafe.Sizeof(unix.Cmsghdr{}))
	for b := m.control[:min(int(h.Controllen), controlSize)]; len(b) >= head; {
		c := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		length := int(c.Len)
		if length < head || length > len(b) {
			return 0, false
		}
		data := b[head:length]
		switch {
		case c.Level == unix.SOL_SOCKET && c.Type == unix.SCM_TIMESTAMPNS &&
			len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			arrived = (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano()
		case !v6 && c.Level == unix.IPPROTO_IP && c.Type == unix.IP_PKTINFO &&
			len(data) >= unix.SizeofInet4Pktinfo:
			m.own4.head = unix.Cmsghdr{Len: uint64(unix.CmsgLen(unix.SizeofInet4Pktinfo)), Level: c.Level,
				Type: c.Type}
			m.own4.info = *(*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			ok = m.own4.info.Spec_dst == m.own4.info.Addr
		case v6 && c.Level == unix.IPPROTO_IPV6 && c.Type == unix.IPV6_PKTINFO &&
			len(data) >= unix.SizeofInet6Pktinfo:
			m.own6.head = unix.Cmsghdr{Len: uint64(unix.CmsgLen(unix.SizeofInet6Pktinfo)), Level: c.Level,
				Type: c.Type}
			m.own6.info = *(*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			ok = m.own6.info.Addr[0] != 0xff
		}
		b = b[min(unix.CmsgSpace(length-head), len(b)):]
	}
	return arrived, ok
}

// address has h send to the client, from the address that it asked.
func (m *message) address(h *unix.Msghdr, v6 bool) {
	m.name(h, v6)
	if v6 {
		h.Control = (*byte)(unsafe.Pointer(&m.own6))
		h.SetControllen(int(unsafe.Sizeof(m.own6)))
		return
	}
	h.Control = (*byte)(unsafe.Pointer(&m.own4))
	h.SetControllen(int(unsafe.Sizeof(m.own4)))
}

// client returns who asked. A link-local address has the link as its zone.
func (m *message) client(s *socket) netip.AddrPort {
	if !s.v6 {
		return netip.AddrPortFrom(netip.AddrFrom4(m.peer4.Addr), port(m.peer4.Port))
	}
	return netip.AddrPortFrom(zoned(netip.AddrFrom16(m.peer6.Addr), s.link), port(m.peer6.Port))
}

// port returns a port that the kernel has written in network order.
func port(n uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], n)
	return binary.BigEndian.Uint16(b[:])
}

// answerable reports whether there can be a client of that address (RFC 1812 5.3.7). Port 123 is that of many
// clients; an answer is none to a question, so no two servers can talk for ever.
func answerable(client netip.AddrPort) bool {
	addr := client.Addr()
	if addr.Is4() && (addr.As4()[0] == 0 || addr.As4()[0] >= 224) {
		return false
	}
	return client.Port() != 0 && !addr.IsUnspecified() && !addr.IsMulticast() && !addr.Is4In6() &&
		!addr.IsLoopback()
}
