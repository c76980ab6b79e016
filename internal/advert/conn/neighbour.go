package conn

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"

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

// maxOwn is how many addresses of a link are looked after: a filter of so many, and the one that it replaces,
// have room in what a socket may have (net.core.optmem_max, 20 KiB on older kernels).
const maxOwn = 32

// claims keeps of Neighbour Advertisements those that are about one of some addresses, and all else. The
// kernel, which has these addresses, believes none of them, but others on the link do. A router would hear
// all that its hosts answer otherwise.
func claims(own []netip.Addr) rawsocket.Filter {
	f := rawsocket.Filter{bpf.LoadAbsolute{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: typeNeighbourAdvertisement, SkipTrue: 1},
		bpf.RetConstant{Val: maxMessage}}
	for _, a := range own[:min(maxOwn, len(own))] {
		b := a.As16()
		for i := range uint8(4) { // what differs leads to the next address
			f = append(f, bpf.LoadAbsolute{Off: targetAt + 4*uint32(i), Size: 4},
				bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(b[4*i:]), SkipFalse: 7 - 2*i})
		}
		f = f.AcceptAll()
	}
	return f
}

// Watch says which addresses this machine has on the link, beside the one that the socket was opened with:
// who claims one of them is heard. It is for roles that hear no other neighbours.
func (c *Conn) Watch(own []netip.Addr) error {
	all := append([]netip.Addr{c.local}, own...)
	var err error
	if c.raw.Control(func(fd uintptr) { err = claims(all).Attach(int(fd)) }) != nil {
		return net.ErrClosed // the only error it has, under a name that is not exported
	}
	return os.NewSyscallError("filter of neighbour advertisements", err)
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
