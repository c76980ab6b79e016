// Package front is the sockets of the DNS service: on one link UDP and TCP, by IPv4 and IPv6.
//
//	            ┌ thread: recvmmsg ─┬────────► Worker.Respond … ─► sendmmsg     one for IPv4, one for IPv6
//	            │                   └► fair ─┘                                  while too much comes
//	UDP ────────┤
//	            └ Later.Send, of any goroutine ─► sendmmsg             from the address that was asked
//
//	TCP ─ accept ─► a place ─┬ reader ─► Worker.Respond ─► queue ─┐
//	                         └ Later.Send, of any goroutine ──────┴─► writer
//
// It guarantees that only what came in by the link is answered, out of it, and from the address that was
// asked (to Linux what the machine asks at an address of the link came in by it); that a query by UDP costs
// no allocation and waits for nothing but its turn; that a reply which cannot be sent stops nothing and is
// counted; that nobody is answered who may not have asked, or would answer back for ever; that clients are
// answered by turns when more come by UDP than can be answered soon, as package fair says; and that
// connections are bounded in number, in what each may have outstanding or unread, and in how long they may
// take for anything, so that no client keeps others out.
//
// It leaves to others what a message means: a reply by UDP is as long as a Worker makes it, to be ≤ 1232
// octets. The option edns-tcp-keepalive (RFC 7828) is not offered: ten seconds are what clients expect
// without it.
//
// The sockets die with their link, without an error (appliance/links). Opening needs CAP_NET_BIND_SERVICE and
// CAP_NET_RAW; with CAP_NET_ADMIN buffers are larger than net.core.rmem_max and wmem_max allow.
package front

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
)

// A Worker answers messages, one at a time.
type Worker interface {
	// Respond handles one message and appends the reply, if there is one at once, to dst. It keeps nothing of
	// msg and from. If it has taken from.Later and returns no reply, one Send of that is the answer.
	Respond(now time.Time, dst, msg []byte, from resolver.Sender) []byte
}

// Port is where DNS is asked (RFC 1035 4.2).
const Port = 53

// MaxQuery is the longest message that is read, in octets. A question with all its options has less than a
// thousand. A longer datagram is not answered, and the connection that brings a longer message is closed.
const MaxQuery = 4096

// Limits bound what clients can use up. The zero value of each field is its default.
type Limits struct {
	// Connections is how many there are at a time on the link; 128.
	Connections int
	// PerClient is how many of them one address has; 8.
	PerClient int
	// PerNetwork is how many of them one /64 of IPv6 has; half of Connections. All hosts of a LAN are in one,
	// and each takes addresses in it as it likes (RFC 8981): so the others, and IPv4, are left the other
	// half.
	PerNetwork int
	// Outstanding is how many queries of a connection wait for their answers; 32. The next is not read before
	// that.
	Outstanding int
	// Unread is how many octets of answers may wait to be taken by the client of a connection; 256 KiB.
	Unread int
	// Idle is how long a connection may be without a query (RFC 7766 6.2.3); 10 s.
	Idle time.Duration
	// Waiting is the same while there are queries without an answer; 30 s.
	Waiting time.Duration
	// Message is how long a message may take from its first octet to its last; 3 s.
	Message time.Duration
	// Write is how long a client may leave its answers untaken; 5 s.
	Write time.Duration
}

func (l Limits) withDefaults() Limits {
	orDefault(&l.Connections, 128)
	orDefault(&l.PerClient, 8)
	orDefault(&l.PerNetwork, (l.Connections+1)/2)
	orDefault(&l.Outstanding, 32)
	orDefault(&l.Unread, 256<<10)
	orDefault(&l.Idle, 10*time.Second)
	orDefault(&l.Waiting, 30*time.Second)
	orDefault(&l.Message, 3*time.Second)
	orDefault(&l.Write, 5*time.Second)
	return l
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Options say what is done with what comes in.
type Options struct {
	// Worker returns a worker, for each thread that receives and for each connection.
	Worker func() Worker
	Log    *slog.Logger
	Limits Limits
	Port   uint16 // 0: Port
}

// Sockets are those of one link. They implement links.Socket.
type Sockets struct {
	o       Options
	link    string
	index   int
	udp     []*udpSocket
	tcp     []net.Listener
	places  places
	counts  counters
	stop    chan struct{} // closed when nothing is served any more
	running sync.WaitGroup
	once    sync.Once
}

// Listen opens the sockets of a link; Serve has them used. Without such a link the error is links.ErrAbsent.
// A machine without IPv6 is served by IPv4.
func Listen(link string, o Options) (*Sockets, error) {
	o.Limits = o.Limits.withDefaults()
	orDefault(&o.Port, Port)
	iface, err := links.Named(link)
	if err != nil {
		return nil, err
	}
	s := &Sockets{o: o, link: link, index: iface.Index, stop: make(chan struct{})}
	s.places.limits = o.Limits
	err = s.open(families[0])
	if err == nil {
		if err = s.open(families[1]); errors.Is(err, unix.EAFNOSUPPORT) {
			o.Log.Info("dns: the kernel has no IPv6", "link", link)
			err = nil
		}
	}
	if err != nil {
		return nil, errors.Join(links.On(link, err), s.Close())
	}
	return s, nil
}

// open opens the sockets of one family.
func (s *Sockets) open(f family) error {
	u, err := openUDP(s, f)
	if err != nil {
		return err
	}
	s.udp = append(s.udp, u)
	l, err := listenTCP(s.link, f, s.o.Port)
	if err != nil {
		return err
	}
	s.tcp = append(s.tcp, l)
	return nil
}

// Serve begins to answer, and returns. It is called once.
func (s *Sockets) Serve() {
	for _, u := range s.udp {
		s.running.Go(func() { u.serve(s.o.Worker(), s.stop) })
	}
	for _, l := range s.tcp {
		s.running.Go(func() { s.accept(l) })
	}
}

// Check implements links.Socket.
func (s *Sockets) Check() error { return links.Check(s.link, s.index) }

// Close answers nobody any more and closes the sockets and all connections. When it returns, no worker is
// used; what is sent later is lost.
func (s *Sockets) Close() error {
	var errs []error
	s.once.Do(func() {
		close(s.stop)
		for _, u := range s.udp {
			u.shut()
		}
		for _, l := range s.tcp {
			errs = append(errs, l.Close())
		}
		s.places.shut()
		s.running.Wait()
		for _, u := range s.udp {
			errs = append(errs, u.close())
		}
	})
	return errors.Join(errs...)
}

// accept takes connections until the listener is closed. When the process has no room for one it waits until
// it has.
func (s *Sockets) accept(l net.Listener) {
	failed := false
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			if !failed {
				s.o.Log.Error("dns: cannot accept a connection, tries again", "link", s.link, "cause", err)
			}
			failed = true
			s.pause()
			continue
		}
		failed = false
		s.take(conn, s.client(conn.RemoteAddr()))
	}
}

// take serves a connection in the place of another, if it must be. It waits for that one to end, so that
// there never are more than the limits say.
func (s *Sockets) take(conn net.Conn, from netip.AddrPort) {
	st := newStream(conn, from, s.o.Limits, &s.counts)
	victim, ok := s.places.enter(st)
	if !ok {
		_ = conn.Close()
		return
	}
	s.counts.accepted.Add(1)
	if victim != nil {
		s.counts.evicted.Add(1)
		victim.close()
		<-victim.over
	}
	s.running.Go(func() {
		defer s.places.leave(st)
		st.serve(s.o.Worker())
	})
}

// retry is how long to wait after an error that says nothing about when it ends.
const retry = 100 * time.Millisecond

func (s *Sockets) pause() { pause(s.stop) }

func pause(stop <-chan struct{}) {
	select {
	case <-stop:
	case <-time.After(retry):
	}
}

// client returns the client of a connection. Its zone is the link: what package net makes of an index is
// another one's name for a minute, if links come and go.
func (s *Sockets) client(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	p := t.AddrPort()
	return netip.AddrPortFrom(zoned(p.Addr().Unmap().WithZone(""), s.link), p.Port())
}

// zoned returns an address with its zone, if it needs one.
func zoned(addr netip.Addr, link string) netip.Addr {
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		return addr.WithZone(link)
	}
	return addr
}
