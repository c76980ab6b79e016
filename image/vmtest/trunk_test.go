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

// A trunk is a switch that knows VLANs, and one port of it, which has all of its networks. Hosts of these
// send and get frames without tags. The test itself is the switch, since the kernel of a machine that runs
// tests may know no VLANs.
type trunk struct {
	wire *Wire
	taps map[uint16]*os.File // of the networks, by VLAN id; 0: the one without a tag
	// priority is that of all frames to the card (802.1p). With one those of network 0 have a tag too.
	priority uint16
	watch    func(tag uint16, frame []byte)
}

// newTrunk makes a trunk that lives until it is pulled out, at the latest with the test, and returns it with
// the place for its card. watch is shown what the card sends, with tag 0 if it had none; nil: nobody looks.
func newTrunk(t *testing.T, networks map[uint16]*testnet.Namespace, priority uint16,
	watch func(tag uint16, frame []byte)) (Port, *trunk) {
	t.Helper()
	card, wire, err := NewWire()
	if err != nil {
		t.Fatal(err)
	}
	s := &trunk{wire, map[uint16]*os.File{}, priority, watch}
	for vlan, n := range networks {
		s.taps[vlan] = port(t, n, "firewall").File
	}
	t.Cleanup(s.pull)
	go s.fromCard()
	for vlan, tap := range s.taps {
		go s.toCard(s.priority<<priorityShift|vlan, tap)
	}
	return card, s
}

// pull pulls the trunk out of all its networks, which are free for another then.
func (s *trunk) pull() {
	s.wire.Close()
	for _, tap := range s.taps {
		tap.Close()
	}
}

// A tag has a VLAN id in its lower bits and a priority in the upper ones (IEEE 802.1Q).
const (
	vlanBits      = 0xfff
	priorityShift = 13
)

// fromCard takes frames from the card to the networks, until it is pulled out.
func (s *trunk) fromCard() {
	for {
		frame, err := s.wire.Receive(time.Time{})
		if err != nil {
			return
		}
		tag, frame := untagged(frame)
		if s.watch != nil {
			s.watch(tag, frame)
		}
		if tap, ok := s.taps[tag&vlanBits]; ok {
			_, _ = tap.Write(append(make([]byte, vnetHeader), frame...)) // what has no room is lost, as on a wire
		}
	}
}

// toCard takes frames from a network to the card, until it is pulled out.
func (s *trunk) toCard(tag uint16, tap *os.File) {
	buffer := make([]byte, maxFrame)
	for {
		n, err := tap.Read(buffer)
		if err != nil || n < vnetHeader || s.wire.Send(tagged(tag, buffer[vnetHeader:n])) != nil {
			return
		}
	}
}

// addresses is the length of those that a frame begins with.
const addresses = etherLen - 2

// untagged takes the tag out of a frame.
func untagged(frame []byte) (tag uint16, without []byte) {
	if len(frame) < etherLen+vlanLen || binary.BigEndian.Uint16(frame[addresses:]) != etherVLAN {
		return 0, frame
	}
	return binary.BigEndian.Uint16(frame[addresses+2:]), append(frame[:addresses:addresses], frame[addresses+vlanLen:]...)
}

// tagged puts a tag into a frame, but 0.
func tagged(tag uint16, frame []byte) []byte {
	if tag == 0 || len(frame) < addresses {
		return frame
	}
	with := append([]byte{}, frame[:addresses]...)
	with = binary.BigEndian.AppendUint16(with, etherVLAN)
	with = binary.BigEndian.AppendUint16(with, tag)
	return append(with, frame[addresses:]...)
}
