package pcap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// TestWritten: what was written is read.
func TestWritten(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(&file, SLL2, 100)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 123_456_000)
	for _, text := range []string{"one", "", "three"} {
		if err := w.Write(Packet{at, len(text) + 9, []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := NewReader(&file)
	if err != nil || r.Link != SLL2 || r.Snap != 100 {
		t.Fatal(r, err)
	}
	for _, text := range []string{"one", "", "three"} {
		if p, err := r.Read(); err != nil || string(p.Data) != text || p.Length != len(text)+9 || !p.Time.Equal(at) {
			t.Errorf("%q: %v, %v", text, p, err)
		}
	}
	if _, err := r.Read(); err != io.EOF {
		t.Error("after the last:", err)
	}
}

// TestOrders: both byte orders, microseconds and nanoseconds, pcapng.
func TestOrders(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for magic, want := range map[uint32]int{magicMicro: 5000, magicNano: 5} {
			b := order.AppendUint32(nil, magic)
			b = order.AppendUint16(order.AppendUint16(b, 2), 4)
			for _, n := range []uint32{0, 0, 65535, Ethernet, 7, 5, 2, 60} {
				b = order.AppendUint32(b, n)
			}
			one(t, append(b, "ab"...), time.Unix(7, int64(want)))
		}
		var b []byte
		block := func(kind uint32, body []byte) {
			size := uint32(len(body) + 12)
			b = order.AppendUint32(order.AppendUint32(b, kind), size)
			b = order.AppendUint32(append(b, body...), size)
		}
		block(magicNext, append(order.AppendUint32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
		block(77, []byte("skip"))
		link := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, uint16(Ethernet)), 0), 65535)
		block(blockInterface, append(order.AppendUint16(order.AppendUint16(link, optionTick), 1), 9, 0, 0, 0))
		var packet []byte
		for _, n := range []uint32{0, 1, 705032709, 2, 60} { // 5,000,000,005 ns
			packet = order.AppendUint32(packet, n)
		}
		block(blockPacket, append(packet, "ab\x00\x00"...))
		one(t, b, time.Unix(5, 5))
	}
}

// one reads a file with one packet.
func one(t *testing.T, file []byte, at time.Time) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil || r.Link != Ethernet {
		t.Fatal(r, err)
	}
	if p, err := r.Read(); err != nil || string(p.Data) != "ab" || p.Length != 60 || !p.Time.Equal(at) {
		t.Errorf("%+v, %v, want %v", p, err, at)
	}
	if _, err := r.Read(); err != io.EOF {
		t.Error(err)
	}
	r, err = NewReader(bytes.NewReader(file[:len(file)-1]))
	if err == nil {
		_, err = r.Read()
	}
	if err == nil || errors.Is(err, io.EOF) {
		t.Error("a file that is cut:", err)
	}
}

func TestNone(t *testing.T) {
	for _, s := range []string{"", "abc", "no packets at all in here", "\xd4\xc3\xb2\xa1\x02\x00"} {
		if _, err := NewReader(strings.NewReader(s)); err == nil {
			t.Errorf("%q was taken for a file of packets", s)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x01\x00\x00\x00"))
	f.Add([]byte("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1c\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		for err == nil {
			var p Packet
			if p, err = r.Read(); len(p.Data) > MaxPacket || len(p.Data) > len(b) {
				t.Fatalf("a packet of %d bytes in %d", len(p.Data), len(b))
			}
		}
	})
}
