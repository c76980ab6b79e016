package vmtest

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// vnetHeader is how many bytes the kernel puts before a frame of a tap (struct virtio_net_hdr). They are zero
// as long as nobody leaves checksums or segments to the other side, which only QEMU offers.
const vnetHeader = 10

// newTrunk is a switch that knows VLANs: it returns the place for a card that has all of the networks, by
// their VLAN ids, 0 for the one without a tag. Hosts of the networks send and get frames without tags. The
// test itself is the switch, since the kernel of a machine that runs tests may know no VLANs.
func newTrunk(t *testing.T, networks map[uint16]*testnet.Namespace) Port {
	t.Helper()
	card, wire, err := NewWire()
	if err != nil {
		t.Fatal(err)
	}
	taps := map[uint16]*os.File{}
	for vlan, n := range networks {
		taps[vlan] = port(t, n, "firewall").File
	}
	t.Cleanup(func() {
		wire.Close()
		for _, tap := range taps {
			tap.Close()
		}
	})
	go fromTrunk(wire, taps)
	for vlan, tap := range taps {
		go toTrunk(wire, vlan, tap)
	}
	return card
}

// fromTrunk takes frames from the card to the networks, until the wire is pulled out.
func fromTrunk(wire *Wire, taps map[uint16]*os.File) {
	for {
		frame, err := wire.Receive(time.Time{})
		if err != nil {
			return
		}
		vlan, frame := untagged(frame)
		if tap, ok := taps[vlan]; ok {
			_, _ = tap.Write(append(make([]byte, vnetHeader), frame...)) // what has no room is lost, as on a wire
		}
	}
}

// toTrunk takes frames from a network to the card, until the tap is closed.
func toTrunk(wire *Wire, vlan uint16, tap *os.File) {
	buffer := make([]byte, maxFrame)
	for {
		n, err := tap.Read(buffer)
		if err != nil || n < vnetHeader || wire.Send(tagged(vlan, buffer[vnetHeader:n])) != nil {
			return
		}
	}
}

// addresses is the length of those that a frame begins with.
const addresses = etherLen - 2

// untagged takes the tag out of a frame (IEEE 802.1Q).
func untagged(frame []byte) (vlan uint16, without []byte) {
	if len(frame) < etherLen+vlanLen || binary.BigEndian.Uint16(frame[addresses:]) != etherVLAN {
		return 0, frame
	}
	vlan = binary.BigEndian.Uint16(frame[addresses+2:]) & 0xfff
	return vlan, append(frame[:addresses:addresses], frame[addresses+vlanLen:]...)
}

// tagged puts a tag into a frame.
func tagged(vlan uint16, frame []byte) []byte {
	if vlan == 0 || len(frame) < addresses {
		return frame
	}
	with := append([]byte{}, frame[:addresses]...)
	with = binary.BigEndian.AppendUint16(with, etherVLAN)
	with = binary.BigEndian.AppendUint16(with, vlan)
	return append(with, frame[addresses:]...)
}
