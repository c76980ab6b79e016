package wire

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A response is a message of an upstream, in the words of a zone file.
type response struct {
	rcode                     int
	answer, authority, extra  []string
	truncated, authentic, raw bool // raw: uncompressed
	question                  string
	typ                       uint16
}

func (r response) pack(q *Query) []byte {
	m := new(dns.Msg)
	m.SetQuestion(Text(q.Name.Bytes()), q.Type)
	if r.question != "" {
		m.SetQuestion(r.question, r.typ)
	}
	m.Response, m.Rcode, m.Compress = true, r.rcode, !r.raw
	m.Truncated, m.AuthenticatedData = r.truncated, r.authentic
	for i, lines := range [][]string{r.answer, r.authority, r.extra} {
		for _, line := range lines {
			rr, err := dns.NewRR(line)
			if err != nil {
				panic(err)
			}
			section := []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra}[i]
			*section = append(*section, rr)
		}
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

const (
	soa    = "example.com. 900 IN SOA ns.example.com. admin.example.com. 1 7200 900 86400 300"
	sigEnd = " 13 2 300 20300101000000 20200101000000 1 example.com. c2lnbmF0dXJl"
	sigA   = "www.example.com. 300 IN RRSIG A" + sigEnd
)

// lines are the records of a section, as text.
func lines(rrs []dns.RR) (s []string) {
	for _, rr := range rrs {
		s = append(s, strings.ReplaceAll(rr.String(), "\t", " "))
	}
	return s
}

// question is a plain question of a client.
func question(t testing.TB, name string, typ uint16, do bool) *Query {
	t.Helper()
	return parse(t, ask(name, typ, edns(4096, do)), Plain)
}

// TestExtract: what is taken of a response, and what it is good for.
func TestExtract(t *testing.T) {
	www := []string{"www.example.com. 300 IN A 192.0.2.1"}
	for _, tt := range []struct {
		name              string
		question          string
		typ               uint16
		do                bool
		response          response
		finding           Finding
		ttl               time.Duration
		answer, authority []string
	}{
		{"an answer", "www.example.com.", dns.TypeA, false, response{
			answer: www, authority: []string{"example.com. 900 IN NS ns.example.com."},
			extra: []string{"ns.example.com. 900 IN A 192.0.2.9"},
		}, Good, 300 * time.Second, www, nil},
		{"another letter case", "WWW.example.COM.", dns.TypeA, false, response{
			question: "www.Example.com.", typ: dns.TypeA, answer: []string{"Www.eXample.com. 300 IN A 192.0.2.1"},
		}, Good, 300 * time.Second, []string{"WWW.example.COM. 300 IN A 192.0.2.1"}, nil},
		{"a set with two TTLs", "www.example.com.", dns.TypeA, false, response{answer: []string{
			"www.example.com. 300 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2",
		}}, Good, 60 * time.Second, []string{
			"www.example.com. 60 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2",
		}, nil},
		{"aliases in any order", "www.example.com.", dns.TypeA, false, response{answer: []string{
			"c.example.net. 20 IN A 192.0.2.1", "b.example.org. 40 IN CNAME c.example.net.",
			"www.example.com. 300 IN CNAME b.example.org.",
		}}, Good, 20 * time.Second, []string{
			"www.example.com. 300 IN CNAME b.example.org.", "b.example.org. 40 IN CNAME c.example.net.",
			"c.example.net. 20 IN A 192.0.2.1",
		}, nil},
		{"the alias itself", "www.example.com.", dns.TypeCNAME, false, response{answer: []string{
			"www.example.com. 300 IN CNAME b.example.org.", "b.example.org. 1 IN A 192.0.2.1",
		}}, Good, 300 * time.Second, []string{"www.example.com. 300 IN CNAME b.example.org."}, nil},
		{"an alias and nothing at its end", "www.example.com.", dns.TypeA, false, response{
			answer: []string{"www.example.com. 300 IN CNAME b.example.org."},
		}, Incomplete, 0, []string{"www.example.com. 300 IN CNAME b.example.org."}, nil},
		{"an alias and the SOA of its own zone", "www.example.com.", dns.TypeA, false, response{
			answer: []string{"www.example.com. 300 IN CNAME b.example.org."}, authority: []string{soa},
		}, Incomplete, 0, []string{"www.example.com. 300 IN CNAME b.example.org."}, nil},
		{"an alias of what has nothing of that type", "www.example.org.", dns.TypeAAAA, false, response{
			answer:    []string{"www.example.org. 700 IN CNAME www.example.com."},
			authority: []string{soa},
		}, Good, 300 * time.Second, []string{"www.example.org. 700 IN CNAME www.example.com."},
			[]string{strings.Replace(soa, " 900", " 300", 1)}},
		{"records of other names", "www.example.com.", dns.TypeA, false, response{
			answer:    []string{www[0], "bank.example. 9999 IN A 192.0.2.66", "example.com. 9 IN TXT x"},
			authority: []string{"com. 9999 IN NS ns.evil.example.", "bank.example. 9999 IN A 192.0.2.66"},
			extra:     []string{"ns.evil.example. 9999 IN A 192.0.2.66"},
		}, Good, 300 * time.Second, www, nil},
		{"an alias as authority", "www.example.com.", dns.TypeA, false, response{
			answer:    []string{"b.example.org. 40 IN A 192.0.2.1"},
			authority: []string{"www.example.com. 300 IN CNAME b.example.org."},
		}, Unproven, 0, nil, nil},
		{"an address as authority", "www.example.com.", dns.TypeA, false, response{authority: append(www, soa)},
			Good, 300 * time.Second, nil, []string{strings.Replace(soa, " 900", " 300", 1)}},
		{"an alias of below another name", "www.example.com.", dns.TypeA, false, response{answer: []string{
			"example.org. 60 IN DNAME example.net.", "www.example.com. 60 IN DNAME example.net.",
			"a.www.example.com. 60 IN DNAME example.net.", www[0],
		}}, Good, 300 * time.Second, www, nil},
		{"an alias, and one of below another name", "www.example.com.", dns.TypeA, false, response{answer: []string{
			"example.org. 60 IN DNAME example.net.", "www.example.com. 60 IN CNAME www.example.org.",
			"www.example.org. 60 IN A 192.0.2.1",
		}}, Good, 60 * time.Second, []string{
			"www.example.com. 60 IN CNAME www.example.org.", "www.example.org. 60 IN A 192.0.2.1",
		}, nil},
		{"no such name", "no.example.com.", dns.TypeA, false, response{
			rcode: dns.RcodeNameError, authority: []string{soa},
		}, Good, 300 * time.Second, nil, []string{strings.Replace(soa, " 900", " 300", 1)}},
		{"a SOA that is longer than its TTL", "no.example.com.", dns.TypeA, false, response{
			rcode: dns.RcodeNameError, authority: []string{strings.Replace(soa, " 900", " 30", 1)},
		}, Good, 30 * time.Second, nil, []string{strings.Replace(soa, " 900", " 30", 1)}},
		{"a SOA of a week", "no.example.com.", dns.TypeA, false, response{
			rcode: dns.RcodeNameError, authority: []string{"com. 604800 IN SOA a. b. 1 2 3 4 604800"},
		}, Good, time.Hour, nil, []string{"com. 3600 IN SOA a. b. 1 2 3 4 604800"}},
		{"nothing of that type", "www.example.com.", dns.TypeAAAA, false, response{authority: []string{soa}},
			Good, 300 * time.Second, nil, []string{strings.Replace(soa, " 900", " 300", 1)}},
		{"nothing, by a SOA of another zone", "www.example.com.", dns.TypeAAAA, false, response{
			authority: []string{strings.Replace(soa, "example.com.", "example.net.", 1)},
		}, Unproven, 0, nil, nil},
		{"nothing, by a SOA below", "www.example.com.", dns.TypeAAAA, false, response{
			authority: []string{"a.www." + soa},
		}, Unproven, 0, nil, nil},
		{"nothing, by no SOA", "www.example.com.", dns.TypeAAAA, false, response{}, Unproven, 0, nil, nil},
		{"a referral", "www.example.com.", dns.TypeA, false, response{
			authority: []string{"example.com. 900 IN NS ns.example.com."},
		}, Unproven, 0, nil, nil},
		{"no such name, by no SOA", "www.example.com.", dns.TypeA, false, response{rcode: dns.RcodeNameError},
			Unproven, 0, nil, nil},
		{"not to be kept", "www.example.com.", dns.TypeA, false, response{
			answer: []string{"www.example.com. 0 IN A 192.0.2.1"},
		}, Brief, 0, []string{"www.example.com. 0 IN A 192.0.2.1"}, nil},
		{"a TTL below zero", "www.example.com.", dns.TypeA, false, response{
			answer: []string{"www.example.com. 2147483648 IN A 192.0.2.1"},
		}, Brief, 0, []string{"www.example.com. 0 IN A 192.0.2.1"}, nil},
		{"a TTL of years", "www.example.com.", dns.TypeA, false, response{
			answer: []string{"www.example.com. 99999999 IN A 192.0.2.1"},
		}, Good, 24 * time.Hour, []string{"www.example.com. 86400 IN A 192.0.2.1"}, nil},
		{"an alias of below", "a.b.example.com.", dns.TypeA, false, response{answer: []string{
			"b.example.com. 60 IN DNAME example.net.", "a.b.example.com. 0 IN CNAME a.example.net.",
			"a.example.net. 60 IN A 192.0.2.1",
		}}, Brief, 0, []string{
			"b.example.com. 60 IN DNAME example.net.", "a.b.example.com. 0 IN CNAME a.example.net.",
			"a.example.net. 60 IN A 192.0.2.1",
		}, nil},

		{"another question", "www.example.com.", dns.TypeA, false, response{
			question: "example.com.", typ: 1, answer: www,
		}, Mismatch, 0, nil, nil},
		{"another type", "www.example.com.", dns.TypeA, false, response{question: "www.example.com.", typ: 28},
			Mismatch, 0, nil, nil},
		{"truncated", "www.example.com.", dns.TypeA, false, response{truncated: true, answer: www},
			Truncated, 0, nil, nil},
		{"SERVFAIL", "www.example.com.", dns.TypeA, false, response{rcode: 2}, Failed, 0, nil, nil},
		{"REFUSED", "www.example.com.", dns.TypeA, false, response{rcode: 5, answer: www}, Failed, 0, nil, nil},
		{"an alias of itself", "www.example.com.", dns.TypeA, false, response{
			answer: []string{"www.example.com. 300 IN CNAME www.example.com."},
		}, Contradiction, 0, nil, nil},
		{"aliases in a circle", "a.example.com.", dns.TypeA, false, response{answer: []string{
			"a.example.com. 300 IN CNAME b.example.com.", "b.example.com. 300 IN CNAME a.example.com.",
		}}, Contradiction, 0, nil, nil},
		{"two aliases of one name", "a.example.com.", dns.TypeA, false, response{answer: []string{
			"a.example.com. 300 IN CNAME b.example.com.", "a.example.com. 300 IN CNAME c.example.com.",
		}}, Contradiction, 0, nil, nil},
		{"no such name, and its address", "www.example.com.", dns.TypeA, false, response{
			rcode: dns.RcodeNameError, answer: www, authority: []string{soa},
		}, Contradiction, 0, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := question(t, tt.question, tt.typ, tt.do)
			e := NewExtract(DefaultBounds())
			f := e.Take(q, tt.response.pack(q))
			if f != tt.finding || e.TTL != tt.ttl {
				t.Fatalf("%s, for %v, want %s, %v", f, e.TTL, tt.finding, tt.ttl)
			}
			m := unpack(t, q.Append(nil, e.Answer, ReplyOptions{}))
			if !slices.Equal(lines(m.Answer), tt.answer) || !slices.Equal(lines(m.Ns), tt.authority) {
				t.Errorf("%v\nwant answer %q, authority %q", m, tt.answer, tt.authority)
			}
			if f != Failed && m.Rcode != tt.response.rcode {
				t.Errorf("rcode %d", m.Rcode)
			}
		})
	}
}

// TestExtractOfSignedAnswers: signatures and proofs are there for those who want them, of zones that can have
// made them.
func TestExtractOfSignedAnswers(t *testing.T) {
	const (
		nsec    = "www.example.com. 300 IN NSEC a.example.com. A RRSIG NSEC"
		sigNSEC = "www.example.com. 300 IN RRSIG NSEC" + sigEnd
		sigSOA  = "example.com. 300 IN RRSIG SOA" + sigEnd
		nsec3   = "abcdefg.example.com. 300 IN NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG"
		alien   = "www.example.org. 300 IN NSEC b.example.org. A"
	)
	www, soa := "www.example.com. 300 IN A 192.0.2.1", strings.Replace(soa, " 900", " 300", 1)
	for _, tt := range []struct {
		name              string
		question          string
		do                bool
		response          response
		answer, authority []string
	}{
		{"not wanted", "www.example.com.", false, response{
			answer: []string{www, sigA}, authority: []string{nsec, sigNSEC},
		}, []string{www}, nil},
		{"an answer", "www.example.com.", true, response{
			answer: []string{www, sigA, "www.example.com. 300 IN RRSIG MX" + sigEnd},
		}, []string{www, sigA}, nil},
		{"a wildcard", "www.example.com.", true, response{
			answer: []string{sigA, www}, authority: []string{nsec, sigNSEC, nsec3, alien, soa},
		}, []string{sigA, www}, []string{nsec, sigNSEC, nsec3}},
		{"a wildcard that nobody has signed", "www.example.com.", true, response{
			answer: []string{www}, authority: []string{nsec, sigNSEC},
		}, []string{www}, nil},
		{"a signer that is no parent", "www.example.com.", true, response{
			answer:    []string{www, strings.Replace(sigA, " example.com.", " example.org.", 1)},
			authority: []string{alien},
		}, []string{www, strings.Replace(sigA, " example.com.", " example.org.", 1)}, nil},
		{"no such name", "no.example.com.", true, response{
			rcode: dns.RcodeNameError, authority: []string{nsec3, soa, sigSOA, nsec, sigNSEC, alien},
		}, nil, []string{soa, nsec3, sigSOA, nsec, sigNSEC}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := question(t, tt.question, dns.TypeA, tt.do)
			e := NewExtract(DefaultBounds())
			tt.response.authentic = true
			if f := e.Take(q, tt.response.pack(q)); f != Good || !e.AD {
				t.Fatalf("%s, AD %v", f, e.AD)
			}
			m := unpack(t, q.Append(nil, e.Answer, ReplyOptions{}))
			if !slices.Equal(lines(m.Answer), tt.answer) || !slices.Equal(lines(m.Ns), tt.authority) {
				t.Errorf("%v\nwant answer %q, authority %q", m, tt.answer, tt.authority)
			}
		})
	}
}

func TestExtractBounds(t *testing.T) {
	e := NewExtract(Bounds{Min: time.Minute, Max: time.Hour, MaxNegative: 10 * time.Second})
	q := question(t, "www.example.com.", dns.TypeA, false)
	for _, tt := range []struct {
		line string
		ttl  time.Duration
	}{
		{"www.example.com. 0 IN A 192.0.2.1", time.Minute}, {"www.example.com. 59 IN A 192.0.2.1", time.Minute},
		{"www.example.com. 61 IN A 192.0.2.1", 61 * time.Second},
		{"www.example.com. 3601 IN A 192.0.2.1", time.Hour},
		{soa, 10 * time.Second},
	} {
		r := response{answer: []string{tt.line}}
		if tt.line == soa {
			r = response{authority: []string{soa}}
		}
		if f := e.Take(q, r.pack(q)); f != Good || e.TTL != tt.ttl {
			t.Errorf("%s: %s for %v", tt.line, f, e.TTL)
		}
		m := unpack(t, q.Append(nil, e.Answer, ReplyOptions{}))
		if got := append(m.Answer, m.Ns...)[0].Header().Ttl; got != uint32(tt.ttl/time.Second) {
			t.Errorf("%s: says %d", tt.line, got)
		}
	}
}

// TestExtractOversize: a long answer is told, and not kept; one of many records is read in little time.
func TestExtractOversize(t *testing.T) {
	q := question(t, "example.com.", dns.TypeTXT, false)
	var r response
	for i := range 60 {
		r.answer = append(r.answer, "example.com. 60 IN TXT "+strings.Repeat(string(rune('a'+i%26)), 200))
	}
	e := NewExtract(DefaultBounds())
	if f := e.Take(q, r.pack(q)); f != Oversize || e.Answers != 60 {
		t.Fatalf("%s, %d", f, e.Answers)
	}
	if m := unpack(t, q.Append(nil, e.Answer, ReplyOptions{Limit: 65535})); len(m.Answer) != 60 || m.Truncated {
		t.Errorf("%v", m)
	}
	if c := NewCache(CacheConfig{}, time.Time{}); c.Put(e, time.Time{}) {
		t.Error("it is kept")
	}
}

// TestExtractGarbage has what fuzzing or reading has found, and what must not be read beyond its end.
func TestExtractGarbage(t *testing.T) {
	q := question(t, "a.", dns.TypeA, false)
	const start = "1234 8180 0001 0001 0000 0000 01 61 00 0001 0001 "
	for _, tt := range []struct {
		name, msg string
		want      Finding
	}{
		{"nothing", "", Garbage},
		{"a query", "1234 0100 0001 0000 0000 0000 01 61 00 0001 0001", Garbage},
		{"another opcode", "1234 a180 0001 0000 0000 0000 01 61 00 0001 0001", Garbage},
		{"no question", "1234 8180 0000 0000 0000 0000", Mismatch},
		{"FORMERR without a question", "1234 8181 0000 0000 0000 0000", Failed},
		{"a question that ends", "1234 8180 0001 0000 0000 0000 01 61 00 0001", Garbage},
		{"a record that is not there", start, Garbage},
		{"a record that ends in its name", start + "01 61", Garbage},
		{"a record without data", start + "c00c 0001 0001 0000003c 0004 c000", Garbage},
		{"an address of 3 bytes", start + "c00c 0001 0001 0000003c 0003 c00002", Garbage},
		{"an address of 5 bytes", start + "c00c 0001 0001 0000003c 0005 c000020101", Garbage},
		{"a pointer to itself", start + "c014 0001 0001 0000003c 0004 c0000201", Garbage},
		{"a pointer forward", start + "c020 0001 0001 0000003c 0004 c0000201", Garbage},
		{"a pointer to the header", start + "c000 0001 0001 0000003c 0004 c0000201", Garbage},
		{"an alias to its own data", start + "c00c 0005 0001 0000003c 0002 c01f", Garbage},
		{"an alias that ends late", start + "c00c 0005 0001 0000003c 0001 01 61 00", Garbage},
		{"an alias with bytes behind it", start + "c00c 0005 0001 0000003c 0004 c00c 0000", Garbage},
		{"another class", start + "c00c 0001 0003 0000003c 0004 c0000201", Unproven},
	} {
		e := NewExtract(DefaultBounds())
		if f := e.Take(q, raw(tt.msg)); f != tt.want || !f.Usable() && (len(e.Records) > 0 || e.TTL > 0) {
			t.Errorf("%s: %s, want %s", tt.name, f, tt.want)
		}
	}
}

// TestFarNames: what lies further back than a pointer can say is written out.
func TestFarNames(t *testing.T) {
	signature := base64.StdEncoding.EncodeToString(make([]byte, 17_001))
	q := question(t, "www.example.com.", dns.TypeA, true)
	e := NewExtract(DefaultBounds())
	answer := []string{
		"www.example.com. 60 IN CNAME a.example.net.",
		strings.Replace(sigA, "RRSIG A ", "RRSIG CNAME ", 1) + signature,
		"a.example.net. 60 IN CNAME b.example.org.", "b.example.org. 60 IN A 192.0.2.1",
	}
	if f := e.Take(q, response{answer: answer}.pack(q)); f != Oversize {
		t.Fatal(f)
	}
	m := unpack(t, q.Append(nil, e.Answer, ReplyOptions{Limit: 65535}))
	if got := lines(m.Answer); len(got) != 4 || got[2] != answer[2] || got[3] != answer[3] {
		t.Errorf("%d records, the last two %q", len(got), got[min(2, len(got)):])
	}
}

// TestLongNames: a name that is 255 bytes long by a pointer is one, and one of 256 is none.
func TestLongNames(t *testing.T) {
	label := func(n int) string { return string(byte(n)) + strings.Repeat("x", n) }
	q := new(Query)
	q.Ask([]byte(label(63)+label(63)+label(63)+"\x00"), dns.TypeNS, seed)
	for n, want := range map[int]Finding{60: Good, 61: Good, 62: Garbage, 63: Garbage} {
		msg := append(raw("1234 8180 0001 0001 0000 0000"), q.Question()...)
		msg = append(msg, raw("c00c 0002 0001 0000003c 00")...)
		msg = append(append(msg, byte(1+n+2)), label(n)+"\xc0\x0c"...)
		e := NewExtract(DefaultBounds())
		if f := e.Take(q, msg); f != want {
			t.Errorf("a label of %d: %s", n, f)
		} else if f == Good {
			unpack(t, q.Append(nil, e.Answer, ReplyOptions{Limit: 65535}))
		}
	}
}

// TestRdata: data with names in it means the same after it was compressed anew, for every type that the judge
// knows names in.
func TestRdata(t *testing.T) {
	for _, line := range []string{
		"NS ns.example.com.", "CNAME b.example.com.", "SOA ns.example.com. admin.example.com. 1 2 3 4 5",
		"PTR host.example.com.", "MX 10 mail.example.com.", "MINFO a.example.com. b.example.com.",
		"MB mb.example.com.", "MG mg.example.com.", "MR mr.example.com.", "MD md.example.com.",
		"MF mf.example.com.",
		"RP a.example.com. b.example.com.", "AFSDB 1 a.example.com.", "RT 1 a.example.com.", "KX 1 a.example.com.",
		"PX 1 a.example.com. b.example.com.", "SRV 1 2 443 www.example.com.", "DNAME d.example.com.",
		`NAPTR 100 50 "s" "z3950+I2L+I2C" "!x!y!" _z3950._tcp.example.com.`, "NSEC a.example.com. A MX RRSIG NSEC",
		"RRSIG A" + sigEnd, "TXT \"a\" \"b\"", "CAA 0 issue \"ca.example.net\"", "AAAA 2001:db8::1",
		"HTTPS 1 . alpn=h3,h2 ipv4hint=192.0.2.1", "SVCB 0 svc.example.com.", "TYPE731 \\# 3 c00c00",
		"DS 1 13 2 00", "TLSA 3 1 1 00", "SSHFP 1 1 00", "DNSKEY 257 3 13 AAAA",
		"LOC 52 22 23.000 N 4 53 32.000 E -2.00m",
	} {
		rr, err := dns.NewRR("www.example.com. 300 IN " + line)
		if err != nil {
			t.Fatal(err)
		}
		typ := rr.Header().Rrtype
		q := question(t, "www.example.com.", typ, false)
		for _, raw := range []bool{false, true} {
			e := NewExtract(DefaultBounds())
			r := response{answer: []string{rr.String()}, raw: raw}
			if f := e.Take(q, r.pack(q)); f != Good {
				t.Errorf("%s: %s", line, f)
				continue
			}
			m := unpack(t, q.Append(nil, e.Answer, ReplyOptions{}))
			if len(m.Answer) != 1 || m.Answer[0].String() != rr.String() {
				t.Errorf("%v, want %v", m.Answer, rr)
			}
		}
	}
}

// TestExtractOfRandomResponses compares what is taken with a slow way over the judge's records, as text.
func TestExtractOfRandomResponses(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	names := []string{"a.example.", "b.example.", "C.example.", "d.b.example.", "e.net."}
	pick := func() string { return names[random.IntN(len(names))] }
	e := NewExtract(Bounds{Max: time.Hour, MaxNegative: time.Hour})
	counts := map[Finding]int{}
	for range 5000 {
		r := response{raw: random.IntN(2) == 0, rcode: []int{0, 0, 0, 3}[random.IntN(4)]}
		for range random.IntN(6) {
			if random.IntN(2) == 0 {
				r.answer = append(r.answer, pick()+" 60 IN CNAME "+pick())
			} else {
				r.answer = append(r.answer, pick()+" 50 IN A 192.0.2."+string('0'+rune(random.IntN(10))))
			}
		}
		for _, zone := range []string{"net.", "example.", "b.example."} {
			if random.IntN(3) == 0 {
				r.authority = append(r.authority, zone+" 40 IN SOA a. b. 1 2 3 4 40")
			}
		}
		q := question(t, pick(), dns.TypeA, false)
		f := e.Take(q, r.pack(q))
		want, answer, authority := slowExtract(Text(q.Name.Bytes()), r)
		counts[f]++
		if f != want {
			t.Fatalf("%s, want %s: %+v for %s", f, want, r, Text(q.Name.Bytes()))
		}
		if !f.Usable() {
			continue
		}
		m := unpack(t, q.Append(nil, e.Answer, ReplyOptions{}))
		if !slices.EqualFunc(lines(m.Answer), answer, strings.EqualFold) || !slices.Equal(lines(m.Ns), authority) {
			t.Fatalf("%v\nwant %q, %q of %+v", m, answer, authority, r)
		}
	}
	for _, f := range []Finding{Good, Unproven, Incomplete, Contradiction} {
		if counts[f] < 50 {
			t.Errorf("%s came %d times", f, counts[f])
		}
	}
}

// slowExtract is Take by text, for A.
func slowExtract(name string, r response) (f Finding, answer, authority []string) {
	for range maxChain + 1 {
		var addresses, aliases []string
		for _, line := range r.answer {
			if fields := strings.Fields(line); !strings.EqualFold(fields[0], name) {
				continue
			} else if fields[3] == "A" {
				addresses = append(addresses, line)
			} else if alias := strings.ToLower(fields[4]); !slices.Contains(aliases, alias) {
				aliases = append(aliases, alias)
			}
		}
		switch {
		case len(addresses) > 0 && r.rcode != 0, len(addresses) == 0 && len(aliases) > 1:
			return Contradiction, nil, nil
		case len(addresses) > 0:
			return Good, append(answer, addresses...), nil
		case len(aliases) == 0:
			for _, line := range r.authority {
				if strings.HasSuffix("."+name, "."+strings.Fields(line)[0]) {
					return Good, answer, []string{line}
				}
			}
			if len(answer) > 0 && r.rcode == 0 {
				return Incomplete, answer, nil
			}
			return Unproven, answer, nil
		}
		for _, line := range r.answer {
			if f := strings.Fields(line); strings.EqualFold(f[0], name) && f[3] == "CNAME" {
				answer = append(answer, line)
			}
		}
		name = aliases[0]
	}
	return Contradiction, nil, nil
}

// FuzzExtract: of what the judge can read, what is taken can be read too, and the cache gives it back.
func FuzzExtract(f *testing.F) {
	q := question(f, "www.example.com.", dns.TypeA, true)
	for _, r := range []response{
		{answer: []string{"www.example.com. 300 IN A 192.0.2.1", sigA}},
		{answer: []string{"www.example.com. 60 IN CNAME x.example.com.", "x.example.com. 60 IN A 192.0.2.1"}},
		{answer: []string{
			"example.com. 60 IN DNAME example.net.", "www.example.com. 60 IN CNAME www.example.net.",
		}},
		{rcode: 3, authority: []string{soa, "www.example.com. 300 IN NSEC a.example.com. A RRSIG NSEC"}},
	} {
		f.Add(r.pack(q), uint16(dns.TypeA))
		f.Add(r.pack(q), uint16(dns.TypeNAPTR))
	}
	f.Fuzz(func(t *testing.T, msg []byte, typ uint16) {
		now := time.Unix(0, 0)
		q := new(Query)
		if len(msg) < 12 || q.Parse(ask("www.example.com.", typ, edns(4096, true)), seed) != Plain {
			return
		}
		e := NewExtract(DefaultBounds())
		finding := e.Take(q, msg)
		source := new(dns.Msg)
		readable := source.Unpack(msg) == nil
		if !finding.Usable() {
			return
		}
		o := ReplyOptions{Limit: 65535}
		reply := q.Append(nil, e.Answer, o)
		if readable {
			m := unpack(t, reply)
			if len(m.Answer) > len(source.Answer) || len(m.Ns) > len(source.Ns) || m.Rcode != source.Rcode&15 {
				t.Errorf("%v of %v", m, source)
			}
		}
		c := NewCache(CacheConfig{}, now)
		if c.Put(e, now) != (finding == Good) {
			t.Errorf("%s, and the cache says another thing", finding)
		}
		if finding != Good {
			return
		}
		kept, hit := c.Append(nil, q, now, false, o)
		if hit.State != Fresh || !bytes.Equal(kept, reply) {
			t.Errorf("kept %x, want %x", kept, reply)
		}
	})
}
