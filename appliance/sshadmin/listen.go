package sshadmin

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
)

// listen opens the socket of one endpoint.
func listen(ctx context.Context, e sshcfg.Endpoint) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var serr error
		if err := c.Control(func(fd uintptr) { serr = setListenOptions(int(fd), e) }); err != nil {
			return err
		}
		return serr
	}}
	network := "tcp4" // each family its own, also of a wildcard
	if e.Address.Addr().Is6() {
		network = "tcp6"
	}
	l, err := lc.Listen(ctx, network, e.Address.String())
	if err != nil {
		return nil, fmt.Errorf("ssh: %w", err)
	}
	return l, nil
}

// unreadRoom is how many bytes of a connection the kernel keeps that nobody has read, which it doubles for
// what they take (socket(7), SO_RCVBUF). By itself it keeps more than 64 kB of each, and as many as wait to
// be accepted took 9 MB.
const unreadRoom = 16 << 10

// setListenOptions prepares an unbound socket for e.
func setListenOptions(fd int, e sshcfg.Endpoint) error {
	level, option := unix.IPPROTO_IP, unix.IP_FREEBIND
	if e.Address.Addr().Is6() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_FREEBIND
	}
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return fmt.Errorf("listen before the address is there: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, unreadRoom); err != nil {
		return fmt.Errorf("bound what is not yet read: %w", err)
	}
	if e.Interface == "" {
		return nil
	}
	if err := unix.BindToDevice(fd, e.Interface); err != nil {
		return fmt.Errorf("listen on interface %s only: %w", e.Interface, err)
	}
	return nil
}
