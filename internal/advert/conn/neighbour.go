package conn

import (
	"errors"
	"net/netip"

	"github.com/mdlayher/ndp"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// A host asks its router whether it is there: neighbour unreachability detection, RFC 4861 7.3.

const (
	typeNeighbourAdvertisement = 136 // RFC 4861 4.4
	targetAt                   = 8
	neighbourLen               = 24 // octets before the options
	optionTarget               = 2
	flagSolicited              = 0x40
)

var errNeighbour = errors.New("no valid neighbour advertisement: RFC 4861 7.1.2")

// NeighbourSolicitation returns one that asks the station whose address target is, from a card; with the zero
// MAC it does not say which. The kernel fills in the checksum.
func NeighbourSolicitation(target netip.Addr, from ethernet.MAC) ([]byte, error) {
	m := &ndp.NeighborSolicitation{TargetAddress: target.WithZone("")}
	if from != (ethernet.MAC{}) {
		m.Options = append(m.Options, source(from))
	}
	return ndp.MarshalMessage(m)
}

// neighbour reads the octets of a Neighbour Advertisement.
func (m *Message) neighbour(b []byte) error {
	m.Target, m.Solicited = netip.AddrFrom16([16]byte(b[targetAt:neighbourLen])), b[4]&flagSolicited != 0
	// "If the IP Destination Address is a multicast address the Solicited flag is zero."
	ok := eachOption(b[neighbourLen:], func(o []byte) {
		if o[0] == optionTarget && len(o) == 8 {
			m.MAC = ethernet.MAC(o[2:])
		}
	})
	if !ok || m.Target.IsMulticast() || m.To.IsMulticast() && m.Solicited {
		return errNeighbour
	}
	return nil
}
