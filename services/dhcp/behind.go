package dhcp

import (
	"hash/fnv"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A repeater, or a machine with several hosts on one card (ipvlan), asks for each of them with its own card
// in chaddr; who asks is in the client identifier, as the card that the host would have (RFC 2132 9.14: type
// 1). Two hosts must not get one address, so each is a client by itself, known by both cards: clones of one
// system may well have one identifier, but not one card. Cards of the site are what the site says, whatever
// they say.

// behindMark begins the name of a client that is behind another's card. It is local (IEEE 802c), so no card
// has it from its maker.
var behindMark = [2]byte{0x02, 0x67}

// clientOf returns what the client of a message is known by, and the host that it says it is, if it has no
// card of its own.
func (s *Server) clientOf(p *packet.Packet) (client, behind lease.MAC) {
	card := lease.MAC(p.CHAddr[:6])
	id := p.Option(packet.OptionClientID)
	if len(id) != 7 || id[0] != packet.Ethernet || s.hosts[card] != nil {
		return card, behind
	}
	if behind = lease.MAC(id[1:]); behind == card || !behind.IsUnicast() || !card.IsUnicast() {
		return card, lease.MAC{}
	}
	h := fnv.New32a()
	_, _ = h.Write(card[:])
	_, _ = h.Write(behind[:])
	copy(client[:], behindMark[:])
	h.Sum(client[2:2])
	return client, behind
}

// isBehind reports whether a client is known by such a name, so that nobody answers ARP with it.
func isBehind(client lease.MAC) bool { return [2]byte(client[:2]) == behindMark }

// identities are the client identifiers that cards got leases by, as hashes, the last one and the one before.
// Programs of one machine follow each other, and each gets the lease by its own before it renews it. Who
// renews by the one before shares the card with another:
//
//	A gets it ─► B gets it ─► A renews: two
//	ROM gets it ─► system gets it ─► system renews
type identities map[lease.MAC][2]uint32

// spareIdentities is how many cards are remembered beyond those that have leases.
const spareIdentities = 1024

// grant notes by which identifier the client of the message under way has got, or renewed, its lease.
func (s *Server) grant(out *Outcome) {
	h := fnv.New32a()
	_, _ = h.Write(s.in.Option(packet.OptionClientID))
	id, had := h.Sum32(), s.ids[out.MAC]
	if had[0] == id {
		return
	}
	if len(s.ids) > 2*s.Len()+spareIdentities {
		clear(s.ids) // of cards long gone, mostly; who shares one is found a little later
	}
	out.Shared = out.State == Renewing && had[1] == id
	s.ids[out.MAC] = [2]uint32{id, had[0]}
}
