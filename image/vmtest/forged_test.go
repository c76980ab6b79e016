package vmtest

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const floodTick = 5 * time.Millisecond

// A forgery is a kind of frame, and how many of them are sent a second.
type forgery struct {
	rate int
	make func(*rand.Rand) []byte
}

// flood sends until it is stopped, which says how many frames there were.
func flood(t *testing.T, from *testnet.Namespace, kinds ...forgery) (stop func() int) {
	t.Helper()
	fd := -1
	err := from.Do(func() error {
		link, err := net.InterfaceByName(eth0)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: link.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	done, sent := make(chan struct{}), make(chan int, 1)
	go func() {
		defer unix.Close(fd)
		n := 0
		r := rand.New(rand.NewPCG(1, 1))
		ticker := time.NewTicker(floodTick) // which catches up with nothing
		defer ticker.Stop()
		for {
			select {
			case <-done:
				sent <- n
				return
			case <-ticker.C:
			}
			for _, k := range kinds {
				for range k.rate * int(floodTick) / int(time.Second) {
					_, _ = unix.Write(fd, k.make(r)) // a frame for which there is no room is lost
					n++
				}
			}
		}
	}()
	return func() int { close(done); return <-sent }
}

// attacked is the appliance on one link.
type attacked struct {
	mac    string
	v4, v6 netip.Addr
}

// discovery asks for the appliance, by one card or each time by another.
func (a attacked) discovery(others bool) []forgery {
	return []forgery{
		{floodARP, func(r *rand.Rand) []byte { return a.arp(r, others) }},
		{floodSolicits, func(r *rand.Rand) []byte { return a.solicit(r, others) }},
	}
}

// neighbours are echo requests of hosts of the link's networks.
func (a attacked) neighbours(others bool) []forgery {
	local := netip.MustParsePrefix("fe80::/64")
	return []forgery{
		{floodPackets, func(r *rand.Rand) []byte { return a.packet(r, others, within(r, a.network()), a.v4, 1, echoRequest(8)) }},
		{floodPackets, func(r *rand.Rand) []byte { return a.packet(r, others, within(r, local), a.v6, 58, echoRequest(128)) }},
	}
}

// scan are UDP packets of strangers to the LAN, and of hosts of the network upstream.
func (a attacked) scan() []forgery {
	lan4, lan6 := netip.MustParsePrefix("192.168.0.0/18"), netip.MustParsePrefix("2001:db8:0:20::/64")
	some4, some6 := netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8:f00::/48")
	near6 := netip.MustParsePrefix("2001:db8:0:1::/64")
	return []forgery{
		{floodPackets, func(r *rand.Rand) []byte {
			return a.packet(r, false, within(r, some4), within(r, lan4), 17, datagram(r))
		}},
		{floodPackets, func(r *rand.Rand) []byte {
			return a.packet(r, false, within(r, some6), within(r, lan6), 17, datagram(r))
		}},
		{floodPackets, func(r *rand.Rand) []byte {
			return a.packet(r, false, within(r, near6), within(r, lan6), 17, datagram(r))
		}},
	}
}

// network is the IPv4 network of the link.
func (a attacked) network() netip.Prefix { return netip.PrefixFrom(a.v4, 24).Masked() }

// within is an address of a network by chance.
func within(r *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= byte(r.IntN(2)) << (7 - i%8)
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

func (a attacked) card() net.HardwareAddr { return card(a.mac) }

func card(text string) net.HardwareAddr {
	mac, _ := net.ParseMAC(text)
	return mac
}

func randomMAC(r *rand.Rand) net.HardwareAddr {
	return binary.BigEndian.AppendUint32([]byte{2, 0}, r.Uint32())
}

// sender is the card that a frame comes from.
func sender(r *rand.Rand, others bool) net.HardwareAddr {
	if others {
		return randomMAC(r)
	}
	return card(floodingMAC)
}

// arp asks for the appliance as somebody of the link, or of another network.
func (a attacked) arp(r *rand.Rand, others bool) []byte {
	from := sender(r, others)
	named, as := from, binary.BigEndian.AppendUint32(nil, r.Uint32())
	if !others && r.IntN(2) == 0 {
		named = randomMAC(r)
	}
	if r.IntN(2) == 0 {
		as = a.network().Addr().AsSlice()
		as[3] = byte(11 + r.IntN(89)) // who takes what others have is another matter
	}
	b := append(a.card(), from...)
	b = append(append(b, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1), named...)
	return append(append(append(b, as...), make([]byte, 6)...), a.v4.AsSlice()...)
}

// solicit asks for the appliance from a link-local address that nobody has.
func (a attacked) solicit(r *rand.Rand, others bool) []byte {
	from := sender(r, others)
	source := within(r, netip.MustParsePrefix("fe80::/64"))
	message := append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, a.v6.AsSlice()...)
	return a.frame(from, source, a.v6, 58, 255, append(append(message, 1, 1), from...))
}

// packet is one of IP.
func (a attacked) packet(r *rand.Rand, others bool, source, target netip.Addr, protocol byte, payload []byte) []byte {
	return a.frame(sender(r, others), source, target, protocol, 64, payload)
}

// echoRequest is an echo request.
func echoRequest(kind byte) []byte { return []byte{kind, 0, 0, 0, 0, 1, 0, 1} }

// datagram is one of UDP without a checksum yet.
func datagram(r *rand.Rand) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(1024+r.IntN(60000))), 0x13, 0x88, 0, 8, 0, 0)
}

// frame puts the headers of IP and Ethernet before a payload, with checksums.
func (a attacked) frame(from net.HardwareAddr, source, target netip.Addr, protocol, hops byte, payload []byte) []byte {
	b := append(a.card(), from...)
	at := map[byte]int{1: 2, 17: 6, 58: 2}[protocol]
	pseudo := append(source.AsSlice(), target.AsSlice()...)
	if protocol == 1 {
		pseudo = nil
	} else {
		pseudo = append(pseudo, 0, 0, byte(len(payload)>>8), byte(len(payload)), 0, protocol)
	}
	binary.BigEndian.PutUint16(payload[at:], ^internetSum(append(pseudo, payload...)))
	if source.Is6() {
		b = append(b, 0x86, 0xdd, 0x60, 0, 0, 0, byte(len(payload)>>8), byte(len(payload)), protocol, hops)
		return append(append(append(b, source.AsSlice()...), target.AsSlice()...), payload...)
	}
	head := append([]byte{0x45, 0, 0, byte(20 + len(payload)), 0, 1, 0, 0, hops, protocol, 0, 0}, source.AsSlice()...)
	head = append(head, target.AsSlice()...)
	binary.BigEndian.PutUint16(head[10:], ^internetSum(head))
	return append(append(append(b, 0x08, 0x00), head...), payload...)
}

// internetSum is the sum of RFC 1071.
func internetSum(b []byte) uint16 {
	s := uint32(0)
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
