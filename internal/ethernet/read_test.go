package ethernet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func sample(payload []byte) []byte {
	return AppendDatagram(nil, netip.MustParseAddrPort("192.0.2.1:67"), netip.MustParseAddrPort("192.0.2.77:68"), payload)
}

// TestReadDatagram damages a datagram in each way that matters.
func TestReadDatagram(t *testing.T) {
	for name, tc := range map[string]struct {
		damage  func(b []byte) []byte
		partial bool
		want    error
	}{
		"whole":                  {func(b []byte) []byte { return b }, false, nil},
		"padded":                 {func(b []byte) []byte { return append(b, make([]byte, 18)...) }, false, nil},
		"no checksum":            {func(b []byte) []byte { b[26], b[27] = 0, 0; return b }, false, nil},
		"partial checksum":       {func(b []byte) []byte { b[26] ^= 0x55; return b }, true, nil},
		"not partial":            {func(b []byte) []byte { b[26] ^= 0x55; return b }, false, ErrChecksum},
		"payload damaged":        {func(b []byte) []byte { b[30] ^= 1; return b }, false, ErrChecksum},
		"head damaged":           {func(b []byte) []byte { b[8] ^= 1; return b }, true, ErrChecksum},
		"source damaged":         {func(b []byte) []byte { b[12] ^= 1; return b }, true, ErrChecksum},
		"cut":                    {func(b []byte) []byte { return b[:len(b)-1] }, true, ErrDatagram},
		"empty":                  {func(b []byte) []byte { return nil }, false, ErrDatagram},
		"IPv6":                   {func(b []byte) []byte { b[0] = 0x65; return b }, true, ErrDatagram},
		"header of 16":           {func(b []byte) []byte { b[0] = 0x44; return b }, true, ErrDatagram},
		"header beyond":          {func(b []byte) []byte { b[0] = 0x4f; return b[:40] }, true, ErrDatagram},
		"TCP":                    {func(b []byte) []byte { b[9] = 6; return b }, true, ErrDatagram},
		"first fragment":         {func(b []byte) []byte { b[6] = 0x20; return b }, true, ErrDatagram},
		"later fragment":         {func(b []byte) []byte { b[7] = 1; return b }, true, ErrDatagram},
		"UDP length beyond":      {func(b []byte) []byte { b[25]++; return b }, true, ErrDatagram},
		"UDP length below eight": {func(b []byte) []byte { b[24], b[25] = 0, 7; return b }, true, ErrDatagram},
	} {
		d, err := ReadDatagram(tc.damage(sample([]byte("a message of odd size"))), tc.partial)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if err == nil && (string(d.Payload) != "a message of odd size" || d.Source.String() != "192.0.2.1:67" ||
			d.Destination.String() != "192.0.2.77:68") {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// FuzzReadDatagram holds what is read against another's reader, and against the writer.
func FuzzReadDatagram(f *testing.F) {
	f.Add(sample([]byte("a message")), false)
	f.Add(append(sample(nil), 0, 0), true)
	f.Fuzz(func(t *testing.T, b []byte, partial bool) {
		d, err := ReadDatagram(b, partial)
		if err != nil {
			return
		}
		p := gopacket.NewPacket(b, layers.LayerTypeIPv4, gopacket.Default)
		ip, _ := p.NetworkLayer().(*layers.IPv4)
		u, _ := p.TransportLayer().(*layers.UDP)
		if ip == nil || u == nil {
			t.Fatalf("it is no datagram to another: %v", p.ErrorLayer())
		}
		if d.Source.Port() != uint16(u.SrcPort) || d.Destination.Port() != uint16(u.DstPort) ||
			d.Source.Addr().String() != ip.SrcIP.String() || d.Destination.Addr().String() != ip.DstIP.String() ||
			!bytes.Equal(d.Payload, u.Payload) {
			t.Errorf("got %+v, another reads %v %v", d, ip, u)
		}
		again, err := ReadDatagram(AppendDatagram(nil, d.Source, d.Destination, d.Payload), false)
		if err != nil || again.Source != d.Source || again.Destination != d.Destination || !bytes.Equal(again.Payload, d.Payload) {
			t.Errorf("written and read again: %+v, %v", again, err)
		}
	})
}

// TestARP compares with what an independent library writes, and reads it.
func TestARP(t *testing.T) {
	a := ARP{
		Operation: ARPReply, SenderMAC: MAC{2, 0, 0, 0, 0, 1}, Sender: netip.MustParseAddr("192.0.2.1"),
		TargetMAC: MAC{2, 0, 0, 0, 0, 2}, Target: netip.MustParseAddr("192.0.2.2"),
	}
	want := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(want, gopacket.SerializeOptions{}, &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: layers.ARPReply, SourceHwAddress: a.SenderMAC[:], SourceProtAddress: a.Sender.AsSlice(),
		DstHwAddress: a.TargetMAC[:], DstProtAddress: a.Target.AsSlice(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := a.Append(nil)
	if len(b) != MinPayload || !bytes.HasPrefix(b, want.Bytes()) || binary.BigEndian.Uint16(b[ARPOperation:]) != 2 {
		t.Errorf("got %x, want %x", b, want.Bytes())
	}
	if got, ok := ReadARP(b); !ok || got != a {
		t.Errorf("read %+v, %v", got, ok)
	}
	for i := range 6 { // the types and lengths
		bad := bytes.Clone(b)
		bad[i]++
		if _, ok := ReadARP(bad); ok {
			t.Errorf("read with another byte %d", i)
		}
	}
	if _, ok := ReadARP(b[:arpLen-1]); ok {
		t.Error("read though cut")
	}
	if probe := (&ARP{Operation: ARPRequest, Target: a.Target}).Append([]byte("x")); len(probe) != 1+MinPayload {
		t.Errorf("a probe has %d bytes", len(probe))
	}
}
