package packet

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// message returns the bytes of a message with the options field given in hex.
func message(options string) []byte {
	b := make([]byte, headerLen, 600)
	b[0], b[1], b[2] = BootRequest, Ethernet, 6
	b = append(b, cookie[:]...)
	o, err := hex.DecodeString(strings.ReplaceAll(options, " ", ""))
	if err != nil {
		panic(err)
	}
	return append(b, o...)
}

func TestUnmarshalOptions(t *testing.T) {
	for _, tc := range []struct {
		name, options string
		file          string // hex, into the file field
		sname         string
		want          []Option
		cut           uint8
	}{
		{name: "none", options: "ff"},
		{name: "pads, one option, End, rubbish", options: "00 00 350101 00 ff 3207", want: []Option{{53, []byte{1}}}},
		{name: "no End, as some clients send", options: "350101", want: []Option{{53, []byte{1}}}},
		{name: "empty option", options: "5000 ff", want: []Option{{80, []byte{}}}},
		{name: "RFC 3396: two pieces are one", options: "0c026162 350101 0c0163 ff", want: []Option{{12, []byte("abc")}, {53, []byte{1}}}},
		{name: "past the end", options: "350101 3204c0a8", want: []Option{{53, []byte{1}}}, cut: 50},
		{name: "code without length", options: "350101 32", want: []Option{{53, []byte{1}}}, cut: 50},
		{name: "overload: file", options: "340101 ff", file: "350103ff", want: []Option{{52, []byte{1}}, {53, []byte{3}}}},
		{name: "overload: both, one option in pieces", options: "340103 0c0161 ff", file: "0c0162 ff", sname: "0c0163 ff",
			want: []Option{{52, []byte{3}}, {12, []byte("abc")}}},
		{name: "overload: damaged file field", options: "340101 ff", file: strings.Repeat("00", 126) + "0c05",
			want: []Option{{52, []byte{1}}}, cut: 12},
		{name: "overload: damaged file field, and sname", options: "340103 ff", file: "0c0162" + strings.Repeat("ee", 125), sname: "350101ff",
			want: []Option{{52, []byte{3}}, {12, []byte("b")}, {53, []byte{1}}}, cut: 0xee},
		{name: "overload that was sent twice", options: "340101 340101 ff", file: "350103ff", want: []Option{{52, []byte{1, 1}}, {53, []byte{3}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := message(tc.options)
			before := bytes.Clone(b)
			for field, off := range map[string]int{tc.file: fileOff, tc.sname: snameOff} {
				h, _ := hex.DecodeString(strings.ReplaceAll(field, " ", ""))
				copy(b[off:], h)
				copy(before[off:], h)
			}
			var p Packet
			p.Cut = 99 // of the message before
			if err := p.Unmarshal(b); err != nil || p.Cut != tc.cut {
				t.Fatalf("cut is option %d, want %d; error %v", p.Cut, tc.cut, err)
			}
			if !sameOptions(p.Options, tc.want) {
				t.Errorf("options %v, want %v", p.Options, tc.want)
			}
			if !bytes.Equal(b, before) {
				t.Error("the input was written to")
			}
		})
	}
}

// TestValues reads values of options that are as long as they should be, longer, as one is that was sent
// twice, and shorter.
func TestValues(t *testing.T) {
	for options, want := range map[string]string{
		"ff":                     "type 0; invalid IP; 0 false; 0 false",
		"350101 ff":              "DISCOVER; invalid IP; 0 false; 0 false",
		"350101 350103 ff":       "DISCOVER; invalid IP; 0 false; 0 false",
		"3500 ff":                "type 0; invalid IP; 0 false; 0 false",
		"3604c0a82001 ff":        "type 0; 192.168.32.1; 0 false; 0 false",
		"3604c0a82001 3604ff ff": "type 0; 192.168.32.1; 0 false; 0 false",
		"3603c0a820 ff":          "type 0; invalid IP; 0 false; 0 false",
		"3604c0a82001 3604c0a82002 39020240 39020240 330400000e10 330400000e10 ff": "type 0; 192.168.32.1; 576 true; 3600 true",
		"390102 3303000e10 ff": "type 0; invalid IP; 0 false; 0 false",
	} {
		var p Packet
		if err := p.Unmarshal(message(options)); err != nil {
			t.Fatal(err)
		}
		size, sized := p.Uint16(OptionMaxSize)
		life, lives := p.Uint32(OptionLeaseTime)
		if got := fmt.Sprintf("%s; %s; %d %t; %d %t", p.Type(), p.Addr(OptionServerID), size, sized, life, lives); got != want {
			t.Errorf("%s: %s, want %s", options, got, want)
		}
	}
}

func sameOptions(a, b []Option) bool {
	return slices.EqualFunc(a, b, func(a, b Option) bool { return a.Code == b.Code && bytes.Equal(a.Data, b.Data) })
}

func TestUnmarshalRefuses(t *testing.T) {
	var p Packet
	if err := p.Unmarshal(message("")[:239]); err != ErrShort {
		t.Error(err)
	}
	b := message("350101ff")
	b[236] = 0
	if err := p.Unmarshal(b); err != ErrCookie {
		t.Error(err)
	}
}

func reply() *Packet {
	return &Packet{
		Op: BootReply, HType: Ethernet, HLen: 6, XID: 0x12345678, Flags: FlagBroadcast,
		YIAddr: netip.MustParseAddr("192.168.32.11"), SIAddr: netip.MustParseAddr("192.168.32.10"),
		CHAddr:  [16]byte{0, 0x16, 0x3e, 0x20, 0, 0x11},
		Options: []Option{{OptionMessageType, []byte{byte(ACK)}}, {OptionServerID, []byte{192, 168, 32, 1}}},
	}
}

// TestPeerReadsIt has an independent decoder read what Append wrote.
func TestPeerReadsIt(t *testing.T) {
	p := reply()
	p.File = []byte("undionly.kpxe")
	p.Options = append(p.Options, Option{OptionHostName, []byte("web1")}, Option{119, bytes.Repeat([]byte("x"), 300)})
	b, left := p.Append(nil, 1472)
	if len(left) > 0 {
		t.Fatalf("no room for %v", left)
	}
	q, err := dhcpv4.FromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	if q.MessageType() != dhcpv4.MessageTypeAck || q.YourIPAddr.String() != "192.168.32.11" ||
		q.ServerIPAddr.String() != "192.168.32.10" || q.ClientHWAddr.String() != "00:16:3e:20:00:11" ||
		q.BootFileName != "undionly.kpxe" || q.HostName() != "web1" || !q.IsBroadcast() || len(q.Options[119]) != 300 {
		t.Errorf("the peer read %s", q.Summary())
	}
}

func TestPaddedToBOOTP(t *testing.T) {
	b, _ := reply().Append(nil, MinMax)
	if len(b) != MinLen {
		t.Errorf("%d bytes", len(b))
	}
}

// TestOverload fills a message up: the options field first, then file, then
// sname, then the rest is named; the limit is kept.
func TestOverload(t *testing.T) {
	option := func(code uint8, n int) Option { return Option{code, bytes.Repeat([]byte{code}, n)} }
	for _, tc := range []struct {
		name        string
		file, sname string
		extra       []Option
		overload    []byte
		left        []uint8
	}{
		// 308 bytes less 53 and 54, 9 bytes, less End.
		{name: "exactly full", extra: []Option{option(17, 200), option(203, 94)}},
		{name: "one too many", extra: []Option{option(17, 200), option(203, 95)}, overload: []byte{1}},
		{name: "file in use", file: "x", extra: []Option{option(17, 255), option(203, 120), option(15, 60)}, overload: []byte{2}, left: []uint8{203}},
		{name: "all fields", extra: []Option{option(17, 255), option(203, 125), option(15, 61), option(12, 30)}, overload: []byte{3}},
		{name: "nothing free", file: "x", sname: "y", extra: []Option{option(17, 255), option(203, 125)}, left: []uint8{203}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := reply()
			p.File, p.SName = []byte(tc.file), []byte(tc.sname)
			p.Options = append(p.Options, tc.extra...)
			b, left := p.Append([]byte("before"), MinMax)
			b = b[len("before"):]
			if len(b) > MinMax || !slices.Equal(left, tc.left) {
				t.Fatalf("%d bytes, no room for %v", len(b), left)
			}
			var q Packet
			if err := q.Unmarshal(b); err != nil {
				t.Fatal(err)
			}
			if o := q.Option(OptionOverload); !bytes.Equal(o, tc.overload) {
				t.Errorf("overload %v, want %v", o, tc.overload)
			}
			for _, o := range p.Options {
				if got := q.Option(o.Code); !slices.Contains(left, o.Code) && !bytes.Equal(got, o.Data) {
					t.Errorf("option %d: %v", o.Code, got)
				}
			}
			if string(q.File) != tc.file || string(q.SName) != tc.sname {
				t.Errorf("file %q sname %q", q.File, q.SName)
			}
		})
	}
}

// TestRoundTrip writes random messages and reads them back, and has the peer
// read those that it can.
func TestRoundTrip(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 4))
		p := reply()
		for range r.IntN(12) {
			data := bytes.Repeat([]byte{byte(seed)}, r.IntN(40)*r.IntN(14))
			if code := uint8(60 + r.IntN(190)); p.Option(code) == nil {
				p.Options = append(p.Options, Option{code, data})
			}
		}
		limit := MinMax + r.IntN(1472-MinMax)
		b, left := p.Append(nil, limit)
		var q Packet
		if err := q.Unmarshal(b); err != nil || len(b) > limit {
			t.Fatalf("seed %d: %v, %d bytes of %d", seed, err, len(b), limit)
		}
		for _, o := range p.Options {
			if got := q.Option(o.Code); slices.Contains(left, o.Code) != (got == nil) || got != nil && !bytes.Equal(got, o.Data) {
				t.Fatalf("seed %d: option %d is %d bytes, was %d; left out %v", seed, o.Code, len(got), len(o.Data), left)
			}
		}
		if q.Option(OptionOverload) == nil {
			if _, err := dhcpv4.FromBytes(b); err != nil {
				t.Fatalf("seed %d: the peer: %v", seed, err)
			}
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(message("350101 3204c0a82064 370401030f11 ff"))
	f.Add(message("340103 0c0161 ff"))
	b, _ := reply().Append(nil, MinMax)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var p, q Packet
		if p.Unmarshal(b) != nil {
			return
		}
		n := 0
		for _, o := range p.Options {
			n += len(o.Data)
		}
		if n > len(b) {
			t.Fatalf("%d bytes of options in a packet of %d", n, len(b))
		}
		// Without its overload the same message is written and read again.
		p.Options = slices.DeleteFunc(p.Options, func(o Option) bool { return o.Code == OptionOverload })
		p.File, p.SName = p.File[:min(len(p.File), fileLen-1)], p.SName[:min(len(p.SName), snameLen-1)]
		c, left := p.Append(nil, 1<<16)
		if err := q.Unmarshal(c); err != nil || len(left) > 0 {
			t.Fatal(err, left)
		}
		if !sameOptions(p.Options, q.Options) || p.XID != q.XID || p.YIAddr != q.YIAddr || !bytes.Equal(p.File, q.File) || !bytes.Equal(p.SName, q.SName) {
			t.Fatalf("wrote %+v, read %+v", p, q)
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	m := message("350103 3d070100163e200011 3204c0a82064 3604c0a82001 37080103060c0f11 2acb 0c0477656231 ff")
	var p Packet
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Unmarshal(m); err != nil {
			b.Fatal(err)
		}
	}
}
