package conn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Moment is one on the kernel's clock.
type Moment struct {
	// At is in nanoseconds since 1970.
	At int64
	// Kernel: it is when the packet passed the driver of the card. Otherwise the program looked at the clock
	// before it sent, or after it received: some 10 µs off on a machine that is idle, and milliseconds on one
	// that is not.
	Kernel bool
}

// An Answer is what came from who was asked.
type Answer struct {
	Octets         []byte // until accept returns
	Sent, Received Moment // the question, and this
	// Waited is how long it took from one to the other on a clock that never jumps, as the program saw it. Where
	// Sent and Received are much farther apart or closer, the clock was set meanwhile, or the machine did not
	// run.
	Waited time.Duration
	// Local is the address that the question was sent from.
	Local netip.Addr
}

const (
	// maxAsking is how many questions are outstanding at a time.
	maxAsking = 64
	// maxAnswers is how many messages to one question are looked at.
	maxAnswers = 32
	// answerSize is the longest that is read.
	answerSize = 1500
)

// ErrBusy is that too many questions are outstanding.
var ErrBusy = fmt.Errorf("%d questions are outstanding already", maxAsking)

// An Asker asks servers. It may be used by several goroutines.
type Asker struct{ places chan struct{} }

// NewAsker returns one.
func NewAsker() *Asker { return &Asker{make(chan struct{}, maxAsking)} }

// Ask sends a question, by a socket of its own, and hands what the server sends to accept until that returns true,
// or ctx ends, whose error it is then. That the server refuses, and that there is no way to it, are errors at once.
func (a *Asker) Ask(ctx context.Context, to netip.AddrPort, question []byte, accept func(Answer) bool) (err error) {
	select {
	case a.places <- struct{}{}:
		defer func() { <-a.places }()
	default:
		return ErrBusy
	}
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var opt error
		return errors.Join(c.Control(func(fd uintptr) { opt = wantTimes(int(fd)) }), opt)
	}}
	dialed, err := d.DialContext(ctx, "udp", to.String())
	if err != nil {
		return err
	}
	defer dialed.Close()
	c, _ := dialed.(*net.UDPConn)
	defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })()
	err = exchange(c, question, accept)
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// wantTimes has the kernel say when packets pass the driver.
func wantTimes(fd int) error {
	const flags = unix.SOF_TIMESTAMPING_SOFTWARE | unix.SOF_TIMESTAMPING_RX_SOFTWARE |
		unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_OPT_TSONLY
	return os.NewSyscallError("times of packets", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags))
}

func exchange(c *net.UDPConn, question []byte, accept func(Answer) bool) error {
	began := time.Now()
	answer := Answer{Sent: Moment{At: began.UnixNano()}}
	if from, ok := c.LocalAddr().(*net.UDPAddr); ok {
		answer.Local = from.AddrPort().Addr().Unmap()
	}
	if _, err := c.Write(question); err != nil {
		return err
	}
	var octets [answerSize]byte
	var control [256]byte
	for range maxAnswers {
		n, oobn, flags, _, err := c.ReadMsgUDPAddrPort(octets[:], control[:])
		if err != nil {
			return err
		}
		now := time.Now()
		if !answer.Sent.Kernel {
			sentTime(c, &answer.Sent)
		}
		if flags&unix.MSG_TRUNC != 0 {
			continue
		}
		answer.Octets, answer.Waited, answer.Received = octets[:n], now.Sub(began), Moment{At: now.UnixNano()}
		if at, ok := kernelTime(control[:oobn]); ok {
			answer.Received = Moment{At: at, Kernel: true}
		}
		if accept(answer) {
			return nil
		}
	}
	return fmt.Errorf("%d messages, and none was an answer", maxAnswers)
}

// sentTime looks for when the question was sent: it lies in the socket's error queue since then.
func sentTime(c *net.UDPConn, sent *Moment) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { // fails once the socket is closed: nobody wants to know
		var control [256]byte
		_, oobn, _, _, err := unix.Recvmsg(int(fd), nil, control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err != nil {
			return
		}
		if at, ok := kernelTime(control[:oobn]); ok {
			*sent = Moment{At: at, Kernel: true}
		}
	})
}

// kernelTime finds the time of a packet among control messages: the first of three (SCM_TIMESTAMPING).
func kernelTime(control []byte) (ns int64, ok bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0, false
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPING &&
			len(m.Data) >= int(unsafe.Sizeof(unix.ScmTimestamping{})) {
			ns = (*unix.ScmTimestamping)(unsafe.Pointer(&m.Data[0])).Ts[0].Nano()
			return ns, ns != 0
		}
	}
	return 0, false
}
