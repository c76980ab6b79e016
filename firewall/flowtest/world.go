package flowtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
)

// Ethernet types.
const (
	etherIPv4, etherARP, etherVLAN, etherIPv6 = 0x0800, 0x0806, 0x8100, 0x86dd
)

// patience bounds how long the box may take to answer; only a failure waits for so long.
const patience = 30 * time.Second

// A Wire carries Ethernet frames in order. Receive fails with os.ErrDeadlineExceeded.
type Wire interface {
	Send(frame []byte) error
	Receive(deadline time.Time) ([]byte, error)
}

// A World is the hosts around a box; see the package. It is not for concurrent use.
type World struct {
	wires   []Wire
	links   []Link
	hosts   []Host
	macs    []net.HardwareAddr // of the box's links
	seen    []Seen
	markers uint32
	found   int    // neighbours that the box has looked for
	marker  []byte // whom the answer that is waited for is for; nil when it has come
}

// Seen is a packet that came out to a host, or to everybody on a link, whose name then stands for the host's.
type Seen struct {
	Host   string
	Packet Packet
	SumOK  bool // its checksum is right; the box's own are not finished on a virtual link
}

// NewWorld puts hosts around a box and waits until the box answers on all links.
func NewWorld(wires []Wire, links []Link, hosts []Host) (*World, error) {
	w := &World{wires: wires, links: links, hosts: hosts, macs: make([]net.HardwareAddr, len(links))}
	for i := range links {
		if err := w.mark(i, patience*4); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Probe sends a packet from a host and returns all that comes out because of it.
func (w *World) Probe(from string, p Packet) ([]Seen, error) {
	w.seen = nil
	link, err := w.send(from, p)
	if err != nil {
		return nil, err
	}
	if err := w.settle(link); err != nil {
		return nil, fmt.Errorf("after %s from %s: %w", p, from, err)
	}
	return slices.DeleteFunc(w.seen, func(s Seen) bool { return w.chatter(s, p) }), nil
}

// send puts the packet on its host's link and returns the link's index.
func (w *World) send(from string, p Packet) (int, error) {
	i := slices.IndexFunc(w.hosts, func(h Host) bool { return h.Name == from })
	if i < 0 {
		return 0, fmt.Errorf("there is no host %q", from)
	}
	link := slices.IndexFunc(w.links, func(l Link) bool { return l.Name == w.hosts[i].Link })
	kind := uint16(etherIPv4)
	if p.Src.Addr().Is6() {
		kind = etherIPv6
	}
	for _, b := range p.bytes() {
		if err := w.frame(link, linkAddress(p.Dst.Addr(), w.macs[link]), w.hosts[i].MAC, kind,
			b); err != nil {
			return 0, err
		}
	}
	return link, nil
}

// linkAddress is where a packet to a goes on Ethernet.
func linkAddress(a netip.Addr, box net.HardwareAddr) net.HardwareAddr {
	b := a.AsSlice()
	switch {
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return bytes.Repeat([]byte{255}, 6)
	case a.Is4() && a.IsMulticast():
		return net.HardwareAddr{1, 0, 0x5e, b[1] & 0x7f, b[2], b[3]} // RFC 1112, 6.4
	case a.IsMulticast():
		return append(net.HardwareAddr{0x33, 0x33}, b[12:]...) // RFC 2464, 7
	}
	return box
}

// settle waits until all that the box has to say about what came in by a link has come out.
func (w *World) settle(link int) error {
	for again := true; again; {
		before := w.found
		if err := w.mark(link, patience); err != nil {
			return err
		}
		for i := range w.links {
			if err := w.mark(i, patience); err != nil {
				return err
			}
		}
		again = w.found != before
	}
	return nil
}

// mark asks the box for its address on a link, as who looks whether an address is free does (RFC 5227), and
// takes all in that comes before the answer. It asks again now and then, for a box that is not there yet.
func (w *World) mark(link int, patience time.Duration) error {
	w.markers++
	w.marker = binary.BigEndian.AppendUint32([]byte{0x02, 0x6d}, w.markers)
	l := w.links[link]
	request := arp(1, w.marker, netip.AddrFrom4([4]byte{}), make([]byte, 6), l.Addrs[0].Addr())
	for give := time.Now().Add(patience); time.Now().Before(give); {
		if err := w.frame(link, bytes.Repeat([]byte{255}, 6), w.marker, etherARP, request); err != nil {
			return err
		}
		for again := time.Now().Add(time.Second / 2); ; {
			frame, err := w.wires[l.Wire].Receive(again)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err == nil {
				err = w.take(l.Wire, frame)
			}
			if err != nil {
				return err
			}
			if w.marker == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("the box did not answer on %s", l.Name)
}

// frame sends one.
func (w *World) frame(link int, to, from net.HardwareAddr, kind uint16, payload []byte) error {
	b := slices.Concat([]byte(to), []byte(from))
	if vlan := w.links[link].VLAN; vlan != 0 {
		b = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, etherVLAN), vlan)
	}
	b = append(binary.BigEndian.AppendUint16(b, kind), payload...)
	for len(b) < 60 {
		b = append(b, 0)
	}
	return w.wires[w.links[link].Wire].Send(b)
}

// take looks at a frame that came out.
func (w *World) take(wire int, b []byte) error {
	if len(b) < 18 {
		return nil
	}
	to, vlan, kind, payload := b[:6], uint16(0), binary.BigEndian.Uint16(b[12:]), b[14:]
	if kind == etherVLAN {
		vlan, kind, payload = binary.BigEndian.Uint16(b[14:])&0xfff, binary.BigEndian.Uint16(b[16:]), b[18:]
	}
	link := slices.IndexFunc(w.links, func(l Link) bool { return l.Wire == wire && l.VLAN == vlan })
	if link < 0 {
		return nil
	}
	if kind == etherARP {
		return w.takeARP(link, payload)
	}
	p, more, ok := readPacket(payload)
	if !ok || more {
		return nil
	}
	if p.Proto == protoICMPv6 && p.Type == 135 {
		return w.takeSolicit(link, b[6:12], payload)
	}
	w.seen = append(w.seen, Seen{w.hostAt(link, to), p, sumOK(payload, p)})
	return nil
}

// hostAt is the host with a link address, the name of the link if all are meant.
func (w *World) hostAt(link int, mac net.HardwareAddr) string {
	i := slices.IndexFunc(w.hosts, func(h Host) bool {
		return h.Link == w.links[link].Name && bytes.Equal(h.MAC, mac)
	})
	if i < 0 {
		return w.links[link].Name
	}
	return w.hosts[i].Name
}

// chatter reports whether a packet has nothing to do with a probe: the box speaks of itself, and answers
// nothing. It may also tell its neighbour of a shorter way, whatever the rules then say of the packet (RFC
// 4861, 8.2; RFC 1812, 5.2.7.2).
func (w *World) chatter(s Seen, probe Packet) bool {
	p := s.Packet
	own := slices.ContainsFunc(w.links, func(l Link) bool {
		return slices.ContainsFunc(l.Addrs, func(a netip.Prefix) bool { return a.Addr() == p.Src.Addr() })
	})
	local := own || p.Src.Addr().IsLinkLocalUnicast() || p.Src.Addr() == netip.IPv6Unspecified()
	masked := p.Proto == probe.Proto && p.Src.Port() == probe.Src.Port() && p.Type == probe.Type &&
		p.ID == probe.ID && !p.Dst.Addr().IsMulticast()
	concerned := p.answers(probe) || p.Dst.Addr() == probe.Dst.Addr() || masked
	redirect := p.Proto == protoICMPv6 && p.Type == 137 || p.Proto == protoICMP && p.Type == 5
	return local && (!concerned || redirect)
}
