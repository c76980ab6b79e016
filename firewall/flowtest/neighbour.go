package flowtest

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
)

// takeARP answers for hosts (RFC 826), and knows the answer that is waited for.
func (w *World) takeARP(link int, b []byte) error {
	if len(b) < 28 {
		return nil
	}
	from, to := net.HardwareAddr(b[8:14]), b[18:24]
	switch binary.BigEndian.Uint16(b[6:]) {
	case 2:
		if bytes.Equal(to, w.marker) {
			w.marker, w.macs[link] = nil, slices.Clone(from)
		}
	case 1:
		target := netip.AddrFrom4([4]byte(b[24:28]))
		if h, ok := w.hostOf(link, target); ok {
			w.found++
			return w.frame(link, from, h.MAC, etherARP,
				arp(2, h.MAC, target, from, netip.AddrFrom4([4]byte(b[14:18]))))
		}
	}
	return nil
}

// arp is a request (1) or reply (2).
func arp(op uint16, mac net.HardwareAddr, addr netip.Addr, toMAC net.HardwareAddr, to netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4}
	b = binary.BigEndian.AppendUint16(b, op)
	return slices.Concat(b, []byte(mac), addr.AsSlice(), []byte(toMAC), to.AsSlice())
}

// takeSolicit answers for hosts (RFC 4861, 7.2.4). Nobody answers for an address that is being checked to be
// free.
func (w *World) takeSolicit(link int, from net.HardwareAddr, b []byte) error {
	if len(b) < 64 {
		return nil
	}
	asker, target := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[48:64]))
	h, ok := w.hostOf(link, target)
	if !ok || asker.IsUnspecified() {
		return nil
	}
	w.found++
	// solicited, override
	message := slices.Concat([]byte{136, 0, 0, 0, 0x60, 0, 0, 0}, target.AsSlice(), []byte{2, 1},
		[]byte(h.MAC))
	p := Packet{Proto: protoICMPv6, Src: netip.AddrPortFrom(target, 0), Dst: netip.AddrPortFrom(asker, 0),
		Hop: 255}
	p.checksum(message)
	return w.frame(link, from, h.MAC, etherIPv6, p.header(protoICMPv6, message))
}

// hostOf is the host on a link that answers for an address.
func (w *World) hostOf(link int, a netip.Addr) (Host, bool) {
	l := w.links[link]
	if slices.ContainsFunc(l.Addrs, func(own netip.Prefix) bool { return own.Addr() == a }) {
		return Host{}, false
	}
	all := -1
	for i, h := range w.hosts {
		if h.Link == l.Name && slices.Contains(h.Addrs, a) {
			return h, true
		}
		if h.Link == l.Name && len(h.Addrs) == 0 {
			all = i
		}
	}
	if all < 0 || !a.IsGlobalUnicast() {
		return Host{}, false
	}
	return w.hosts[all], true
}
