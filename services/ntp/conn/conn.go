// Package conn is the sockets of the time service: those that answer on the links of LANs, and those that
// ask.
//
//	LAN ─ recvmmsg, with the kernel's time of arrival ─► server.Answer … ─► Stamp ─► sendmmsg     one thread a family
//
//	Ask ─► a socket of its own, a port by chance ─► server
//	 └──◄─ accept(Answer) ◄─ with the kernel's times of sending and of arrival
//
// It guarantees that only what came in by a link, and was sent to an address of this machine alone, is
// answered, out of that link and from the address that was asked; that an answer costs no allocation; that
// the time of sending is read last of all, just before the system call; that who is asked cannot be told from
// another question by its port; and that times which are the program's own, and not the kernel's, are told
// apart.
//
// It leaves to others what a message says, and when who is asked.
//
// Sockets of links die with their link, without an error (appliance/links). To open them needs
// CAP_NET_BIND_SERVICE and CAP_NET_RAW.
package conn

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/mmsg"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// Options say who answers what comes in.
type Options struct {
	Server *server.Server
	// Uptime is a clock that never jumps.
	Uptime func() time.Duration
	// Offset is how far the time that is told is ahead of the kernel's clock. Nil: not at all.
	Offset func() time.Duration
	Log    *slog.Logger
	Port   uint16 // 0: that of NTP
}

// Sockets are those of one link. They implement links.Socket.
type Sockets struct {
	o       Options
	link    string
	index   int
	all     []*socket
	stop    chan struct{} // closed when nothing is served any more
	running sync.WaitGroup
	once    sync.Once
}

// Listen opens the sockets of a link; Serve has them used. Without such a link the error is links.ErrAbsent.
// A machine without IPv6 is served by IPv4.
func Listen(link string, o Options) (*Sockets, error) {
	if o.Port == 0 {
		o.Port = wire.Port
	}
	if o.Offset == nil {
		o.Offset = func() time.Duration { return 0 }
	}
	iface, err := links.Named(link)
	if err != nil {
		return nil, err
	}
	s := &Sockets{o: o, link: link, index: iface.Index, stop: make(chan struct{})}
	for _, domain := range [...]int{unix.AF_INET, unix.AF_INET6} {
		fd, err := open(domain, link, o.Port)
		if errors.Is(err, unix.EAFNOSUPPORT) && domain == unix.AF_INET6 {
			o.Log.Info("the kernel has no IPv6", "link", link)
			continue
		}
		if err != nil {
			return nil, errors.Join(links.On(link, err), s.Close())
		}
		s.all = append(s.all, &socket{fd: fd, v6: domain == unix.AF_INET6, link: link, o: &s.o})
	}
	return s, nil
}

// Serve begins to answer, and returns. It is called once.
func (s *Sockets) Serve() {
	for _, one := range s.all {
		s.running.Go(func() { one.serve(s.stop) })
	}
}

// Check implements links.Socket.
func (s *Sockets) Check() error { return links.Check(s.link, s.index) }

// Close answers nobody any more, and closes the sockets.
func (s *Sockets) Close() error {
	var errs []error
	s.once.Do(func() {
		close(s.stop)
		for _, one := range s.all {
			one.shut()
		}
		s.running.Wait()
		for _, one := range s.all {
			errs = append(errs, os.NewSyscallError("close", unix.Close(one.fd)))
		}
	})
	return errors.Join(errs...)
}

// receiveBuffer is what the kernel may hold of questions not yet read, in bytes; it allows twice as many, and
// counts 768 for a question: 1,300, of which the last waits for some 3 ms. Who waits longer measures our
// queue.
const receiveBuffer = 512 << 10

// open opens the socket of a family. It blocks: its thread waits in the kernel.
func open(domain int, link string, port uint16) (int, error) {
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("UDP socket", err)
	}
	if err := prepare(fd, domain, link, port); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// prepare binds a socket. It gets no SO_BROADCAST: what claims to come from a broadcast address is never
// answered there; and no SO_REUSEADDR: nobody else gets a socket on the same port of the link.
func prepare(fd, domain int, link string, port uint16) error {
	mmsg.SetRoom(fd, receiveBuffer)
	level, info := unix.IPPROTO_IP, unix.IP_PKTINFO
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(port)}
	if domain == unix.AF_INET6 {
		level, info = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
		to = &unix.SockaddrInet6{Port: int(port)}
		if err := unix.SetsockoptInt(fd, level, unix.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("IPv6 only", err)
		}
	}
	if err := unix.SetsockoptInt(fd, level, info, 1); err != nil {
		return os.NewSyscallError("receive the address that was asked", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("receive the time of arrival", err)
	}
	if err := unix.BindToDevice(fd, link); err != nil {
		return os.NewSyscallError("bind to the link", err)
	}
	return os.NewSyscallError("listen by UDP on port "+strconv.Itoa(int(port)), unix.Bind(fd, to))
}

// zoned returns an address with its zone, if it needs one.
func zoned(addr netip.Addr, link string) netip.Addr {
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		return addr.WithZone(link)
	}
	return addr
}
