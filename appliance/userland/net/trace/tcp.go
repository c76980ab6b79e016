package trace

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
)

// tcpProber begins connections to a port, which firewalls let through that drop everything else. An answer of
// the target is that it takes one or refuses it; the connection is reset then, and says nothing.
type tcpProber struct {
	errors *probe.Socket
	target netip.Addr
	port   int
	o      probe.Options
	wait   time.Duration
	direct chan answer // of the target

	lock  sync.Mutex
	ports map[uint16]int // sequence numbers by the port that a probe is from
}

func openTCP(ctx context.Context, target netip.Addr, o probe.Options, port int, wait time.Duration) (prober,
	error) {
	s, err := probe.Open(ctx, target, probe.Options{})
	if err != nil {
		return nil, err
	}
	return &tcpProber{
		errors: s, target: target, port: port, o: o, wait: wait,
		direct: make(chan answer, 16), ports: map[uint16]int{},
	}, nil
}

func (p *tcpProber) send(seq, ttl int) error {
	o := p.o
	o.TTL = ttl
	fd, local, err := o.Stream(p.target)
	if err != nil {
		return err
	}
	p.lock.Lock() // a message about it may be there before connect(2) returns
	p.ports[local] = seq
	p.lock.Unlock()
	err = unix.Connect(fd, probe.Sockaddr(netip.AddrPortFrom(p.target, uint16(p.port))))
	if err != nil && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.ECONNREFUSED) {
		unix.Close(fd)
		return os.NewSyscallError("connect", err)
	}
	go p.await(fd, seq)
	return nil
}

// await waits for what the target says, and closes.
func (p *tcpProber) await(fd, seq int) {
	defer unix.Close(fd)
	ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for end := time.Now().Add(p.wait); ; {
		n, err := unix.Poll(ready, max(0, int(time.Until(end).Milliseconds())))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 || err != nil {
			return
		}
		break
	}
	at := time.Now()
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || code != 0 && unix.Errno(code) != unix.ECONNREFUSED {
		return // of a router there is a message
	}
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // reset
	select {
	case p.direct <- answer{seq: seq, from: p.target, at: at, arrived: true}:
	default:
	}
}

func (p *tcpProber) receive(ctx context.Context, answers chan<- answer) {
	go p.errors.Receive(ctx, func(a probe.Arrival) {
		if a.Protocol != probe.TCP || a.Kind == probe.Reply || int(a.To) != p.port ||
			a.Target != p.target.WithZone("") {
			return
		}
		p.lock.Lock()
		seq, ok := p.ports[a.Message.From]
		p.lock.Unlock()
		if ok {
			pass(ctx, answers, answerOf(seq, a))
		}
	})
	for {
		select {
		case a := <-p.direct:
			pass(ctx, answers, a)
		case <-ctx.Done():
			return
		}
	}
}

func (p *tcpProber) close() { p.errors.Close() }
