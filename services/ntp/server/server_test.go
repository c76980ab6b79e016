package server

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

var (
	host     = netip.MustParseAddr("192.168.1.7")
	received = wire.FromUnix(1_800_000_000_500_000_000)
	limits   = Limits{Burst: 4, Every: time.Second, Clients: 64}
)

// synchronised is a clock that was corrected 110 s before received, and looked at 100 s before.
var synchronised = State{
	Stratum: 3, Leap: wire.LeapInsert, Precision: -21, RefID: wire.RefID{192, 0, 2, 1}, RootDelay: 20 * time.Millisecond,
	RootDispersion: 3 * time.Millisecond, Reference: received - 110<<32, At: received - 100<<32,
}

// question is one of a client, with bytes behind its header.
func question(version uint8, mode wire.Mode, more ...byte) []byte {
	h := wire.Header{Version: version, Mode: mode, Poll: 6, Transmit: 0xfeedfacecafebeef, Leap: wire.LeapUnknown}
	return append(h.Append(nil), more...)
}

func read(t *testing.T, b []byte) wire.Header {
	t.Helper()
	h, rest, err := wire.Read(b)
	if err != nil || len(rest) > 0 {
		t.Fatalf("answer %x: %v", b, err)
	}
	return h
}

// TestAnswer is what clients of each version are told.
func TestAnswer(t *testing.T) {
	for version := uint8(1); version <= 4; version++ {
		s := New(limits, 1)
		s.Set(synchronised)
		reply, v := s.Answer(nil, question(version, wire.ModeClient), host, 0, received)
		if v != Answered {
			t.Fatalf("version %d: verdict %d", version, v)
		}
		sent := received + 1<<20
		Stamp(reply, sent)
		want := wire.Header{
			Leap: wire.LeapInsert, Version: version, Mode: wire.ModeServer, Stratum: 3, Poll: 6, Precision: -21,
			RootDelay: wire.ToShort(20 * time.Millisecond), RootDispersion: wire.ToShort(4500 * time.Microsecond),
			RefID: wire.RefID{192, 0, 2, 1}, Reference: synchronised.Reference, Origin: 0xfeedfacecafebeef,
			Receive: received, Transmit: sent,
		}
		if got := read(t, reply); got != want {
			t.Errorf("version %d:\n got %+v\nwant %+v", version, got, want)
		}
	}
}

// TestNotSynchronised: there is no time in it that a client could take.
func TestNotSynchronised(t *testing.T) {
	s := New(limits, 1)
	s.Set(State{Precision: -20, Leap: wire.LeapNone, RefID: wire.RefID{1, 2, 3, 4}})
	reply, v := s.Answer(nil, question(4, wire.ModeClient), host, 0, received)
	h := read(t, reply)
	if v != Unsynchronised || !h.Unsynchronised() || h.Leap != wire.LeapUnknown || h.Stratum != 0 {
		t.Errorf("verdict %d, %+v", v, h)
	}
	if code, kiss := h.Kiss(); !kiss || code.String() != "INIT" {
		t.Errorf("kiss %q %v", code, kiss)
	}
	if s.Counts() != (Counts{Unsynchronised: 1}) {
		t.Errorf("%+v", s.Counts())
	}
}

// TestLocal: a clock that nobody corrects is always corrected now, and says whose it is.
func TestLocal(t *testing.T) {
	s := New(limits, 1)
	s.Set(State{Stratum: 10, RefID: RefIDLocal, Local: true})
	reply, _ := s.Answer(nil, question(4, wire.ModeClient), host, 0, received)
	if h := read(t, reply); h.Stratum != 10 || h.RefID.String() != "LOCL" || h.Reference != received || h.Leap != 0 {
		t.Errorf("%+v", h)
	}
}

// TestBehindTheReference: after the clock was set back a dispersion is not negative.
func TestBehindTheReference(t *testing.T) {
	s := New(limits, 1)
	s.Set(synchronised)
	reply, _ := s.Answer(nil, question(4, wire.ModeClient), host, 0, synchronised.At-5<<32)
	if h := read(t, reply); h.RootDispersion != wire.ToShort(3*time.Millisecond) {
		t.Errorf("dispersion %v", h.RootDispersion.Duration())
	}
}

// TestWhatFollows is the form of questions: RFC 7822, and authenticators.
func TestWhatFollows(t *testing.T) {
	field := func(length int) []byte {
		b := make([]byte, length)
		b[0], b[1] = 0xf3, 0x23
		binary.BigEndian.PutUint16(b[2:], uint16(length))
		return b
	}
	for _, c := range []struct {
		name    string
		version uint8
		more    []byte
		want    Verdict
	}{
		{"a key's number", 4, make([]byte, 4), Answered},
		{"an authenticator by MD5", 3, make([]byte, 20), Answered},
		{"an authenticator by SHA-1", 4, make([]byte, 24), Answered},
		{"an unknown extension field", 4, field(28), Answered},
		{"two, and an authenticator", 4, append(append(field(16), field(64)...), make([]byte, 20)...), Answered},
		{"half a field", 4, field(64)[:40], Malformed},
		{"a few bytes", 4, []byte{1, 2, 3}, Malformed},
	} {
		s := New(limits, 1)
		s.Set(synchronised)
		reply, v := s.Answer(nil, question(c.version, wire.ModeClient, c.more...), host, 0, received)
		if v != c.want {
			t.Errorf("%s: verdict %d, want %d", c.name, v, c.want)
		}
		if v == Answered && len(reply) != wire.Size {
			t.Errorf("%s: an answer of %d bytes", c.name, len(reply))
		}
	}
}

// TestNotAsked: modes and versions that get no answer, among them what amplifiers were made of.
func TestNotAsked(t *testing.T) {
	s := New(limits, 1)
	s.Set(synchronised)
	for mode := wire.Mode(0); mode < 8; mode++ {
		for version := range uint8(8) {
			now := time.Duration(8*mode+wire.Mode(version)) * time.Minute
			reply, v := s.Answer(nil, question(version, mode), host, now, received)
			asked := version >= 1 && version <= 4 && (mode == wire.ModeClient || mode == wire.ModeActive || mode == 0 && version == 1)
			if asked && len(reply) == wire.Size { // chronyd answers the same in the same modes, and nobody answers these
				want := map[wire.Mode]wire.Mode{0: wire.ModeServer, wire.ModeActive: wire.ModePassive, wire.ModeClient: wire.ModeServer}[mode]
				_, again := s.Answer(nil, reply, host, now, received)
				if got := read(t, reply).Mode; got != want || again != Other {
					t.Errorf("version %d mode %d: answered in mode %d, and that with verdict %d", version, mode, got, again)
				}
			}
			if asked != (len(reply) > 0) || asked != (v == Answered) {
				t.Errorf("version %d mode %d: %d bytes, verdict %d", version, mode, len(reply), v)
			}
		}
	}
	for _, text := range []string{
		"1700032a00000000",                 // monlist of ntpdc, mode 7
		"16010001000000000000000000000000", // readstat of ntpq, mode 6
		"", "23", strings.Repeat("00", 47),
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if reply, v := s.Answer(nil, b, host, 0, received); len(reply) > 0 || v != Malformed {
			t.Errorf("%s: %x, verdict %d", text, reply, v)
		}
	}
}

// TestRate: a burst, then its pace, RATE once a second, and others are not hurt.
func TestRate(t *testing.T) {
	s := New(limits, 1)
	s.Set(synchronised)
	ask := func(at time.Duration) Verdict {
		reply, v := s.Answer(nil, question(4, wire.ModeClient), host, at, received)
		if v == Rated {
			h := read(t, reply)
			code, kiss := h.Kiss()
			if !kiss || code != wire.KissRate || h.Leap != wire.LeapUnknown || h.Origin != 0xfeedfacecafebeef {
				t.Errorf("RATE is %+v", h)
			}
		}
		return v
	}
	for _, c := range []struct {
		at   time.Duration
		want Verdict
	}{
		{0, Answered}, {0, Answered}, {0, Answered}, {0, Answered}, {0, Rated}, {1, Unanswered},
		{time.Second - 1, Unanswered}, {time.Second, Answered}, {time.Second, Rated}, {time.Second, Unanswered},
		{time.Hour, Answered},
	} {
		if got := ask(c.at); got != c.want {
			t.Errorf("at %v: verdict %d, want %d", c.at, got, c.want)
		}
	}
	if _, v := s.Answer(nil, question(4, wire.ModeClient), host.Next(), time.Second, received); v != Answered {
		t.Errorf("another one: verdict %d", v)
	}
}

// TestDefaults: where nothing else is said, an address has 64 answers at once, and 20 a second.
func TestDefaults(t *testing.T) {
	s := New(Limits{}, 1)
	s.Set(synchronised)
	answers := func(at time.Duration) (n int) {
		for range 100 {
			if _, v := s.Answer(nil, question(4, wire.ModeClient), host, at, received); v == Answered {
				n++
			}
		}
		return n
	}
	if n := answers(0); n != 64 {
		t.Errorf("%d answers at once", n)
	}
	if n := answers(time.Second); n != 20 {
		t.Errorf("%d answers a second later", n)
	}
}

// TestClients is who asked, how often, and that the table has an end.
func TestClients(t *testing.T) {
	s := New(limits, 1)
	s.Set(synchronised)
	local := netip.MustParseAddr("fe80::1%eth1")
	for i := range 5 {
		at := time.Hour + time.Duration(i)*16*time.Second
		s.Answer(nil, question(4, wire.ModeClient), host, at, received)
		s.Answer(nil, question(3, wire.ModeClient), local, at+1, received)
	}
	s.Answer(nil, question(4, wire.ModeClient), local.WithZone("eth2"), 2*time.Hour, received)
	all, known := s.Clients(2)
	want := []Client{
		{Addr: local.WithZone("eth2"), First: 2 * time.Hour, Last: 2 * time.Hour, Asked: 1, Version: 4},
		{Addr: local, First: time.Hour + 1, Last: time.Hour + 64*time.Second + 1, Interval: 16 * time.Second, Asked: 5, Version: 3},
	}
	if known != 3 || len(all) != 2 || all[0] != want[0] || all[1] != want[1] {
		t.Errorf("%d known:\n got %+v\nwant %+v", known, all, want)
	}
	a := netip.MustParseAddr("10.0.0.0")
	for i := range 10_000 {
		a = a.Next()
		s.Answer(nil, question(4, wire.ModeClient), a, 3*time.Hour+time.Duration(i), received)
	}
	all, known = s.Clients(1 << 20)
	if known > limits.Clients || known < limits.Clients/2 || len(all) != known || all[0].Addr != a {
		t.Errorf("%d known of %d, the last %v", known, limits.Clients, all[0].Addr)
	}
}

// TestAllocates nothing, whoever asks.
func TestAllocatesNothing(t *testing.T) {
	s := New(Limits{}, 1)
	s.Set(synchronised)
	dst, q, a := make([]byte, 0, 64), question(4, wire.ModeClient), host
	n := testing.AllocsPerRun(1000, func() {
		a = a.Next()
		reply, _ := s.Answer(dst, q, a, time.Hour, received)
		Stamp(reply, received)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzAnswer: nothing that comes makes an answer that is longer, or one to what no client has asked.
func FuzzAnswer(f *testing.F) {
	f.Add(question(4, wire.ModeClient))
	f.Add(question(3, wire.ModeClient, make([]byte, 20)...))
	f.Add(question(4, 6))
	f.Add([]byte{0x17, 0, 3, 0x2a})
	s := New(Limits{Burst: 1 << 30}, 1)
	s.Set(synchronised)
	f.Fuzz(func(t *testing.T, b []byte) {
		reply, v := s.Answer(nil, b, host, 0, received)
		if len(reply) == 0 {
			if v == Answered {
				t.Error("answered with nothing")
			}
			return
		}
		h := read(t, reply)
		if len(reply) > len(b) || b[0]&7 != 3 || h.Mode != wire.ModeServer || uint64(h.Origin) != binary.BigEndian.Uint64(b[40:]) {
			t.Errorf("%x is answered by %x", b, reply)
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	s := New(Limits{}, 1)
	s.Set(synchronised)
	dst, q := make([]byte, 0, 64), question(4, wire.ModeClient)
	var hosts [10_000]netip.Addr
	for i := range hosts {
		hosts[i] = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		s.Answer(dst, q, hosts[n%len(hosts)], time.Duration(n)*time.Millisecond, received)
	}
}
