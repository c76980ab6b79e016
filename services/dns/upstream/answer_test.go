package upstream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestParseQuery(t *testing.T) {
	good := query("www.Example.")
	q, err := parseQuery(good)
	if err != nil || !q.edns || !q.do || q.id != 0x1234 || string(q.name()) != "\x03www\x07Example\x00" {
		t.Fatalf("%+v, %v", q, err)
	}
	plainQuery := append([]byte(nil), good[:len(good)-11]...)
	plainQuery[11] = 0
	if q, err := parseQuery(plainQuery); err != nil || q.edns || q.do {
		t.Errorf("without EDNS: %+v, %v", q, err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"nothing":          func(b []byte) []byte { return nil },
		"a header":         func(b []byte) []byte { return b[:headerLen] },
		"a response":       func(b []byte) []byte { b[2] |= 0x80; return b },
		"a notify":         func(b []byte) []byte { b[2] |= 4 << 3; return b },
		"no question":      func(b []byte) []byte { b[5] = 0; return b },
		"two questions":    func(b []byte) []byte { b[5] = 2; return b },
		"with an answer":   func(b []byte) []byte { b[7] = 1; return b },
		"a cut name":       func(b []byte) []byte { return b[:headerLen+5] },
		"a pointer":        func(b []byte) []byte { b[headerLen], b[headerLen+1] = 0xc0, 0; return b },
		"a cut option":     func(b []byte) []byte { return b[:len(b)-1] },
		"EDNS version 1":   func(b []byte) []byte { b[len(b)-5] = 1; return b },
		"EDNS twice":       func(b []byte) []byte { b[11] = 2; return append(b, b[len(b)-11:]...) },
		"a zone transfer":  func(b []byte) []byte { b[headerLen+14] = typeAXFR; return b },
		"its increments":   func(b []byte) []byte { b[headerLen+14] = typeIXFR; return b },
		"options as asked": func(b []byte) []byte { b[headerLen+14] = typeOPT; return b },
	} {
		if q, err := parseQuery(change(bytes.Clone(good))); !errors.Is(err, ErrQuery) {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
}

// readAnswer reads an answer as it comes from a server.
func readAnswer(t *testing.T, asked []byte, trusted bool, change func(*dnsmessage.Message)) (
	reply, dnsmessage.Message,
) {
	t.Helper()
	q := must1(parseQuery(asked))
	sent := q.append(nil, 0x4321, q.raw, form{edns: true})
	b := respond(sent, dnsmessage.RCodeSuccess, change)
	if like := compare(b, 0x4321, q.raw, true); like != answersThis {
		t.Fatalf("the answer is taken for %v", like)
	}
	r, err := q.read(b, trusted)
	if err != nil {
		t.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(r.msg); err != nil {
		t.Fatalf("%x: %v", r.msg, err)
	}
	return r, m
}

func TestWhatAnswersKeep(t *testing.T) {
	withEDNS := query("www.example.")
	without := append([]byte(nil), withEDNS[:len(withEDNS)-11]...)
	without[11] = 0
	const subnet, reason = 8, optionError
	full := func(m *dnsmessage.Message) {
		m.AuthenticData = true
		m.Answers = []dnsmessage.Resource{recordA(m.Questions[0].Name, "192.0.2.80")}
		m.Additionals[0].Body = &dnsmessage.OPTResource{Options: []dnsmessage.Option{
			{Code: subnet, Data: []byte{0, 1, 24, 0, 198, 51, 100}},
			{Code: reason, Data: []byte{0, 6, 'w', 'h', 'y'}},
			{Code: optionKeepalive, Data: []byte{1, 0}},
			{Code: optionPadding, Data: make([]byte, 100)},
		}}
	}
	// The OPT record is not the last: others behind it point to each other.
	middle := func(m *dnsmessage.Message) {
		full(m)
		m.Additionals = append(m.Additionals,
			recordA(dnsmessage.MustNewName("ns.elsewhere.example."), "192.0.2.81"),
			recordA(dnsmessage.MustNewName("ns.elsewhere.example."), "2001:db8::81"))
	}
	for _, asked := range [][]byte{withEDNS, without} {
		for _, change := range []func(*dnsmessage.Message){full, middle} {
			for _, trusted := range []bool{true, false} {
				r, m := readAnswer(t, asked, trusted, change)
				if m.ID != 0x1234 || m.AuthenticData != trusted || len(m.Answers) != 1 ||
					r.keepalive != 25600*time.Millisecond {
					t.Errorf("the header is %v, %+v", m.Header, r)
				}
				var options []dnsmessage.Option
				opts, glue := 0, 0
				for _, a := range m.Additionals {
					if o, ok := a.Body.(*dnsmessage.OPTResource); ok {
						opts++
						options = append(options, o.Options...)
						if size := a.Header.Class; size != ednsSize || !a.Header.DNSSECAllowed() {
							t.Errorf("the OPT record is %v", a.Header)
						}
					} else if glue++; a.Header.Name.String() != "ns.elsewhere.example." {
						t.Errorf("a record became that of %s", a.Header.Name)
					}
				}
				edns := u16(asked, 10)
				if opts != edns || len(options) != edns || edns > 0 && options[0].Code != reason {
					t.Errorf("%d OPT records with %v for %d", opts, options, edns)
				}
				if want := map[bool]int{true: 2, false: 0}[len(m.Additionals)-opts > 0]; glue != want {
					t.Errorf("%d of the records behind the options are left", glue)
				}
			}
		}
	}
}

func TestGarbageIsRefused(t *testing.T) {
	q := must1(parseQuery(query("www.example.")))
	good := answerA(q.append(nil, 1, q.raw, form{edns: true}), "192.0.2.80")
	record := headerLen + len(q.raw) // its name is a pointer
	opt := len(good) - 11
	for name, change := range map[string]func(b []byte) []byte{
		"cut":                    func(b []byte) []byte { return b[:len(b)-1] },
		"a record too many":      func(b []byte) []byte { b[7] = 2; return b },
		"an address of 3 octets": func(b []byte) []byte { b[record+11] = 3; return append(b[:opt-1], b[opt:]...) },
		"options cut":            func(b []byte) []byte { b[len(b)-1] = 3; return append(b, 0, 8, 0) },
		"an option too long":     func(b []byte) []byte { b[len(b)-1] = 4; return append(b, 0, 8, 0, 1) },
		"two OPT records":        func(b []byte) []byte { b[11] = 2; return append(b, b[opt:]...) },
		"an OPT record in front": func(b []byte) []byte { b[7], b[11] = 2, 0; return b },
		"a strange label":        func(b []byte) []byte { b[record] = 0x80; return b },
		"a record's name ahead":  func(b []byte) []byte { b[record+1] = 0xf6; return b },
		"a name in the header":   func(b []byte) []byte { b[record+1] = headerLen - 1; return b },
		"a name over itself":     overItself,
		"a name of a name ahead": func(b []byte) []byte {
			b[record+3], b[record+12], b[record+13] = typeCNAME, 0xc0, 0xff
			return b
		},
		"a name that has no end":  func(b []byte) []byte { b[record+3] = typeNS; b[record+12] = 60; return b },
		"a name that is too long": longName,
	} {
		if r, err := q.read(change(bytes.Clone(good)), false); err == nil {
			t.Errorf("%s is read as %x", name, r.msg)
		}
	}
	// What follows the last record is no part of the message.
	if r, err := q.read(append(bytes.Clone(good), 1, 2, 3), false); err != nil || len(r.msg) != len(good) {
		t.Errorf("with three octets more: %x, %v", r.msg, err)
	}
}

// overItself adds a record whose name leads to the last octet before it, for which it is the label.
func overItself(b []byte) []byte {
	opt := len(b) - 11
	b[7], b[opt-1] = 2, 1
	out := append([]byte(nil), b[:opt]...)
	out = append(out, 0xc0, byte(opt-1), 0, 15, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0, 0xc0, headerLen)
	return append(append(out, make([]byte, 40)...), b[opt:]...)
}

// longName turns the record of an answer into a CNAME of 5 labels of 63 octets.
func longName(b []byte) []byte {
	record := len(b) - 11 - 16
	out := append([]byte(nil), b[:record+12]...)
	out[record+3], out[11] = typeCNAME, 0
	label := append([]byte{63}, bytes.Repeat([]byte{'x'}, 63)...)
	name := append(bytes.Repeat(label, 5), 0)
	binary.BigEndian.PutUint16(out[record+10:], uint16(len(name)))
	return append(out, name...)
}

func TestCompare(t *testing.T) {
	q := must1(parseQuery(query("wWw.example.")))
	good := answerA(q.append(nil, 7, q.raw, form{edns: true}), "192.0.2.80")
	for _, tc := range []struct {
		name   string
		change func(b []byte) []byte
		exact  bool
		want   likeness
	}{
		{"the answer", func(b []byte) []byte { return b }, true, answersThis},
		{"another case", func(b []byte) []byte { b[headerLen+1] ^= 0x20; return b }, true, wrongCase},
		{"another case, not exact", func(b []byte) []byte { b[headerLen+1] ^= 0x20; return b }, false, answersThis},
		{"another id", func(b []byte) []byte { b[1] = 8; return b }, false, stranger},
		{"a query", func(b []byte) []byte { b[2] &= 0x7f; return b }, false, stranger},
		{"another opcode", func(b []byte) []byte { b[2] |= 0x20; return b }, false, stranger},
		{"another class", func(b []byte) []byte { b[headerLen+len(q.raw)-1] = 3; return b }, false, stranger},
		{"a cut question", func(b []byte) []byte { return b[:headerLen+len(q.raw)-1] }, false, stranger},
		{"no question", func(b []byte) []byte { b[5] = 0; return b }, false, stranger},
		{"only FORMERR", func(b []byte) []byte { b[5], b[3] = 0, rcodeFormErr; return b }, false, refusal},
		{"only SERVFAIL", func(b []byte) []byte { b[5], b[3] = 0, rcodeServFail; return b }, false, stranger},
		{"half a header", func(b []byte) []byte { return b[:6] }, false, stranger},
	} {
		if got := compare(tc.change(bytes.Clone(good)), 7, q.raw, tc.exact); got != tc.want {
			t.Errorf("%s: %v, not %v", tc.name, got, tc.want)
		}
	}
}

// FuzzAnswer has anything come from a server. What is taken is what another parser takes too, with our id and
// question, at most one OPT record, and no AD.
func FuzzAnswer(f *testing.F) {
	asked := query("www.example.")
	q := must1(parseQuery(asked))
	sent := q.append(nil, q.id, q.raw, form{edns: true})
	f.Add(answerA(sent, "192.168.1.1"))
	f.Add(longName(answerA(sent, "192.0.2.80")))
	f.Add(respond(sent, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
		name := m.Questions[0].Name
		header := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}
		m.Answers = append(m.Answers, recordA(name, "10.0.0.1"),
			dnsmessage.Resource{Header: header, Body: &dnsmessage.MXResource{MX: name}},
			dnsmessage.Resource{Header: header, Body: &dnsmessage.SRVResource{Target: name}},
			dnsmessage.Resource{Header: header, Body: &dnsmessage.SOAResource{NS: name, MBox: name}})
		m.Additionals = append(m.Additionals, recordA(name, "fe80::1"))
	}))
	f.Add(append([]byte(nil), httpsAnswer(sent, 4, 10, 0, 0, 1)...))
	rebind := must1(NewRebind(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if compare(b, q.id, q.raw, false) != answersThis {
			return
		}
		r, err := q.read(bytes.Clone(b), false)
		if err != nil {
			return
		}
		checkReadable(t, r.msg)
		asked := r.msg[headerLen : headerLen+len(q.raw)]
		if !bytes.Equal(asked, q.raw) || r.msg[3]&flagAD != 0 || u16(r.msg, 0) != int(q.id) {
			t.Fatalf("the answer is %x", r.msg)
		}
		same := must1(rewrite(r.msg, func(record) bool { return true }))
		checkReadable(t, same)
		if again := must1(rewrite(same, func(record) bool { return true })); !bytes.Equal(same, again) {
			t.Fatalf("written twice:\n%x\n%x", same, again)
		}
		kept, dropped, err := rebind.Filter(r.msg)
		if err != nil {
			t.Fatal(err)
		}
		checkReadable(t, kept)
		if _, again, err := rebind.Filter(kept); err != nil || again > 0 {
			t.Fatalf("after %d there were %d more, %v", dropped, again, err)
		}
	})
}

// checkReadable has our own walk read a message to its last octet, with at most one OPT record.
func checkReadable(t *testing.T, b []byte) {
	t.Helper()
	w := must1(walkRecords(b))
	opts := 0
	for {
		r, more, err := w.next()
		if err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if !more {
			break
		}
		if err := checkRecord(b, r); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if r.typ == typeOPT {
			opts++
		}
	}
	if w.at != len(b) || opts > 1 {
		t.Fatalf("%x: ends at %d of %d, %d OPT records", b, w.at, len(b), opts)
	}
}
