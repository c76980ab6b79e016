package upstream

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestPrivateAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"0.0.0.0": true, "0.1.2.3": true, "10.1.2.3": true, "127.0.0.1": true,
		"127.9.9.9": true, "169.254.1.1": true, "172.16.0.1": true, "172.31.255.255": true, "192.168.0.1": true, "255.255.255.255": true,
		"::": true, "::1": true, "fe80::1": true, "febf::1": true, "fec0::1": true, "fc00::1": true,
		"fd12:3456::1":    true,
		"::ffff:10.0.0.1": true, "::10.0.0.1": true, "64:ff9b::192.168.1.1": true, "2002:c0a8:0101::1": true,
		"1.1.1.1": false, "172.32.0.1": false, "192.0.0.8": false, "192.0.0.170": false, "100.64.0.1": false,
		"192.0.2.1": false, "169.253.255.255": false, "2001:db8::1": false, "2606:4700::1111": false,
		"::ffff:1.1.1.1": false, "64:ff9b::1.1.1.1": false, "2002:101:101::1": false, "ff02::1": false,
	} {
		if got := privateAddr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is private: %v", addr, got)
		}
	}
}

// httpsAnswer answers with an HTTPS record whose only parameter has a key and a value.
func httpsAnswer(query []byte, key uint16, value ...byte) []byte {
	return respond(query, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
		data := binary.BigEndian.AppendUint16([]byte{0, 1, 0}, key)
		data = append(binary.BigEndian.AppendUint16(data, uint16(len(value))), value...)
		m.Answers = []dnsmessage.Resource{{
			Header: recordA(m.Questions[0].Name, "192.0.2.1").Header,
			Body:   &dnsmessage.UnknownResource{Type: typeHTTPS, Data: data},
		}}
	})
}

func TestRebind(t *testing.T) {
	q := query("www.Evil.example.")
	v6 := netip.MustParseAddr("fd00::1").As16()
	mixed := respond(q, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
		m.AuthenticData = true
		name, other := m.Questions[0].Name, dnsmessage.MustNewName("host.elsewhere.example.")
		m.Answers = []dnsmessage.Resource{
			{Header: recordA(name, "192.0.2.1").Header, Body: &dnsmessage.CNAMEResource{CNAME: other}},
			recordA(other, "192.168.1.1"), recordA(other, "192.0.2.80"), recordA(other, "fd00::1"),
		}
		// The name of the second points to that of the first, which goes.
		glue := dnsmessage.MustNewName("glue.third.example.")
		m.Additionals = append(m.Additionals, recordA(glue, "10.0.0.1"), recordA(glue, "192.0.2.81"))
	})
	for _, tc := range []struct {
		name    string
		answer  []byte
		dropped int
	}{
		{"public", answerA(q, "192.0.2.80"), 0},
		{"private", answerA(q, "10.0.0.1"), 1},
		{"private, IPv6", answerA(q, "fd00::1"), 1},
		{"some", mixed, 3},
		{"a public hint", httpsAnswer(q, 4, 192, 0, 2, 1), 0},
		{"a private hint", httpsAnswer(q, 4, 192, 0, 2, 1, 10, 0, 0, 1), 1},
		{"a private hint, IPv6", httpsAnswer(q, 6, v6[:]...), 1},
		{"half a hint", httpsAnswer(q, 4, 192, 0), 1},
		{"another parameter", httpsAnswer(q, 1, 2, 'h', '2'), 0},
	} {
		r := must1(NewRebind([]string{"plex.direct"}))
		before := bytes.Clone(tc.answer)
		kept, dropped, err := r.Filter(tc.answer)
		if err != nil || dropped != tc.dropped || dropped == 0 && !bytes.Equal(kept, before) {
			t.Errorf("%s: %d dropped, %v", tc.name, dropped, err)
		}
		if !bytes.Equal(tc.answer, before) {
			t.Errorf("%s: the answer was changed", tc.name)
		}
		if u16(kept, 6) != u16(before, 6)-min(dropped, 1+dropped/3) {
			t.Errorf("%s: %d of %d answers are left", tc.name, u16(kept, 6), u16(before, 6))
		}
		checkReadable(t, kept)
		for _, exception := range []string{"evil.example", "EXAMPLE.", "www.evil.example", "."} {
			r := must1(NewRebind([]string{"plex.direct", exception}))
			kept, dropped, err := r.Filter(tc.answer)
			if err != nil || dropped > 0 || !bytes.Equal(kept, before) {
				t.Errorf("%s with %s as an exception: %d dropped, %v", tc.name, exception, dropped, err)
			}
		}
	}
	kept, _, _ := must1(NewRebind([]string{"elsewhere.example"})).Filter(mixed) // which was not asked for
	var m dnsmessage.Message
	if err := m.Unpack(kept); err != nil {
		t.Fatal(err)
	}
	if len(m.Answers) != 2 || len(m.Additionals) != 2 || m.AuthenticData ||
		m.Additionals[1].Header.Name.String() != "glue.third.example." {
		t.Errorf("left is %v", m.GoString())
	}
	if _, err := NewRebind([]string{"a..b"}); err == nil {
		t.Error("an exception that is no domain is taken")
	}
	for _, bad := range [][]byte{nil, mixed[:5], mixed[:len(mixed)-1]} {
		if _, _, err := must1(NewRebind(nil)).Filter(bad); err == nil {
			t.Errorf("%x is read", bad)
		}
	}
}
