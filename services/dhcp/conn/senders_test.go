package conn

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// frames is a socket of somebody who writes whole frames, with any card as their source.
type frames struct {
	t  *testing.T
	fd int
}

func openFrames(t *testing.T, n *testnet.Namespace, link string) frames {
	t.Helper()
	f := frames{t: t}
	err := n.Do(func() (err error) {
		f.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(f.fd) })
	return f
}

// send sends an IP packet by a link in a frame of a card.
func (f frames) send(n *testnet.Namespace, link string, from lease.MAC, packet []byte) {
	f.t.Helper()
	index := 0
	if err := n.Do(func() error {
		var ifr, err = unix.NewIfreq(link)
		if err == nil {
			err = unix.IoctlIfreq(f.fd, unix.SIOCGIFINDEX, ifr)
			index = int(ifr.Uint32())
		}
		return err
	}); err != nil {
		f.t.Fatal(err)
	}
	everybody := ethernet.Everybody()
	frame := append(append(append([]byte{}, everybody[:]...), from[:]...), 8, 0)
	if err := unix.Sendto(f.fd, append(frame, packet...), 0, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
		f.t.Fatal(err)
	}
}

// message is one of a card to a server, as far as is looked at here.
func message(xid uint32, card lease.MAC, agent byte) []byte {
	m := make([]byte, 240)
	m[0], m[27] = 1, agent
	binary.BigEndian.PutUint32(m[bootpXID:], xid)
	copy(m[bootpCHAddr:], card[:])
	return m
}

func datagram(m []byte) []byte {
	return ethernet.AppendDatagram(nil, netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67"), m)
}

// watched is a Conn whose frames are looked at.
func watched(t *testing.T) (*Conn, *testnet.Namespace) {
	t.Helper()
	c, _, client := open(t)
	if err := c.Watch(true); err != nil {
		t.Fatal(err)
	}
	return c, client
}

// TestUnwatched: while nobody watches it is not known who sent a message, and nothing is kept of it.
func TestUnwatched(t *testing.T) {
	c, _, client := open(t)
	f := openFrames(t, client, "eth0")
	by, card := lease.MAC{2, 0, 0, 0, 0, 1}, lease.MAC{2, 0, 0, 0, 0, 2}
	for i, on := range []bool{false, true, true, false, false, true} {
		if err := c.Watch(on); err != nil {
			t.Fatal(err)
		}
		want := lease.MAC{}
		if on {
			want = by
		}
		f.send(client, "eth0", by, datagram(message(1, card, 0)))
		if _, from, err := readFrom(c, make([]byte, 2048)); err != nil || from != want {
			t.Errorf("%d, watched %v: from %s, %v", i, on, from, err)
		}
		if len(c.senders.notes) > 0 {
			t.Errorf("%d, watched %v: notes %v", i, on, c.senders.notes)
		}
	}
	if err := errors.Join(c.Close(), c.Watch(false)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestSenders: of a message the card is told whose frame it came in, each time that it is sent.
func TestSenders(t *testing.T) {
	c, client := watched(t)
	f := openFrames(t, client, "eth0")
	card := lease.MAC{0, 0, 0x5e, 0, 0x53, 0x21}
	tail, head := lease.MAC{0, 0, 0x5e, 0, 0x53, 0x22}, lease.MAC{2, 0, 0x5e, 0, 0x53, 0x21}
	options := datagram(message(5, card, 0)) // an IP header of 24 bytes
	options = append(append(append([]byte{0x46}, options[1:20]...), 1, 1, 1, 0), options[20:]...)
	binary.BigEndian.PutUint16(options[2:], uint16(len(options)))
	binary.BigEndian.PutUint16(options[10:], 0)
	binary.BigEndian.PutUint16(options[10:], checksum(options[:24]))
	for i, tt := range []struct {
		what   string
		from   lease.MAC
		packet []byte
		want   lease.MAC
	}{
		{"its own card", card, datagram(message(1, card, 0)), card},
		{"another, by its end", tail, datagram(message(2, card, 0)), tail},
		{"another, by its beginning", head, datagram(message(3, card, 0)), head},
		{"the same again, by its own", card, datagram(message(3, card, 0)), card},
		{"through a relay agent", tail, datagram(message(4, card, 9)), card},
		{"with IP options", tail, options, tail},
		{"too short", tail, datagram(make([]byte, 20)), lease.MAC{}},
		{"empty", tail, datagram(nil), lease.MAC{}},
	} {
		f.send(client, "eth0", tt.from, tt.packet)
		b := make([]byte, 2048)
		n, from, err := readFrom(c, b)
		if tt.what == "empty" { // nothing is read, which is nothing to do
			continue
		}
		if err != nil || from != tt.want {
			t.Errorf("%d, %s: %d bytes from %s, %v, want %s", i, tt.what, n, from, err, tt.want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { c.senders.of(options) }); n != 0 {
		t.Errorf("it allocates %.0f times a message", n)
	}
	if len(c.senders.notes)+len(c.senders.older) != 0 {
		t.Errorf("notes are left: %v", c.senders.notes)
	}
}

// TestSendersKeepUp: while many wait to be read, some of them sent again, of each the right card is told.
func TestSendersKeepUp(t *testing.T) {
	c, client := watched(t)
	f := openFrames(t, client, "eth0")
	card := lease.MAC{0, 0, 0x5e, 0, 0x53, 0x21}
	const n = 99
	from := func(i int) lease.MAC {
		if i/3%3 == 0 {
			return card
		}
		return lease.MAC{2, 0, 0, 0, 1, byte(i / 3)}
	}
	for i := range n {
		f.send(client, "eth0", from(i), datagram(message(uint32(i/3), card, 0))) // three of each
	}
	for i := range n {
		b := make([]byte, 2048)
		if _, got, err := readFrom(c, b); err != nil || got != from(i) {
			t.Errorf("message %d is from %s, %v, want %s", i, got, err, from(i))
		}
	}
}

// TestSendersAreBounded: notes of messages that nobody reads are forgotten.
func TestSendersAreBounded(t *testing.T) {
	s := senders{notes: map[messageKey]note{}, older: map[messageKey]note{}}
	by := lease.MAC{2, 0, 0, 0, 0, 1}
	for i := range 10 * maxNotes {
		key, _ := keyOf(message(uint32(i), by, 0))
		s.add(key, by)
	}
	if n := len(s.notes) + len(s.older); n > 2*maxNotes {
		t.Errorf("%d notes", n)
	}
	for i, want := range map[uint32]lease.MAC{10*maxNotes - 1: by, 9 * maxNotes: by, 0: {}} {
		key, _ := keyOf(message(i, by, 0))
		if got, _ := s.noted(key); got != want {
			t.Errorf("message %d is from %s, want %s", i, got, want)
		}
	}
}

// readFrom waits for a message, or for one that is empty.
func readFrom(c *Conn, p []byte) (n int, from lease.MAC, err error) {
	if err = c.Wait(); err == nil {
		n, from, err = c.Read(p)
	}
	return n, from, err
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
