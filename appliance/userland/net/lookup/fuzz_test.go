package lookup

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"
)

// FuzzMessage: whatever a reply holds, nothing of it reaches the terminal but printable ASCII, in lines of
// their own.
func FuzzMessage(f *testing.F) {
	for _, text := range []string{
		`a. 1 IN TXT "\027[31m" "x\"y"`, `\027[2J. 1 IN CNAME \200\010.`, `s. 1 IN SVCB 1 . alpn=h2 key65000="\000\027" ech=AEL+DQ==`,
		`c. 1 IN CAA 0 issue "\027"`, `n. 1 IN NAPTR 1 1 "\027" "b" "\n" x.`, `u. 1 IN URI 1 1 "\027[0m"`, `h. 1 IN HINFO "\027" "b"`,
		`l. 1 IN LOC 42 21 54 N 71 6 18 W -24m 30m`, `t. 1 IN TYPE65280 \# 4 0a000001`, `g. 1 IN GPOS 1 2 3`, `x. 1 IN X25 311061700956`,
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatalf("%s: %v", text, err)
		}
		m := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true}, Question: []dns.Question{{Name: rr.Header().Name, Qtype: 1, Qclass: 1}}, Answer: []dns.RR{rr}}
		m.SetEdns0(1232, true)
		m.IsEdns0().Option = []dns.EDNS0{
			&dns.EDNS0_EDE{InfoCode: 1, ExtraText: "\x1b[31m"}, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "1b5b"},
			&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("\x1b\n")},
		}
		octets, err := m.Pack()
		if err != nil {
			f.Fatalf("%s: %v", text, err)
		}
		f.Add(octets)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		m := new(dns.Msg)
		if m.Unpack(octets) != nil {
			return
		}
		var b bytes.Buffer
		headerText(&b, m)
		optText(&b, m, "0123456789abcdef")
		q := newQuery()
		q.sections(&b, m)
		for _, rr := range m.Answer {
			b.WriteString(sentence(rr))
		}
		for _, c := range b.Bytes() {
			if (c < ' ' || c > '~') && c != '\n' && c != '\t' {
				t.Fatalf("%q", b.Bytes())
			}
		}
	})
}
