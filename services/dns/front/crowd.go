package front

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
	"github.com/gatehouse-os/gatehouse/services/dns/fair"
)

const (
	// crowdPlaces is how many queries wait to be answered by turns: half of them, those of a page with 60
	// names of three types each, may be one client's.
	crowdPlaces = 512
	// crowdPatience is how long. Clients ask again after one second, those in a hurry, to five.
	crowdPatience = 2 * time.Second
	// crowdQuery is the longest query that waits, in octets: RFC 1035 2.3.4. A place is an eighth of a
	// MaxQuery so, and hardly one is longer.
	crowdQuery = 512
	// crowdReads is how many batches are read between two that are answered: who sends more fills the
	// kernel's queue, but does not keep the thread from answering.
	crowdReads = 64
	// crowdAnswer is how long a batch may take to answer: where it takes longer, it is one query, and the
	// socket is read again. A machine of little memory has room for a thousand there.
	crowdAnswer = time.Millisecond
	// smallDatagram is what the kernel counts for one, in octets; some network cards have it count more.
	smallDatagram = 768
)

// A crowd is what waits to be answered by turns, and who lost something there.
type crowd struct {
	gauge fair.Gauge // of the thread alone

	mu    sync.Mutex // never held while anything is answered
	queue *fair.Queue[waiting]
}

// A waiting is a query that is to be answered.
type waiting struct {
	path
	client netip.AddrPort
	length int
	msg    [crowdQuery]byte
}

// unread is about how many queries wait in the kernel.
func (u *udpSocket) unread() int { return int(u.meminfo()[unix.SK_MEMINFO_RMEM_ALLOC] / smallDatagram) }

// byTurns answers clients by turns until all who wait are answered soon. The last of them are answered before
// the socket is read again.
func (u *udpSocket) byTurns(w Worker, b *batch) {
	c, gauge, most := &u.crowd, fair.Gauge{}, 1
	for crowded := true; !u.shutting.Load(); {
		if crowded {
			c.read(b)
		}
		now := time.Now()
		n := c.take(b, most, now)
		if n == 0 {
			return
		}
		b.send(b.answer(w, now, n, true))
		if most = 1; time.Since(now)/time.Duration(n) < crowdAnswer/batchSize {
			most = batchSize
		}
		if gauge.Busy(now, n, crowded) && c.queue.Few() {
			crowded = gauge.Late(now, c.queue.Len())
		}
		b.yield(now) // with what was read answered: it may take a while until it runs again
	}
}

// read reads what there is in the socket, without waiting.
func (c *crowd) read(b *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue == nil {
		c.queue = fair.New[waiting](crowdPlaces, crowdPatience)
	}
	for range crowdReads {
		b.reset()
		n, _ := mmsg.Receive(b.u.fd, b.in[:], unix.MSG_DONTWAIT) // what fails will when it waits, too
		now := time.Now()
		for i := range n {
			c.add(b, i, now)
		}
		if n < batchSize {
			return
		}
	}
}

// add has message i wait, if it is to be answered and there is a place for it.
func (c *crowd) add(b *batch, i int, now time.Time) {
	q, length := &b.queries[i], int(b.in[i].Len)
	if !b.accepts(q, &b.in[i].Hdr) {
		return
	}
	if length > crowdQuery {
		c.queue.Drop(q.client.Addr(), now)
		return
	}
	if p := c.queue.Add(q.client.Addr(), now); p != nil {
		p.path, p.client, p.length = q.path, q.client, length
		copy(p.msg[:], q.msg[:length])
	}
}

// take makes up to so many queries messages of the batch, by turns, and returns how many.
func (c *crowd) take(b *batch, most int, now time.Time) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range most {
		p := c.queue.Take(now)
		if p == nil {
			return i
		}
		q := &b.queries[i]
		q.path, q.client = p.path, p.client
		b.in[i].Len = uint32(copy(q.msg[:], p.msg[:p.length]))
	}
	return most
}

// lost returns how many queries were dropped, and whose.
func (c *crowd) lost(now time.Time) (uint64, []fair.Loser) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue == nil {
		return 0, nil
	}
	return c.queue.Dropped(), c.queue.Losers(now)
}
