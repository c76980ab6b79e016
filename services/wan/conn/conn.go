package conn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// Ports, RFC 2131 section 4.1.
const (
	serverPort = 67
	clientPort = 68
)

const (
	// MaxMessage is the longest message that is read, in bytes. A client says what it
	// takes (option 57); this is twice what fits into an Ethernet frame.
	MaxMessage = 3000
	// headers is the longest that IP and UDP can have before it.
	headers = 60 + 8
	// readBurst messages are read at once, and then one each readEvery: more than all
	// servers of a link can have to say to one client.
	readBurst = 64
	readEvery = 10 * time.Millisecond
	// bufferSize is what the kernel may hold of messages not yet read, in bytes as it
	// counts them: a few hundred.
	bufferSize = 512 << 10
)

// A Conn receives and sends messages on one link. Read, Send and Close may be called at
// the same time; each of Read and Counts must not be called by two goroutines at once.
type Conn struct {
	Link
	packet *rawsocket.Packet
	port   *net.UDPConn
	pace   *ratelimit.Bucket
	buf    [headers + MaxMessage]byte
	closed chan struct{}
	counts counts
	lost   uint64
}

// A Message is a UDP datagram that came to port 68.
type Message struct {
	Payload []byte // valid until the next Read
	From    netip.Addr
	// MAC is the station that it came from: the server's, a relay agent's or a router's.
	MAC ethernet.MAC
}

// Open opens the sockets on the link called name; priority is that of Link. Without such a
// link the error is links.ErrAbsent. Others are those of package os; EADDRINUSE says that
// another client runs on the link.
func Open(name string, priority int) (*Conn, error) {
	l, err := Find(name)
	if err != nil {
		return nil, err
	}
	l.Priority = priority
	c := &Conn{Link: l, pace: ratelimit.NewBucket(readBurst, readEvery), closed: make(chan struct{})}
	c.packet, err = l.open("DHCP", rawsocket.Options{
		Protocol: rawsocket.IPv4, Filter: l.answers(), Buffer: bufferSize,
	})
	if err != nil {
		return nil, err
	}
	if c.port, err = holdPort(name); err != nil {
		return nil, errors.Join(links.On(name, err), c.packet.Close())
	}
	return c, nil
}

// answers keeps what could be an answer to a client with the address of the link.
func (l Link) answers() rawsocket.Filter {
	const (
		protocol, udp    = 9, 17
		fragment         = 6      // flags and offset
		moreOrOffset     = 0x3fff // any fragment has one of them
		destination      = 2      // in UDP, behind the IP header
		op, reply, owner = 8, 2, 8 + 28
	)
	at := func(off, size uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: off, Size: int(size)} }
	behind := func(off, size uint32) bpf.Instruction { return bpf.LoadIndirect{Off: off, Size: int(size)} }
	f := rawsocket.OfLink(l.Index).
		Unless(at(protocol, 1), udp).
		DropBits(at(fragment, 2), moreOrOffset)
	f = append(f, bpf.LoadMemShift{Off: 0}) // X is the length of the IP header
	return f.
		Unless(behind(destination, 2), clientPort).
		Unless(behind(op, 1), reply).
		Unless(behind(owner, 4), binary.BigEndian.Uint32(l.MAC[:])).
		Accept(behind(owner+4, 2), uint32(binary.BigEndian.Uint16(l.MAC[4:])))
}

// holdPort opens an ordinary socket for our port on the link, that receives nothing.
func holdPort(name string) (*net.UDPConn, error) {
	nothing, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{}})
	if err != nil {
		return nil, err
	}
	drop := unix.SockFilter{Code: nothing[0].Op, K: nothing[0].K}
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		ctl := rc.Control(func(fd uintptr) {
			err = errors.Join(unix.BindToDevice(int(fd), name),
				unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET,
					unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop}))
		})
		return errors.Join(ctl, err)
	}}
	pc, err := lc.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", clientPort))
	if err != nil {
		return nil, err
	}
	return pc.(*net.UDPConn), nil
}

// Read waits for the next message. After Close the error is net.ErrClosed.
func (c *Conn) Read() (Message, error) {
	for {
		if err := wait(c.pace, c.closed); err != nil {
			return Message{}, err
		}
		r, err := c.packet.Read(c.buf[:])
		if err != nil {
			return Message{}, err
		}
		if r.Cut {
			c.counts.tooLong.Add(1)
			continue
		}
		d, err := ethernet.ReadDatagram(c.buf[:r.Len], r.Partial)
		switch {
		case errors.Is(err, ethernet.ErrChecksum):
			c.counts.checksum.Add(1)
		case err != nil || d.Destination.Port() != clientPort:
			c.counts.malformed.Add(1)
		default:
			c.counts.received.Add(1)
			if r.Partial {
				c.counts.partial.Add(1)
			}
			return Message{d.Payload, d.Source.Addr(), r.From}, nil
		}
	}
}

// wait waits until another message may be read.
func wait(pace *ratelimit.Bucket, closed <-chan struct{}) error {
	for {
		if ok, _ := pace.Take(time.Now()); ok {
			return nil
		}
		select {
		case <-time.After(readEvery):
		case <-closed:
			return net.ErrClosed
		}
	}
}

// Close closes the sockets and ends a Read that waits.
func (c *Conn) Close() error {
	close(c.closed)
	return errors.Join(c.packet.Close(), c.port.Close())
}

// Counts say what came to port 68 that the kernel let in: it could be an answer to us.
type Counts struct {
	Received  uint64 `json:"received"`  // messages
	Partial   uint64 `json:"partial"`   // of these, whose sender left the checksum to hardware
	Malformed uint64 `json:"malformed"` // no whole datagram
	Checksum  uint64 `json:"checksum"`  // with a wrong checksum
	TooLong   uint64 `json:"too_long"`
	Lost      uint64 `json:"lost"` // that came faster than they are read
}

type counts struct{ received, partial, malformed, checksum, tooLong atomic.Uint64 }

// Counts returns the counts since Open.
func (c *Conn) Counts() Counts {
	c.lost += c.packet.Lost()
	return Counts{
		Received: c.counts.received.Load(), Partial: c.counts.partial.Load(),
		Malformed: c.counts.malformed.Load(), Checksum: c.counts.checksum.Load(),
		TooLong: c.counts.tooLong.Load(), Lost: c.lost,
	}
}
