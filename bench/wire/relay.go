package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// A Relay is the socket of the relay agent. One goroutine may send while another receives.
type Relay struct {
	fd      int
	reply   []byte
	control []byte
}

// SocketBuffer is room for more answers than a server sends while a benchmark does not look.
const SocketBuffer = 32 << 20

// Listen opens the socket of the relay agent.
func (n *Network) Listen() (*Relay, error) {
	r := &Relay{reply: make([]byte, 2048), control: make([]byte, unix.CmsgSpace(timeLen))}
	return r, n.Among(func() (err error) {
		if r.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		err = errors.Join(
			unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, SocketBuffer),
			unix.SetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.Bind(r.fd, &unix.SockaddrInet4{Port: 67, Addr: netip.MustParseAddr(RelayAddr).As4()}),
			unix.Connect(r.fd, &unix.SockaddrInet4{Port: 67, Addr: netip.MustParseAddr(ServerAddr).As4()}))
		if err != nil {
			return fmt.Errorf("socket of the relay agent: %w", errors.Join(err, unix.Close(r.fd)))
		}
		return nil
	})
}

// Close closes the socket.
func (r *Relay) Close() { _ = unix.Close(r.fd) }

// SetWait bounds how long Receive waits.
func (r *Relay) SetWait(limit time.Duration) error {
	wait := unix.NsecToTimeval(int64(limit))
	return unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)
}

// Send sends a message to the server.
func (r *Relay) Send(msg []byte) error { return unix.Send(r.fd, msg, 0) }

// Nothing reports whether an error of Receive means that no answer came: the time is over, or nobody listens.
func Nothing(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNREFUSED)
}

// Receive waits for an answer.
func (r *Relay) Receive() (a Answer, err error) {
	n, nc, _, _, err := unix.Recvmsg(r.fd, r.reply, r.control, 0)
	if err != nil {
		return a, err
	}
	if a, err = parseAnswer(r.reply[:n]); err != nil {
		return a, err
	}
	a.At, err = ParseTimestamp(r.control[:nc])
	return a, err
}

// timeLen is the length of a timestamp: two 64-bit numbers.
const timeLen = 16

// ParseTimestamp reads SO_TIMESTAMPNS: Unix time in nanoseconds.
func ParseTimestamp(control []byte) (int64, error) {
	all, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(all) != 1 || all[0].Header.Type != unix.SCM_TIMESTAMPNS ||
		len(all[0].Data) < timeLen {
		return 0, errors.Join(errors.New("an answer without the time of its arrival"), err)
	}
	seconds, rest := binary.NativeEndian.Uint64(all[0].Data), binary.NativeEndian.Uint64(all[0].Data[8:])
	return int64(seconds)*int64(time.Second) + int64(rest), nil
}
