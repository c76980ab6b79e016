package conn

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
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

// claims keeps of Neighbour Advertisements those that are about one address, and all else. The kernel, which
// has that address, believes none of them, but others on the link do. A router would hear all that its hosts
// answer otherwise.
func claims(own netip.Addr) rawsocket.Filter {
	f := rawsocket.Filter{bpf.LoadAbsolute{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeNeighbourAdvertisement, SkipTrue: 1},
		bpf.RetConstant{Val: maxMessage}}
	for i, b := uint32(0), own.As16(); i < 16; i += 4 {
		f = f.Unless(bpf.LoadAbsolute{Off: targetAt + i, Size: 4}, binary.BigEndian.Uint32(b[i:]))
	}
	return f.AcceptAll()
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
