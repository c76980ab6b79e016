package front

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/mmsg"
)

// A family is what IPv4 and IPv6 call the same things.
type family struct {
	domain   int
	level    int
	any      string
	network  string
	pktinfo  int // receive the address that was asked
	discover int // path MTU discovery
	omit     int // none
}

// families are those that are served: without the first nothing is.
var families = [...]family{
	{unix.AF_INET, unix.IPPROTO_IP, "0.0.0.0", "tcp4", unix.IP_PKTINFO, unix.IP_MTU_DISCOVER,
		unix.IP_PMTUDISC_OMIT},
	{unix.AF_INET6, unix.IPPROTO_IPV6, "::", "tcp6", unix.IPV6_RECVPKTINFO, unix.IPV6_MTU_DISCOVER,
		unix.IPV6_PMTUDISC_OMIT},
}

const (
	// udpReceive is what the kernel may hold of queries not yet read, in octets; it allows twice as many, and
	// counts about 770 for a query: 5,000 of them, 40 ms of all that one core can answer. That is how long
	// the thread may have to wait for a processor on a busy small machine. More would be answers that come
	// too late. A machine of little memory holds less.
	udpReceive = 2 << 20
	// udpSend is the same for replies. A reply is charged until it has left, and those for a client that is
	// not there stay for three seconds, until nobody has said that he has its address: 280 of them by Linux's
	// default, 21 with that of the appliance (neigh/default/unres_qlen_bytes). So there must be room for a
	// network of those, whom anybody on the link can forge, beside the replies for others.
	udpSend = 4 << 20
	// tcpReceive and tcpSend are what the kernel holds for one connection: queries are short, and answers
	// that are not taken are to stop the next query soon. Left alone, it would hold megabytes.
	tcpReceive = 16 << 10
	tcpSend    = 64 << 10
)

// openUDP opens the datagram socket of a family. It blocks: its thread waits in the kernel.
func openUDP(s *Sockets, f family) (*udpSocket, error) {
	fd, err := unix.Socket(f.domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("UDP socket", err)
	}
	if err = prepareUDP(fd, s.link, f, s.o.Port); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return newUDP(fd, f, s), nil
}

func prepareUDP(fd int, link string, f family, port uint16) error {
	mmsg.SetRoom(fd, udpReceive)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, udpSend) != nil {
		// never fails: it is cut to the limit
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, udpSend)
	}
	if f.domain == unix.AF_INET6 {
		if err := unix.SetsockoptInt(fd, f.level, unix.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("IPv6 only", err)
		}
	}
	if err := unix.SetsockoptInt(fd, f.level, f.pktinfo, 1); err != nil {
		return os.NewSyscallError("receive the address that was asked", err)
	}
	// A forged ICMP message "fragmentation needed" must not have replies come in fragments, of which the
	// second can be forged too. So what is said about the path is ignored, as unbound, BIND, NSD and PowerDNS
	// do: replies of 1232 octets pass everywhere, and where they would not, a router may still cut them.
	if err := unix.SetsockoptInt(fd, f.level, f.discover, f.omit); err != nil {
		return os.NewSyscallError("ignore the path MTU", err)
	}
	// No SO_BROADCAST: what claims to come from a broadcast address is so never answered there.
	// No SO_REUSEADDR: nobody else gets a socket on the same port of this link.
	if err := unix.BindToDevice(fd, link); err != nil {
		return os.NewSyscallError("bind to the link", err)
	}
	var to unix.Sockaddr = &unix.SockaddrInet4{Port: int(port)}
	if f.domain == unix.AF_INET6 {
		to = &unix.SockaddrInet6{Port: int(port)}
	}
	return os.NewSyscallError("listen by UDP on port "+strconv.Itoa(int(port)), unix.Bind(fd, to))
}

// listenTCP opens the listening socket of a family. Connections have its link and its buffers.
func listenTCP(link string, f family, port uint16) (net.Listener, error) {
	lc := net.ListenConfig{
		KeepAlive: -1, // a connection does not live that long
		Control: func(_, _ string, rc syscall.RawConn) error {
			var err error
			ctl := rc.Control(func(fd uintptr) {
				err = os.NewSyscallError("bind to the link", unix.BindToDevice(int(fd), link))
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, tcpReceive)
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, tcpSend)
			})
			return errors.Join(ctl, err)
		},
	}
	return lc.Listen(context.Background(), f.network, net.JoinHostPort(f.any, strconv.Itoa(int(port))))
}
