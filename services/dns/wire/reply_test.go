package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"
)

// records packs records as another's library does, uncompressed.
func records(lines ...string) (b []byte) {
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic(err)
		}
		buf := make([]byte, 512+len(line))
		n, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			panic(err)
		}
		b = append(b, buf[:n]...)
	}
	return b
}

// addresses are n lines of A records.
func addresses(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf("example.com. 60 IN A 192.0.2.%d", i))
	}
	return lines
}

func TestReply(t *testing.T) {
	q := parse(t, ask("Example.COM.", dns.TypeA, edns(4096, false)), Plain)
	a := Answer{
		AA: true, AD: true, Records: records("example.com. 60 IN A 192.0.2.1",
			"example.com. 60 IN NS ns.example.com.", "ns.example.com. 60 IN A 192.0.2.2"),
		Answers: 1, Authorities: 1, Additionals: 1,
	}
	m := unpack(t, q.Append([]byte{}, a, ReplyOptions{}))
	if !m.Authoritative || m.AuthenticatedData || len(m.Answer) != 1 || len(m.Ns) != 1 || len(m.Extra) != 2 ||
		m.Question[0].Name != "Example.COM." || m.IsEdns0().UDPSize() != MaxUDP {
		t.Errorf("%v", m)
	}
	for _, tt := range []struct {
		change func(*dns.Msg)
		want   bool
	}{
		{func(*dns.Msg) {}, false},
		{func(m *dns.Msg) { m.AuthenticatedData = true }, true},
		{edns(1232, true), true},
	} {
		q := parse(t, ask("example.com.", dns.TypeA, tt.change), Plain)
		if m := unpack(t, q.Append(nil, a, ReplyOptions{})); m.AuthenticatedData != tt.want {
			t.Errorf("AD: %v", m)
		}
	}
	// A reply is appended, and what is before it stays.
	out := q.Append([]byte("before"), a, ReplyOptions{})
	if !bytes.HasPrefix(out, []byte("before")) || len(unpack(t, out[6:]).Answer) != 1 {
		t.Errorf("%q", out)
	}
	// Small enough for those whose address may be forged: TC and nothing else.
	if m := unpack(t, q.Append(nil, Answer{TC: true}, ReplyOptions{})); !m.Truncated || len(m.Answer) > 0 {
		t.Errorf("%v", m)
	}
	if m := unpack(t, q.Append(nil, Answer{Rcode: BadCookie}, ReplyOptions{})); m.Rcode != dns.RcodeBadCookie {
		t.Errorf("%v", m)
	}
}

// TestTruncation: replies of every length against limits around it; what is left is a beginning of the whole.
func TestTruncation(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*dns.Msg)
		limit  int // of ReplyOptions
		most   int
	}{
		{"no EDNS", func(*dns.Msg) {}, 0, 512},
		{"EDNS of 100 bytes", edns(100, false), 0, 512},
		{"EDNS of 600 bytes", edns(600, false), 0, 600},
		{"EDNS of 4096 bytes", edns(4096, false), 0, 1232},
		{"TCP", func(*dns.Msg) {}, 65535, 65535},
		{"a limit that nobody may set", edns(4096, false), 20, 512},
	} {
		q := parse(t, ask("example.com.", dns.TypeA, tt.change), Plain)
		o := ReplyOptions{Limit: tt.limit}
		for n := 0; n < 120; n++ {
			lines := addresses(n)
			a := Answer{
				Answers: uint16(n), Authorities: 1, Additionals: 1,
				Records: records(append(lines, "example.com. 60 IN NS ns.example.com.",
					"ns.example.com. 60 IN A 192.0.2.2")...),
			}
			out := q.Append(nil, a, o)
			m := unpack(t, out)
			extra := len(m.Extra)
			if q.EDNS {
				extra--
			}
			if len(out) > tt.most {
				t.Fatalf("%s: %d bytes", tt.name, len(out))
			}
			cut := len(m.Answer) < n || len(m.Ns) < 1
			if m.Truncated != cut || cut && extra > 0 || len(m.Answer) < n && len(m.Ns) > 0 {
				t.Fatalf("%s: of %d answers: %v", tt.name, n, m)
			}
			if extra == 0 && len(out)+31 <= tt.most && !cut || cut && len(out)+40 < tt.most {
				t.Fatalf("%s: of %d answers, %d bytes of %d are used: %v", tt.name, n, len(out), tt.most, m)
			}
			for i, rr := range m.Answer {
				if want, _ := dns.NewRR(lines[i]); rr.String() != want.String() {
					t.Fatalf("answer %v, want %v", rr, want)
				}
			}
		}
	}
}

// TestTruncationOfRandomSections compares with a slow way: the longest beginning of the records that fits.
func TestTruncationOfRandomSections(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var rrs [][]byte
		a := Answer{}
		for i, n := range []*uint16{&a.Answers, &a.Authorities, &a.Additionals} {
			*n = uint16(random.IntN(6))
			for range *n {
				txt := bytes.Repeat([]byte{'a' + byte(i)}, random.IntN(250))
				rrs = append(rrs, records(fmt.Sprintf("x. 1 IN TXT %q", txt)))
				a.Records = append(a.Records, rrs[len(rrs)-1]...)
			}
		}
		q := parse(t, ask("x.", dns.TypeTXT, edns(uint16(random.IntN(1500)), random.IntN(2) == 0)), Plain)
		o := ReplyOptions{Extended: uint16(random.IntN(2))}
		out := q.Append(nil, a, o)
		room, fit := q.Limit()-headerSize-7-q.optSize(o), 0
		for fit < len(rrs) && len(rrs[fit]) <= room {
			room -= len(rrs[fit])
			fit++
		}
		m := unpack(t, out)
		got := len(m.Answer) + len(m.Ns) + len(m.Extra) - 1
		if got != fit || m.Truncated != (fit < int(a.Answers)+int(a.Authorities)) || len(out) > q.Limit() {
			t.Fatalf("%d of %d records, want %d, TC %v, %d bytes of %d", got, len(rrs), fit, m.Truncated, len(out),
				q.Limit())
		}
	}
}

// FuzzReply: records that are no records, and counts that are wrong, make no reply that is too long, and none
// that has half a record.
func FuzzReply(f *testing.F) {
	f.Add(records(addresses(40)...), uint16(40), uint16(0), uint16(0), uint16(1232))
	f.Add([]byte{0xc0}, uint16(1), uint16(1), uint16(1), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, answers, authorities, additionals, size uint16) {
		q := parse(t, ask("example.com.", dns.TypeA, edns(size, true)), Plain)
		out := q.Append(nil, Answer{
			Records: b, Answers: answers, Authorities: authorities, Additionals: additionals,
		}, ReplyOptions{})
		if len(out) > q.Limit() {
			t.Fatalf("%d bytes of %d", len(out), q.Limit())
		}
		if len(b) > q.Limit() { // it was cut, so the counts are right
			off := headerSize + len(q.Question())
			for range int(out[6])<<8 + int(out[7]) + int(out[8])<<8 + int(out[9]) + int(out[10])<<8 + int(out[11]) {
				if off = skipRecord(out, off); off == 0 {
					t.Fatalf("half a record in %x", out)
				}
			}
			if off != len(out) {
				t.Fatalf("%d bytes behind the end of %x", len(out)-off, out)
			}
		}
	})
}
