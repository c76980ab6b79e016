package conn

import (
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// An ARP asks who has an address on one link: RFC 826. It asks as the router itself,
// so that devices that ignore the anonymous probes of RFC 5227 answer too. Probe may
// be called while Answer waits.
type ARP struct {
	socket *rawsocket.Packet
	mac    lease.MAC
	source netip.Addr
}

// OpenARP opens a socket for ARP on the link called name, where source is our
// address. It needs CAP_NET_RAW. Without such a link the error is links.ErrAbsent.
func OpenARP(name string, source netip.Addr) (*ARP, error) {
	iface, err := links.Named(name)
	if err != nil {
		return nil, err
	}
	if len(iface.HardwareAddr) != len(lease.MAC{}) {
		return nil, fmt.Errorf("ARP on link %s: it is no Ethernet link", name)
	}
	// The kernel drops everything but replies: a large LAN asks a lot.
	replies := rawsocket.OfLink(iface.Index).
		Accept(bpf.LoadAbsolute{Off: ethernet.ARPOperation, Size: 2}, uint32(ethernet.ARPReply))
	s, err := rawsocket.Open(iface.Index, rawsocket.Options{
		Name: "ARP on " + name, Protocol: rawsocket.ARP, Filter: replies,
	})
	if err != nil {
		return nil, fmt.Errorf("ARP: %w", links.On(name, err))
	}
	return &ARP{s, lease.MAC(iface.HardwareAddr), source}, nil
}

// Probe asks everybody on the link for addr. It never waits.
func (a *ARP) Probe(addr netip.Addr) error {
	q := ethernet.ARP{Operation: ethernet.ARPRequest, SenderMAC: a.mac, Sender: a.source, Target: addr}
	return a.socket.Send(ethernet.Everybody(), rawsocket.ARP, q.Append(nil))
}

// Answer waits for the next reply and returns who said to have which address.
// After Close the error is net.ErrClosed.
func (a *ARP) Answer() (addr netip.Addr, by lease.MAC, err error) {
	var b [128]byte
	for {
		r, err := a.socket.Read(b[:])
		if err != nil {
			return addr, by, err
		}
		if m, ok := ethernet.ReadARP(b[:r.Len]); ok {
			return m.Sender, m.SenderMAC, nil
		}
	}
}

// Close closes the socket and ends an Answer that waits.
func (a *ARP) Close() error { return a.socket.Close() }
