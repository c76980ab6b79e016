package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const seed = 0x5eed

// ask returns a query as another's library writes it, changed by those functions.
func ask(name string, typ uint16, change ...func(*dns.Msg)) []byte {
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	m.Id = 0x1234
	for _, c := range change {
		c(m)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// edns adds an OPT record.
func edns(size uint16, do bool, options ...dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) {
		m.SetEdns0(size, do)
		m.IsEdns0().Option = options
	}
}

func version(v uint8) func(*dns.Msg) { return func(m *dns.Msg) { m.IsEdns0().SetVersion(v) } }

func parse(t testing.TB, msg []byte, want Verdict) *Query {
	t.Helper()
	q := new(Query)
	if v := q.Parse(msg, seed); v != want {
		t.Fatalf("verdict %d (rcode %d) on %x, want %d", v, q.Rcode, msg, want)
	}
	return q
}

// unpack has the judge read a reply.
func unpack(t testing.TB, reply []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		t.Fatalf("%v in the reply %x", err, reply)
	}
	for off, sections := headerSize, 0; ; sections++ {
		if sections == int(reply[5]) { // behind the question
			for range len(m.Answer) + len(m.Ns) + len(m.Extra) {
				if off = skipRecord(reply, off); off == 0 {
					t.Fatalf("a record cannot be read in the reply %x", reply)
				}
			}
			if off != len(reply) {
				t.Fatalf("%d bytes behind the end of the reply %x", len(reply)-off, reply)
			}
			return m
		}
		off += nameLength(reply[off:]) + 4
	}
}

func TestPlainQuery(t *testing.T) {
	q := parse(t, ask("WWW.Example.COM.", dns.TypeAAAA, edns(4096, true), func(m *dns.Msg) {
		m.AuthenticatedData, m.CheckingDisabled = true, true
	}), Plain)
	if Text(q.Name.Bytes()) != "www.example.com." || q.Type != dns.TypeAAAA || q.Class != 1 || q.ID != 0x1234 {
		t.Errorf("%s %d %d %x", Text(q.Name.Bytes()), q.Type, q.Class, q.ID)
	}
	if !q.RD || !q.AD || !q.CD || !q.EDNS || !q.DO || q.Size != 4096 || q.Limit() != MaxUDP || q.HasCookie {
		t.Errorf("%+v", q)
	}
	other := parse(t, ask("www.exaMPLE.com.", dns.TypeAAAA, func(m *dns.Msg) {
		m.RecursionDesired = false
	}), Plain)
	if other.Name != q.Name || other.RD || other.EDNS || other.Limit() != 512 {
		t.Errorf("%+v", other)
	}
	if b := other.Question(); string(b) != "\x03www\x07exaMPLE\x03com\x00\x00\x1c\x00\x01" {
		t.Errorf("question %q", b)
	}
	// A Query is used again, and nothing of an older one is left.
	again := *q
	again.Parse(ask("a.", dns.TypeA), seed)
	fresh := parse(t, ask("a.", dns.TypeA), Plain)
	if again.Name.hash != fresh.Name.hash || again.EDNS || again.DO || again.CD || again.Size != 512 {
		t.Errorf("%+v", again)
	}
	asked := new(Query)
	if !asked.Ask([]byte("\x03Www\x07example\x03com\x00"), dns.TypeAAAA, seed) || asked.Name != q.Name {
		t.Errorf("%+v", asked)
	}
	for _, name := range []string{"\x03www", "", "\x00\x00"} {
		if asked.Ask([]byte(name), 1, seed) {
			t.Errorf("it asks for %q", name)
		}
	}
}

// raw is a message from hexadecimal digits, with spaces.
func raw(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// bare is a header alone.
func bare(flags string, counts string) []byte { return raw("1234" + flags + counts) }

// TestCompliance has the cases of ISC's DNS compliance tests (genreport), by their names there, and those of
// RFC 6891, 7873 and 9619.
func TestCompliance(t *testing.T) {
	nsid, expire := &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true}
	subnet := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, Address: net.IPv4zero}
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}
	unknown := &dns.EDNS0_LOCAL{Code: 100}
	flag := func(set func(*dns.Msg)) []byte { return ask("example.com.", dns.TypeSOA, set) }
	opt := func(size uint16, do bool, o ...dns.EDNS0) []byte {
		return ask("example.com.", dns.TypeSOA, edns(size, do, o...))
	}
	const question = "07 6578616d706c65 03 636f6d 00 0006 0001" // example.com. SOA
	one := bare("0100", "0001 0000 0000 0000")
	for _, tt := range []struct {
		name    string
		query   []byte
		verdict Verdict
		rcode   Rcode
	}{
		{"dns", ask("example.com.", dns.TypeSOA), Plain, 0},
		{"aa", flag(func(m *dns.Msg) { m.Authoritative = true }), Plain, 0},
		{"ad", flag(func(m *dns.Msg) { m.AuthenticatedData = true }), Plain, 0},
		{"cd", flag(func(m *dns.Msg) { m.CheckingDisabled = true }), Plain, 0},
		{"ra", flag(func(m *dns.Msg) { m.RecursionAvailable = true }), Plain, 0},
		{"rd", flag(func(m *dns.Msg) { m.RecursionDesired = false }), Plain, 0},
		{"tc", flag(func(m *dns.Msg) { m.Truncated = true }), Plain, 0},
		{"zflag", flag(func(m *dns.Msg) { m.Zero = true }), Plain, 0},
		{"opcode", bare("7800", "0000 0000 0000 0000"), Reject, NotImp},
		{"opcodeflg", bare("7fF0", "0000 0000 0000 0000"), Reject, NotImp},
		{"type666", ask("example.com.", 666), Plain, 0},
		{"edns", opt(4096, false), Plain, 0},
		{"edns1", ask("example.com.", dns.TypeSOA, edns(4096, false), version(1)), Reject, BadVers},
		{"edns@512", ask("example.com.", dns.TypeDNSKEY, edns(512, true)), Plain, 0},
		{"ednsopt", opt(4096, false, unknown), Plain, 0},
		{"edns1opt", ask("example.com.", dns.TypeSOA, edns(4096, false, unknown), version(1)), Reject, BadVers},
		{"do", opt(4096, true), Plain, 0},
		{"docd", ask("example.com.", dns.TypeSOA, edns(4096, true), func(m *dns.Msg) { m.CheckingDisabled = true }),
			Plain, 0},
		{"edns1do", ask("example.com.", dns.TypeSOA, edns(4096, true), version(1)), Reject, BadVers},
		{"ednsflags", ask("example.com.", dns.TypeSOA, edns(4096, false), func(m *dns.Msg) {
			m.IsEdns0().Hdr.Ttl |= 0x80
		}), Plain, 0},
		{"optlist", opt(4096, false, nsid, subnet, expire, cookie), Plain, 0},
		{"ednsnsid", opt(4096, false, nsid), Plain, 0},
		{"ednscookie", opt(4096, false, cookie), Plain, 0},
		{"ednsexpire", opt(4096, false, expire), Plain, 0},
		{"ednssubnet", opt(4096, false, subnet), Plain, 0},

		{"too short", one[:11], Drop, 0},
		{"nothing", nil, Drop, 0},
		{"a response", flag(func(m *dns.Msg) { m.Response = true }), Drop, 0},
		{"no question", bare("0100", "0000 0000 0000 0000"), Reject, FormErr},
		{"no question, a cookie", raw("1234 0100 0000 0000 0000 0001" +
			"00 0029 04d0 00000000 000c 000a 0008 0102030405060708"), Reject, NoError},
		{"two questions", raw("1234 0100 0002 0000 0000 0000" + question + question), Reject, FormErr},
		{"two questions, one there", raw("1234 0100 0002 0000 0000 0000" + question), Reject, FormErr},
		{"a question that ends", one, Reject, FormErr},
		{"a question without a class", raw("1234 0100 0001 0000 0000 0000 01 61 00 0001"), Reject, FormErr},
		{"an answer", raw("1234 0100 0001 0001 0000 0000" + question), Reject, FormErr},
		{"bytes behind it", append(ask("example.com.", 1), 0), Reject, FormErr},
		{"a record that is not there", raw("1234 0100 0001 0000 0000 0001" + question), Reject, FormErr},
		{"three additional records", raw("1234 0100 0001 0000 0000 0003" + question), Reject, FormErr},
		{"a pointer to itself", raw("1234 0100 0001 0000 0000 0000 c00c 0001 0001"), Reject, FormErr},
		{"a pointer to the header", raw("1234 0100 0001 0000 0000 0000 03 777777 c000 0001 0001"), Reject, FormErr},
		{"a label of an older kind", raw("1234 0100 0001 0000 0000 0000 41 00 0001 0001"), Reject, FormErr},
		{"an extended label", raw("1234 0100 0001 0000 0000 0000 80 00 0001 0001"), Reject, FormErr},

		{"two OPT records", raw("1234 0100 0001 0000 0000 0002" + question +
			"00 0029 04d0 00000000 0000 00 0029 04d0 00000000 0000"), Reject, FormErr},
		{"OPT with an owner", raw("1234 0100 0001 0000 0000 0001" + question + "01 61 00 0029 04d0 00000000 0000"),
			Reject, FormErr},
		{"OPT as authority", raw("1234 0100 0001 0000 0001 0000" + question + "00 0029 04d0 00000000 0000"),
			Reject, FormErr},
		{"OPT as type", ask("example.com.", dns.TypeOPT), Reject, FormErr},
		{"an option that ends", raw("1234 0100 0001 0000 0000 0001" + question +
			"00 0029 04d0 00000000 0003 0064 00"), Reject, FormErr},
		{"an option that is too long", raw("1234 0100 0001 0000 0000 0001" + question +
			"00 0029 04d0 00000000 0005 0064 0002 00"), Reject, FormErr},
		{"an option that is wrong in version 1", raw("1234 0100 0001 0000 0000 0001" + question +
			"00 0029 04d0 00010000 0003 0064 00"), Reject, BadVers},
		{"a cookie of 7 bytes", raw("1234 0100 0001 0000 0000 0001" + question +
			"00 0029 04d0 00000000 000b 000a 0007 01020304050607"), Reject, FormErr},
		{"a cookie of 15 bytes", raw("1234 0100 0001 0000 0000 0001" + question +
			"00 0029 04d0 00000000 0013 000a 000f 010203040506070809101112131415"), Reject, FormErr},
		{"a second cookie, of 7 bytes", raw("1234 0100 0001 0000 0000 0001" + question +
			"00 0029 04d0 00000000 0017 000a 0008 0102030405060708 000a 0007 01020304050607"), Plain, 0},

		{"class CHAOS", ask("version.bind.", dns.TypeTXT, func(m *dns.Msg) { m.Question[0].Qclass = 3 }), Other, 0},
		{"class 666", ask("example.com.", dns.TypeA, func(m *dns.Msg) { m.Question[0].Qclass = 666 }), Other, 0},
		{"ANY", ask("example.com.", dns.TypeANY), Other, 0},
		{"AXFR", ask("example.com.", dns.TypeAXFR), Other, 0},
		{"IXFR", raw("1234 0000 0001 0000 0001 0000 01 61 00 00fb 0001 c00c 0006 0001 00000000 0000"), Other, 0},
		{"authority without IXFR", raw("1234 0000 0001 0000 0001 0000 01 61 00 0001 0001" +
			"c00c 0006 0001 00000000 0000"), Reject, FormErr},
		{"type 0", ask("example.com.", 0), Other, 0},
		{"signed", ask("example.com.", dns.TypeA, func(m *dns.Msg) {
			m.SetTsig("key.", dns.HmacSHA256, 300, 1)
		}), Other, 0},
		{"NOTIFY", flag(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), Reject, NotImp},
		{"UPDATE", flag(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), Reject, NotImp},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := parse(t, tt.query, tt.verdict)
			if tt.verdict == Drop {
				return
			}
			if q.Rcode != tt.rcode {
				t.Errorf("rcode %d, want %d", q.Rcode, tt.rcode)
			}
			checkRejection(t, q, tt.query)
		})
	}
}

// checkRejection has the judge read the reply without records, and compares it with the query.
func checkRejection(t testing.TB, q *Query, query []byte) {
	t.Helper()
	reply := q.AppendRejection(nil, ReplyOptions{})
	m := unpack(t, reply)
	rcode := int(q.Rcode)
	if !q.EDNS && rcode > 15 {
		rcode = dns.RcodeServerFailure
	}
	if m.Id != q.ID || !m.Response || !m.RecursionAvailable || m.Rcode != rcode || m.Authoritative ||
		m.Truncated || m.Zero || m.AuthenticatedData || m.RecursionDesired != (query[2]&1 != 0) ||
		m.CheckingDisabled != (query[3]&0x10 != 0) || m.Opcode != int(query[2]>>3&15) {
		t.Errorf("reply %v", m)
	}
	if opt := m.IsEdns0(); opt != nil {
		if !q.EDNS || opt.Version() != 0 || opt.Z() != 0 || opt.Do() != q.DO || len(opt.Option) != 0 {
			t.Errorf("OPT %v", opt)
		}
	} else if q.EDNS {
		t.Error("the reply has no OPT")
	}
	if len(reply) > len(query)+ednsSize {
		t.Errorf("%d bytes for %d", len(reply), len(query))
	}
	if n := len(q.Question()); n > 0 && !bytes.Equal(reply[12:12+n], query[12:12+n]) {
		t.Error("the question is not the client's")
	}
}

// TestNames: what is a name and what is none.
func TestNames(t *testing.T) {
	label := func(n int) string { return string(byte(n)) + strings.Repeat("x", n) }
	longest := label(63) + label(63) + label(63) + label(61) + "\x00" // 255 bytes
	for _, tt := range []struct {
		name string
		wire string
		ok   bool
	}{
		{"the root", "\x00", true},
		{"a label of 63", label(63) + "\x00", true},
		{"a label of 64", label(64) + "\x00", false},
		{"255 bytes", longest, true},
		{"256 bytes", label(63) + label(63) + label(63) + label(62) + "\x00", false},
		{"255 bytes without an end", label(63) + label(63) + label(63) + label(62), false},
		{"127 labels", strings.Repeat("\x01a", 127) + "\x00", true},
		{"128 labels", strings.Repeat("\x01a", 128) + "\x00", false},
		{"any bytes", "\x04\x00.\xff \x00", true},
	} {
		msg := append(raw("1234 0100 0001 0000 0000 0000"), tt.wire...)
		msg = append(msg, 0, 1, 0, 1)
		q := new(Query)
		v := q.Parse(msg, seed)
		if (v == Plain) != tt.ok || !tt.ok && (v != Reject || q.Rcode != FormErr) {
			t.Errorf("%s: verdict %d", tt.name, v)
		}
		if tt.ok && !bytes.Equal(q.Name.Bytes(), []byte(tt.wire)) {
			t.Errorf("%s: %q", tt.name, q.Name.Bytes())
		}
		var n Name
		if n.Set([]byte(tt.wire), seed) != tt.ok {
			t.Errorf("%s: Set says another thing", tt.name)
		}
	}
}

// TestLetterCase: every byte is folded as RFC 4343 says, wherever in a word it is.
func TestLetterCase(t *testing.T) {
	for c := range 256 {
		for i := range 9 {
			label := bytes.Repeat([]byte{0xc1}, 9)
			label[i] = byte(c)
			var n Name
			n.Set(append(append([]byte{9}, label...), 0), seed)
			want := append(append([]byte{9}, label...), 0)
			if 'A' <= c && c <= 'Z' {
				want[1+i] = byte(c) + 'a' - 'A'
			}
			if !bytes.Equal(n.Bytes(), want) {
				t.Fatalf("byte %d at %d becomes %q", c, i, n.Bytes())
			}
			if foldByte(byte(c)) != want[1+i] {
				t.Fatalf("foldByte(%d) is %d", c, foldByte(byte(c)))
			}
		}
	}
}

func TestHashDependsOnSeedAndLength(t *testing.T) {
	var a, b, c Name
	a.Set([]byte("\x01a\x00"), 1)
	b.Set([]byte("\x01a\x00"), 2)
	if a.Hash() == b.Hash() {
		t.Error("one hash by two seeds")
	}
	b.Set([]byte("\x02a\x00\x00"), 1)
	c.Set([]byte("\x01A\x00"), 1)
	if a.Hash() == b.Hash() || a != c {
		t.Errorf("%v %v %v", a.Hash(), b.Hash(), c.Hash())
	}
}

func TestText(t *testing.T) {
	for wire, text := range map[string]string{
		"\x00":                           ".",
		"\x03www\x07example\x00":         "www.example.",
		"\x03a.b\x02\\\"\x01 \x00":       `a\.b.\\\".\032.`,
		"\x03\x00\x1b\xff\x01*\x00":      `\000\027\255.*.`,
		"\x06_a(b);\x01@\x02$x\x00":      `_a\(b\)\;.\@.\$x.`,
		"\x0dc\xc3\xa9-\x7f~!#%&/=?\x00": `c\195\169-\127~!#%&/=?.`,
	} {
		if got := Text([]byte(wire)); got != text {
			t.Errorf("%q: %s, want %s", wire, got, text)
		}
		if got, err := ParseText(text); err != nil || string(got) != wire {
			t.Errorf("%s: %q, %v", text, got, err)
		}
		got, err := ParseText(strings.TrimSuffix(text, "."))
		if text != "." && (err != nil || string(got) != wire) {
			t.Errorf("%s without a dot: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                             "1 to 255 are allowed",
		"a..b":                         "a label is empty",
		".a":                           "a label is empty",
		`a\`:                           "three digits",
		`a\25`:                         "three digits",
		`a\256`:                        "three digits",
		strings.Repeat("x", 64):        "more than 63 bytes",
		strings.Repeat("xxxxxxx.", 32): "257 bytes",
	} {
		if got, err := ParseText(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if Text([]byte("\x05ab")) != "" || Text(nil) != "." {
		t.Error("what is no name has a text")
	}
}

// FuzzQuery: whatever comes in, a query that is Plain is one to another's library too, and means the same; a
// reply can be read.
func FuzzQuery(f *testing.F) {
	f.Add(ask("www.example.com.", dns.TypeA, edns(1232, true, &dns.EDNS0_COOKIE{
		Code: dns.EDNS0COOKIE, Cookie: "0102030405060708" + "01000000aabbccdd0102030405060708",
	})))
	f.Add(ask(".", dns.TypeNS))
	f.Add(ask("example.com.", dns.TypeA, func(m *dns.Msg) { m.SetTsig("key.", dns.HmacSHA256, 300, 1) }))
	f.Add(raw("1234 0000 0001 0000 0001 0000 01 61 00 00fb 0001 c00c 0006 0001 00000000 0000"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		q := new(Query)
		v := q.Parse(msg, seed)
		if v == Drop {
			if len(msg) >= 12 && msg[2]&0x80 == 0 {
				t.Error("a query is dropped")
			}
			return
		}
		checkRejection(t, q, msg)
		if v != Plain {
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(msg); err != nil {
			// It is stricter in the data of options, which are not looked at here.
			if binary.BigEndian.Uint16(msg[10:]) > 0 {
				return
			}
			t.Fatalf("plain here, %v there", err)
		}
		question := m.Question[0]
		wire, err := ParseText(strings.ToLower(Text(q.Name.Bytes())))
		if err != nil || !bytes.Equal(wire, q.Name.Bytes()) {
			t.Errorf("name %q, %q, %v", q.Name.Bytes(), wire, err)
		}
		packed := make([]byte, 300)
		n, err := dns.PackDomainName(question.Name, packed, 0, nil, false)
		if err != nil || !equalFold(packed[:n], q.Name.Bytes()) {
			t.Errorf("name %q, %q, %v", q.Name.Bytes(), packed[:n], err)
		}
		opt := m.IsEdns0()
		if q.Type != question.Qtype || q.Class != question.Qclass || q.EDNS != (opt != nil) ||
			opt != nil && (q.DO != opt.Do() || q.Size != max(opt.UDPSize(), 512) || opt.Version() != 0) {
			t.Errorf("%+v, %v", q, m)
		}
	})
}
