package vmtest

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var testMAC = net.HardwareAddr{0, 0, 0x5e, 0, 0x53, 1}

// answerTo is the frame of an OFFER to the DISCOVER in frame.
func answerTo(t *testing.T, frame []byte, vlan uint16) []byte {
	t.Helper()
	payload, ok := udpTo(frame, vlan, serverPort)
	if !ok {
		t.Fatalf("no frame of a client in VLAN %d: %x", vlan, frame)
	}
	discover, err := dhcpv4.FromBytes(payload)
	if err != nil {
		t.Fatal(err)
	}
	offer, err := dhcpv4.NewReplyFromRequest(discover, dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithYourIP(net.IPv4(192, 0, 2, 7)))
	if err != nil {
		t.Fatal(err)
	}
	return fromServer(broadcastDHCP(offer, vlan))
}

// fromServer turns the UDP ports of a frame around; without a UDP checksum nothing else changes.
func fromServer(frame []byte) []byte {
	at := etherLen + ipLen
	if binary.BigEndian.Uint16(frame[12:]) == etherVLAN {
		at += vlanLen
	}
	binary.BigEndian.PutUint16(frame[at:], serverPort)
	binary.BigEndian.PutUint16(frame[at+2:], clientPort)
	return frame
}

func TestWireOffer(t *testing.T) {
	for _, vlan := range []uint16{0, 20} {
		port, wire, err := NewWire()
		if err != nil {
			t.Fatal(err)
		}
		defer wire.Close()
		conn, err := net.FileConn(port.File)
		if err != nil {
			t.Fatal(err)
		}
		card := &Wire{conn.(*net.UnixConn)}
		defer card.Close()
		go func() {
			frame, err := card.Receive(time.Now().Add(Guard))
			if err != nil {
				return
			}
			// Neither the wrong tag nor noise counts.
			_ = card.Send(answerTo(t, frame, vlan)[:60])
			_ = card.Send([]byte("noise"))
			_ = card.Send(answerTo(t, frame, vlan))
		}()
		ctx, cancel := context.WithTimeout(t.Context(), Guard)
		defer cancel()
		offer, err := wire.Offer(ctx, testMAC, vlan, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if got := OfferedAddr(offer).String(); got != "192.0.2.7" {
			t.Errorf("VLAN %d: offered %s", vlan, got)
		}
	}
}

func TestWireWithoutAnswer(t *testing.T) {
	port, wire, err := NewWire()
	if err != nil {
		t.Fatal(err)
	}
	defer port.File.Close()
	defer wire.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	// More than the socket holds: what nobody takes is lost, as on a wire, and blocks nobody.
	if offer, err := wire.Offer(ctx, testMAC, 0, 10*time.Microsecond); err == nil {
		t.Errorf("an offer by nobody: %v", offer)
	}
	if _, err := wire.Receive(time.Now()); !os.IsTimeout(err) {
		t.Errorf("Receive on a silent wire: %v", err)
	}
}

func TestUDPTo(t *testing.T) {
	discover, err := dhcpv4.NewDiscovery(testMAC)
	if err != nil {
		t.Fatal(err)
	}
	good := broadcastDHCP(discover, 20)
	tests := []struct {
		name   string
		change func(frame []byte) []byte
		vlan   uint16
		ok     bool
	}{
		{"as it is", func(f []byte) []byte { return f }, 20, true},
		{"padded", func(f []byte) []byte { return append(f, 0, 0, 0, 0) }, 20, true},
		{"of another VLAN", func(f []byte) []byte { return f }, 21, false},
		{"taken as untagged", func(f []byte) []byte { return f }, 0, false},
		{"with a priority", func(f []byte) []byte { f[14] |= 0xe0; return f }, 20, true},
		{"IP header damaged", func(f []byte) []byte { f[etherLen+vlanLen+8]++; return f }, 20, false},
		{"cut off", func(f []byte) []byte { return f[:len(f)-1] }, 20, false},
		{"UDP checksum wrong", func(f []byte) []byte { f[etherLen+vlanLen+ipLen+6] = 1; return f }, 20, false},
		{"UDP length wrong", func(f []byte) []byte { f[etherLen+vlanLen+ipLen+5]++; return f }, 20, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			frame := test.change(append([]byte{}, good...))
			if _, ok := udpTo(frame, test.vlan, serverPort); ok != test.ok {
				t.Errorf("taken: %v, want %v", ok, test.ok)
			}
		})
	}
	for n := range good {
		if _, ok := udpTo(good[:n], 20, serverPort); ok {
			t.Errorf("%d of %d bytes were taken for the frame", n, len(good))
		}
	}
}

func TestChecksum(t *testing.T) {
	// The example of RFC 1071, section 3.
	data := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	if got := checksum(data); got != ^uint16(0xddf2) {
		t.Errorf("checksum = %#x", got)
	}
	if got := checksum([]byte{0x12}); got != ^uint16(0x1200) {
		t.Errorf("checksum of one byte = %#x", got)
	}
}
