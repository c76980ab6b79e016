package upstream

import (
	"cmp"
	"errors"
	"net"
	"os"
	"time"
)

// datagramSize is what is read of a datagram. Servers are told 1232; what is longer is taken if it comes.
const datagramSize = 4096

// maxWrong is how many wrong answers one question gets over UDP before it is asked over TCP, where nobody
// guesses.
const maxWrong = 4

// errNoEDNS is a server's way of saying that it does not know EDNS.
var errNoEDNS = errors.New("it does not understand EDNS")

// askDatagram makes an attempt over UDP, and over TCP if it must.
func (p *peer) askDatagram(a *attempt) {
	defer p.world.running.Done()
	r, err := p.exchange(a)
	if errors.Is(err, errNoEDNS) { // RFC 6891 section 7
		p.mu.Lock()
		p.plainUntil = time.Now().Add(noEDNS)
		p.mu.Unlock()
		r, err = p.exchange(a)
	}
	if errors.Is(err, errStream) {
		p.mu.Lock()
		p.count.Streamed++
		a.sent = time.Time{}
		p.attach(a)
		p.mu.Unlock()
		return
	}
	p.finish(a, r, err)
}

// errStream says that TCP is to be taken: the answer does not fit, or somebody guesses at it.
var errStream = errors.New("ask over TCP")

// exchange sends the question from a socket of its own, so from a random port, and waits for the answer. The
// socket is connected: the kernel drops what comes from elsewhere.
func (p *peer) exchange(a *attempt) (reply, error) {
	conn, err := p.world.Dial(p.world.ctx, "udp", p.server.Endpoint())
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fail(err)
		return reply{}, err
	}
	defer p.release(conn)
	if err := p.hold(conn); err != nil {
		return reply{}, err
	}
	room := p.world.buffers.Get().(*[datagramSize]byte)
	defer p.world.buffers.Put(room)
	p.mu.Lock()
	f := p.form(false)
	p.mu.Unlock()
	a.id = uint16(p.world.Rand())
	_ = conn.SetDeadline(a.deadline)
	if _, err := conn.Write(a.q.append(room[:0], a.id, a.raw, f)); err != nil {
		return reply{}, p.unreachable(conn, err)
	}
	for wrong := 0; wrong < maxWrong; {
		n, err := conn.Read(room[:])
		if err != nil {
			return reply{}, p.unreachable(conn, err)
		}
		switch b := room[:n]; compare(b, a.id, a.raw, true) {
		case answersThis:
			return p.answered(a, b, f)
		case refusal:
			if f.edns {
				return reply{}, errNoEDNS
			}
			return reply{}, errors.New("it understands no question")
		case wrongCase:
			p.stray()
			return reply{}, errStream
		default:
			wrong++
			p.stray()
		}
	}
	p.mu.Lock()
	p.note(errSpoofed)
	p.mu.Unlock()
	return reply{}, errStream
}

// answered reads the answer in a datagram that is used again.
func (p *peer) answered(a *attempt, b []byte, f form) (reply, error) {
	if u16(b, 2)&flagTC != 0 {
		p.mu.Lock()
		p.heard()
		now := time.Now()
		p.latency.add(now, now.Sub(a.sent)) // that by TCP is not its own
		p.mu.Unlock()
		return reply{}, errStream
	}
	b = append(make([]byte, 0, len(b)+fixedLen+1), b...)
	r, err := a.q.read(b, false)
	switch {
	case err != nil:
		p.garbage()
		return reply{}, err
	case f.edns && !r.edns && (r.rcode == rcodeFormErr || r.rcode == rcodeNotImp):
		return reply{}, errNoEDNS
	}
	return r, nil
}

// hold notes a socket, so that it can be closed when the path is another.
func (p *peer) hold(conn net.Conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone != nil {
		return p.gone
	}
	p.sockets[conn] = struct{}{}
	return nil
}

// release closes a socket.
func (p *peer) release(conn net.Conn) {
	p.mu.Lock()
	delete(p.sockets, conn)
	p.mu.Unlock()
	_ = conn.Close()
}

// unreachable says what an error of a socket means. One that the network caused is a failure of the server.
func (p *peer) unreachable(conn net.Conn, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errTimeout
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.sockets[conn]; !ok {
		return cmp.Or(p.gone, errMoved)
	}
	p.fail(err)
	return err
}

// stray counts an answer that is none to what was asked.
func (p *peer) stray() {
	p.mu.Lock()
	p.count.Strays++
	p.mu.Unlock()
}

// garbage counts an answer that cannot be read.
func (p *peer) garbage() {
	p.mu.Lock()
	p.count.Garbage++
	p.mu.Unlock()
}
