package conn

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// A Claim is that a station says to have an address: a Neighbour Advertisement, RFC 4861 4.4.
type Claim struct {
	Addr netip.Addr
	// Card is who sent it, At the card that it names; zero: none.
	Card, At ethernet.MAC
}

const (
	ip6Len       = 40 // octets of the header
	ip6Next      = 6  // where it says what follows it, and the hop limit
	ip6HopLimit  = 7
	icmp6        = 58
	claimsBuffer = 32 << 10
	claimPause   = time.Millisecond // after each: a flood of them costs little
)

// A Watch hears who claims addresses of this machine on a link. Whoever has the same address sends from it,
// and rules of a firewall against forged sources drop that; so it is heard before them, by a packet socket.
// To all other packets of IPv6 it is three instructions of a filter.
type Watch struct {
	link   string
	index  int
	mac    ethernet.MAC
	packet *rawsocket.Packet
	own    atomic.Pointer[[]netip.Addr]
	closed chan struct{}
}

// OpenWatch watches a link. Without it the error is links.ErrAbsent. It needs CAP_NET_RAW.
func OpenWatch(link string) (*Watch, error) {
	iface, err := links.Named(link)
	if err != nil {
		return nil, err
	}
	w := &Watch{link: link, index: iface.Index, mac: macOf(iface), closed: make(chan struct{})}
	w.packet, err = rawsocket.Open(iface.Index, rawsocket.Options{
		Name: "claims on " + link, Protocol: rawsocket.IPv6, Filter: claims(iface.Index),
		Buffer: claimsBuffer,
	})
	if err != nil {
		return nil, links.On(link, err)
	}
	return w, nil
}

// claims keeps Neighbour Advertisements that pass the checks of RFC 4861 7.1.2 so far.
func claims(index int) rawsocket.Filter {
	octet := func(at uint32) bpf.Instruction { return bpf.LoadAbsolute{Off: at, Size: 1} }
	f := rawsocket.Filter{}.
		Unless(octet(ip6Next), icmp6).
		Unless(octet(ip6Len), typeNeighbourAdvertisement).
		Unless(octet(ip6HopLimit), hopLimit).
		Unless(octet(ip6Len+1), 0)
	return append(f, rawsocket.OfLink(index)...).AcceptAll()
}

// Own says which addresses the machine has on the link.
func (w *Watch) Own(own []netip.Addr) { w.own.Store(&own) }

// Each calls f with each claim of one of these addresses, by other cards than ours, until Close; then the
// error is net.ErrClosed.
func (w *Watch) Each(f func(Claim)) error {
	var b [maxMessage]byte
	for {
		r, err := w.packet.Read(b[:])
		if err != nil {
			return err
		}
		if c, ok := readClaim(b[:min(r.Len, len(b))]); ok && w.isOurs(c.Addr) {
			// Who names our card answers in our place, and truly.
			if c.Card = r.From; c.Card != w.mac && c.At != w.mac {
				f(c)
			}
		}
		select {
		case <-time.After(claimPause):
		case <-w.closed:
			return net.ErrClosed
		}
	}
}

// readClaim reads a packet that has passed the filter.
func readClaim(b []byte) (c Claim, ok bool) {
	if len(b) < ip6Len+neighbourLen {
		return c, false
	}
	size := ip6Len + int(binary.BigEndian.Uint16(b[4:]))
	if size > len(b) {
		return c, false
	}
	m, err := parse(header{hopLimit: int(b[ip6HopLimit]), from: netip.AddrFrom16([16]byte(b[8:24])),
		to: netip.AddrFrom16([16]byte(b[24:40]))}, b[ip6Len:size])
	return Claim{Addr: m.Target, At: m.MAC}, err == nil && m.Kind == IsNeighbour
}

func (w *Watch) isOurs(a netip.Addr) bool {
	own := w.own.Load()
	return own != nil && slices.Contains(*own, a)
}

// MAC returns the hardware address of the link.
func (w *Watch) MAC() ethernet.MAC { return w.mac }

// Check implements links.Socket.
func (w *Watch) Check() error {
	iface, err := links.Named(w.link)
	switch {
	case err != nil:
		return err
	case iface.Index != w.index || macOf(iface) != w.mac:
		return fmt.Errorf("link %s is another one now, the former is %w", w.link, links.ErrAbsent)
	}
	return nil
}

// Close closes the socket, and ends Each.
func (w *Watch) Close() error {
	select {
	case <-w.closed:
		return net.ErrClosed
	default:
	}
	close(w.closed)
	return w.packet.Close()
}
