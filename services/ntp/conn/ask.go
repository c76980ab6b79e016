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

	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
)

// A Moment is one on the machine's clocks.
type Moment struct {
	kernel.Reading
	// Kernel: it is when the packet passed the driver of the card. Otherwise the program looked at the clock
	// before it sent, or after it received: some 10 µs off on a machine that is idle, and milliseconds on one
	// that is not.
	Kernel bool
}

// An Answer is what came from who was asked.
type Answer struct {
	Octets         []byte // until accept returns
	Sent, Received Moment // the question, and this
	// Jump is by how much the clock was set meanwhile, 0 if it was not: see kernel.Jump.
	Jump time.Duration
	// Local is the address that the question was sent from.
	Local netip.Addr
}

// A Clock is read when questions go and answers come.
type Clock interface {
	Now() kernel.Reading
	// Ahead is how far it is ahead of the clock by which the kernel marks packets.
	Ahead() time.Duration
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
type Asker struct {
	clock  Clock
	places chan struct{}
}

// NewAsker returns one that reads a clock.
func NewAsker(clock Clock) *Asker { return &Asker{clock, make(chan struct{}, maxAsking)} }

// Ask sends a question, by a socket of its own, and hands what the server sends to accept until that returns
// true, or ctx ends, whose error it is then. That the server refuses, and that there is no way to it, are
// errors at once.
func (a *Asker) Ask(ctx context.Context, to netip.AddrPort, question []byte,
	accept func(Answer) bool) (err error) {
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
	err = a.exchange(c, question, accept)
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// wantTimes has the kernel say when packets pass the driver.
func wantTimes(fd int) error {
	const flags = unix.SOF_TIMESTAMPING_SOFTWARE | unix.SOF_TIMESTAMPING_RX_SOFTWARE |
		unix.SOF_TIMESTAMPING_TX_SOFTWARE | unix.SOF_TIMESTAMPING_OPT_TSONLY
	return os.NewSyscallError("times of packets",
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPING, flags))
}

// exchange sends the question and reads what comes. Times of the kernel are moments of its clock: where the
// free one was then lies between two readings of both.
func (a *Asker) exchange(c *net.UDPConn, question []byte, accept func(Answer) bool) error {
	began := a.clock.Now()
	answer := Answer{}
	if from, ok := c.LocalAddr().(*net.UDPAddr); ok {
		answer.Local = from.AddrPort().Addr().Unmap()
	}
	if _, err := c.Write(question); err != nil {
		return err
	}
	var octets [answerSize]byte
	var control [256]byte
	sent, sentKnown := int64(0), false
	for range maxAnswers {
		n, oobn, flags, _, err := c.ReadMsgUDPAddrPort(octets[:], control[:])
		if err != nil {
			return err
		}
		now := a.clock.Now()
		if !sentKnown {
			sent, sentKnown = sentTime(c)
		}
		if flags&unix.MSG_TRUNC != 0 {
			continue
		}
		received, receivedKnown := kernelTime(control[:oobn])
		answer.Octets, answer.Jump = octets[:n], kernel.Jump(began, now)
		steady := answer.Jump == 0 // otherwise the kernel's times lie on two clocks
		answer.Sent = a.moment(began, now, began, sent, sentKnown && steady)
		answer.Received = a.moment(began, now, now, received, receivedKnown && steady)
		if accept(answer) {
			return nil
		}
	}
	return fmt.Errorf("%d messages, and none was an answer", maxAnswers)
}

// moment is that of a packet by the kernel's time of it, if it is known and lies between two readings;
// otherwise the reading that is given.
func (a *Asker) moment(from, to, own kernel.Reading, marked int64, known bool) Moment {
	real := marked + int64(a.clock.Ahead())
	if !known || real < from.Real-int64(from.Spread) || real > to.Real+int64(to.Spread) {
		return Moment{Reading: own}
	}
	return Moment{kernel.Reading{Free: kernel.FreeAt(from, to, real), Real: real,
		Spread: max(from.Spread, to.Spread)}, true}
}

// sentTime looks for when the question was sent, on the clock by which the kernel marks packets: it lies in
// the socket's error queue since then.
func sentTime(c *net.UDPConn) (at int64, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false
	}
	_ = raw.Control(func(fd uintptr) { // fails once the socket is closed: nobody wants to know
		var control [256]byte
		_, oobn, _, _, err := unix.Recvmsg(int(fd), nil, control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if err == nil {
			at, ok = kernelTime(control[:oobn])
		}
	})
	return at, ok
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
