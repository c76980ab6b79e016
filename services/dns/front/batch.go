package front

import (
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
)

const (
	// batchSize is how many messages are received and answered at a time. 32 are no faster, and one costs 0.8
	// µs more a query; the first waits for the last.
	batchSize = 8
	// replySize is room for a reply: 1232 octets (DNS flag day 2020), and what one that is longer will cost
	// is an allocation.
	replySize = 1500
)

// A batch is what one thread receives at a time, with the replies.
type batch struct {
	u       *udpSocket
	queries [batchSize]query
	in, out [batchSize]unix.Mmsghdr
	vectors [batchSize]unix.Iovec // of out
	began   time.Time             // of the turn
}

// A query is one message of a batch. It is the Sender of its message.
type query struct {
	u *udpSocket
	path
	vector unix.Iovec
	client netip.AddrPort
	msg    [MaxQuery]byte
	reply  [replySize]byte
}

// From implements resolver.Sender.
func (q *query) From() netip.AddrPort { return q.client }

// Stream implements resolver.Sender.
func (q *query) Stream() bool { return false }

// Later implements resolver.Sender.
func (q *query) Later() resolver.Later { return &later{u: q.u, path: q.path} }

func newBatch(u *udpSocket) *batch {
	b := &batch{u: u}
	for i := range b.queries {
		q := &b.queries[i]
		q.u, q.vector = u, mmsg.Vector(q.msg[:])
		b.in[i].Hdr.Iov, b.out[i].Hdr.Iov = &q.vector, &b.vectors[i]
		b.in[i].Hdr.SetIovlen(1)
		b.out[i].Hdr.SetIovlen(1)
	}
	return b
}

// reset makes the headers ready to receive: the kernel has written lengths to them.
func (b *batch) reset() {
	for i := range b.in {
		b.queries[i].address(&b.in[i].Hdr, b.u.v6)
	}
}

// answer has n messages answered, and returns how many replies there are to send. Unless it is known already,
// it looks whether they are to be answered.
func (b *batch) answer(w Worker, now time.Time, n int, accepted bool) (replies int) {
	asked := 0
	for i := range n {
		q, h := &b.queries[i], &b.in[i]
		if !accepted && !b.accepts(q, &h.Hdr) {
			continue
		}
		asked++
		reply := w.Respond(now, q.reply[:0], q.msg[:h.Len], q)
		if len(reply) == 0 {
			continue
		}
		q.address(&b.out[replies].Hdr, b.u.v6)
		b.vectors[replies] = mmsg.Vector(reply)
		replies++
	}
	b.u.counts.udp.queries.Add(uint64(asked))
	return replies
}

func (b *batch) send(replies int) {
	if replies > 0 {
		b.u.count(b.u.sendAll(b.out[:replies]))
	}
}

// turn is how long a goroutine may answer before it gives others a turn. After ten milliseconds Go's
// scheduler would take it, by a signal and the processor of the thread that waits in the kernel, and then
// look for more of the kind every 20 µs for a while, again and again: that was a tenth of all the time.
const turn = 4 * time.Millisecond

// yield gives others a turn when it is time.
func (b *batch) yield(now time.Time) {
	if now.Sub(b.began) > turn {
		runtime.Gosched()
		b.began = now
	}
}

// accepts reports whether a message is to be answered, notes who sent it, and counts why not.
func (b *batch) accepts(q *query, h *unix.Msghdr) bool {
	if h.Flags&unix.MSG_TRUNC != 0 {
		b.u.counts.oversized.Add(1)
		return false
	}
	q.client = q.from(b.u)
	if h.Flags&unix.MSG_CTRUNC != 0 || !q.unicast(h, b.u.v6) || !b.u.answerable(q.client) {
		b.u.counts.unanswerable.Add(1)
		return false
	}
	return true
}

// unicast reports whether a message was sent to an address of this machine alone. IPv4's broadcasts and
// multicasts are those where the kernel names another address of ours to reply from.
func (p *path) unicast(h *unix.Msghdr, v6 bool) bool {
	if v6 {
		return uint64(h.Controllen) >= uint64(unsafe.Sizeof(p.asked6.head)+unsafe.Sizeof(p.asked6.info)) &&
			p.asked6.head.Type == unix.IPV6_PKTINFO && p.asked6.info.Addr[0] != 0xff
	}
	return uint64(h.Controllen) >= uint64(unsafe.Sizeof(p.asked4.head)+unsafe.Sizeof(p.asked4.info)) &&
		p.asked4.head.Type == unix.IP_PKTINFO && p.asked4.info.Spec_dst == p.asked4.info.Addr
}

// answerable reports whether a client may be answered: there is such an address (RFC 1812 5.3.7), and no
// service behind the port that would answer the reply, and have the two talk for ever.
func (u *udpSocket) answerable(client netip.AddrPort) bool {
	addr := client.Addr()
	if addr.Is4() && (addr.As4()[0] == 0 || addr.As4()[0] >= 224) {
		return false
	}
	if addr.IsUnspecified() || addr.IsMulticast() || addr.Is4In6() || addr.IsLoopback() && !u.loopback {
		return false
	}
	switch client.Port() {
	case 0, u.port, Port: // a server: who resolves asks from a port by chance (RFC 5452 9.2)
		return false
	case 7, 13, 17, 19, 37, 464: // echo, daytime, qotd, chargen, time, kpasswd: they answer whatever comes
		return false
	}
	return true
}
