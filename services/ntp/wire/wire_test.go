package wire_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// unix is a moment as nanoseconds.
func unix(s string) int64 {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t.UnixNano()
}

// What the dates of RFC 5905 figure 4 are on the wire.
func TestDates(t *testing.T) {
	for _, c := range []struct {
		date string
		want wire.Timestamp
	}{
		{"1970-01-01T00:00:00Z", 2208988800 << 32},
		{"1972-01-01T00:00:00Z", 2272060800 << 32},
		{"1999-12-31T00:00:00Z", 3155587200 << 32},
		{"2036-02-07T06:28:15.5Z", 1<<64 - 1<<31},
		{"2036-02-07T06:28:16Z", 1}, // era 1 begins; zero is "unknown"
		{"2099-01-01T00:00:00Z", 1984930304 << 32},
		{"1900-01-01T00:00:00.25Z", 1 << 30},
	} {
		if got := wire.FromUnix(unix(c.date)); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.date, uint64(got), uint64(c.want))
		}
	}
}

// Moments come back, to the nanosecond, whatever era they are in.
func TestMomentsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	floor := unix("2026-01-01T00:00:00Z")
	for range 100000 {
		m := floor + r.Int64N(int64(136*365*24)*int64(time.Hour))
		if got := wire.FromUnix(m).Unix(floor); got != m && !(got-m == 1 && wire.FromUnix(m) == 1) {
			t.Fatalf("%v came back as %v", time.Unix(0, m).UTC(), time.Unix(0, got).UTC())
		}
	}
	if got := wire.FromUnix(floor).Unix(floor); got != floor {
		t.Errorf("the first moment itself came back as %v", time.Unix(0, got).UTC())
	}
}

// Differences are short ones, over the end of an era too.
func TestDifferences(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100000 {
		m := unix("2036-02-07T06:28:16Z") + r.Int64N(int64(100*time.Hour)) - int64(50*time.Hour)
		d := r.Int64N(2*int64(time.Hour)*24*365*60) - int64(time.Hour)*24*365*60
		got := wire.FromUnix(m + d).Sub(wire.FromUnix(m))
		if diff := int64(got) - d; diff < -1 || diff > 1 {
			t.Fatalf("%v after %v: %v", time.Duration(d), time.Unix(0, m).UTC(), got)
		}
	}
}

// A short time is never said shorter than it is.
func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]wire.Short{
		-time.Second: 0, 0: 0, 1: 1, time.Second: 1 << 16, 1500 * time.Millisecond: 3 << 15,
		16 * time.Microsecond: 2, 20 * time.Hour: 1<<32 - 1, 1<<16*time.Second - 1: 1<<32 - 1,
	} {
		if got := wire.ToShort(d); got != want {
			t.Errorf("%v: %#x, want %#x", d, uint32(got), uint32(want))
		}
	}
	for s := range wire.Short(1 << 17) {
		if d := s.Duration() - 20*time.Nanosecond; wire.ToShort(d) != s && s != 0 {
			t.Fatalf("%#x: %v is %#x", s, d, wire.ToShort(d))
		}
	}
}

// An answer as chronyd sends it, read and written again.
func TestAnswer(t *testing.T) {
	b, _ := hex.DecodeString("240206e7000000a20000041ac0000201" + "e8d2c1b4a0000000" + "1122334455667788" +
		"e8d2c1c480000000" + "e8d2c1c480001000")
	h, rest, err := wire.Read(b)
	if err != nil || len(rest) != 0 {
		t.Fatal(rest, err)
	}
	want := wire.Header{
		Version: 4, Mode: wire.ModeServer, Stratum: 2, Poll: 6, Precision: -25,
		RootDelay: 0xa2, RootDispersion: 0x41a, RefID: wire.RefID{192, 0, 2, 1}, Reference: 0xe8d2c1b4a0000000,
		Origin: 0x1122334455667788, Receive: 0xe8d2c1c480000000, Transmit: 0xe8d2c1c480001000,
	}
	if h != want {
		t.Errorf("%+v, want %+v", h, want)
	}
	if h.RefID.String() != "192.0.2.1" || h.PollInterval() != time.Minute+4*time.Second || h.Unsynchronised() {
		t.Errorf("%v, %v, %v", h.RefID, h.PollInterval(), h.Unsynchronised())
	}
	if got := h.Append(nil); !bytes.Equal(got, b) {
		t.Errorf("%x, want %x", got, b)
	}
}

// What a kiss-o'-death is.
func TestKiss(t *testing.T) {
	for _, c := range []struct {
		h    wire.Header
		want string // empty: it is none
	}{
		{wire.Header{Mode: 4, RefID: wire.KissRate}, "RATE"},
		{wire.Header{Mode: 4, RefID: wire.RefID{'I', 'N', 'I', 'T'}}, "INIT"},
		{wire.Header{Mode: 4, Stratum: 1, RefID: wire.RefID{'R', 'A', 'T', 'E'}}, ""},
		{wire.Header{Mode: 3, RefID: wire.KissRate}, ""},
		{wire.Header{Mode: 4}, ""}, // unsynchronised, as most say it
		{wire.Header{Mode: 4, RefID: wire.RefID{10, 0, 0, 1}}, ""},
	} {
		code, is := c.h.Kiss()
		if is != (c.want != "") || is && code.String() != c.want {
			t.Errorf("%+v: %v %v, want %q", c.h, code, is, c.want)
		}
	}
}

// part is an extension field.
func part(kind uint16, n int) []byte {
	b := make([]byte, n)
	b[0], b[1], b[2], b[3] = byte(kind>>8), byte(kind), byte(n>>8), byte(n)
	return b
}

// What may follow a header, and what may not (RFC 7822).
func TestWhatFollows(t *testing.T) {
	head := (&wire.Header{Version: 4, Mode: 4}).Append(nil)
	for _, c := range []struct {
		name  string
		rest  [][]byte
		kinds []uint16
		err   error
	}{
		{"nothing", nil, nil, nil},
		{"a crypto-NAK", [][]byte{make([]byte, 4)}, nil, nil},
		{"MD5", [][]byte{make([]byte, 20)}, nil, nil},
		{"SHA1", [][]byte{make([]byte, 24)}, nil, nil},
		{"one field", [][]byte{part(0x104, 28)}, []uint16{0x104}, nil},
		{"a last field that is too short", [][]byte{part(0x104, 16)}, nil, wire.ErrExtension},
		{"a short field, then a digest", [][]byte{part(0x104, 16), make([]byte, 20)}, []uint16{0x104}, nil},
		{"three", [][]byte{part(1, 36), part(2, 16), part(3, 32)}, []uint16{1, 2, 3}, nil},
		{"one that ends behind the packet", [][]byte{part(1, 36)[:32]}, nil, wire.ErrExtension},
		{"odd bytes", [][]byte{part(1, 36), {1}}, nil, wire.ErrExtension},
		{"no length", [][]byte{make([]byte, 28)}, nil, wire.ErrExtension},
	} {
		h, rest, err := wire.Read(slices.Concat(append([][]byte{head}, c.rest...)...))
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
			continue
		}
		var kinds []uint16
		for k := range wire.Fields(rest) {
			kinds = append(kinds, k)
		}
		if err == nil && !slices.Equal(kinds, c.kinds) {
			t.Errorf("%s: %v, want %v (%+v)", c.name, kinds, c.kinds, h)
		}
	}
	if _, _, err := wire.Read(head[:47]); !errors.Is(err, wire.ErrShort) {
		t.Error(err)
	}
	if _, _, err := wire.Read(append((&wire.Header{Version: 3}).Append(nil), part(1, 28)...)); err == nil {
		t.Error("version 3 with an extension field")
	}
	for _, v := range []uint8{0, 5, 7} {
		if _, _, err := wire.Read((&wire.Header{Version: v}).Append(nil)); !errors.Is(err, wire.ErrVersion) {
			t.Errorf("version %d: %v", v, err)
		}
	}
}

// FuzzRead: what is accepted is written as it was, and its fields are within it.
func FuzzRead(f *testing.F) {
	head := (&wire.Header{Version: 4, Mode: 4, Stratum: 1, RefID: wire.RefID{'G', 'P', 'S'}}).Append(nil)
	f.Add(head)
	f.Add(append(slices.Clone(head), part(0x204, 32)...))
	f.Add(append(slices.Clone(head), make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rest, err := wire.Read(b)
		if err != nil {
			return
		}
		if got := h.Append(nil); !bytes.Equal(got, b[:wire.Size]) {
			t.Fatalf("%x written as %x", b[:wire.Size], got)
		}
		n := 0
		for _, v := range wire.Fields(rest) {
			n += 4 + len(v)
		}
		if len(rest)-n != 0 && len(rest)-n != 4 && len(rest)-n != 20 && len(rest)-n != 24 {
			t.Fatalf("%d of %d bytes are in fields", n, len(rest))
		}
	})
}

// Reading and writing allocate nothing.
func TestNoAllocation(t *testing.T) {
	b := (&wire.Header{Version: 4, Mode: 3}).Append(nil)
	out := make([]byte, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		h, rest, err := wire.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		for range wire.Fields(rest) {
		}
		out = h.Append(out[:0])
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The reference id of an IPv6 server is the begin of the MD5 of its address: 2001:db8::1, as md5sum has it.
func TestRefIDOf(t *testing.T) {
	if got := wire.RefIDOf(netip.MustParseAddr("2001:db8::1")); got != (wire.RefID{0x39, 0xab, 0x9b, 0x37}) {
		t.Errorf("%x", got)
	}
	if got := wire.RefIDOf(netip.MustParseAddr("192.0.2.1")).String(); got != "192.0.2.1" {
		t.Errorf("%s", got)
	}
}
