package lookup_test

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// serveBroken answers at an address as name servers and what is before them should not, by the first part of
// the name that is asked for.
func serveBroken(t *testing.T, ns *testnet.Namespace, addr string) {
	t.Helper()
	var c net.PacketConn
	if err := ns.Do(func() (err error) { c, err = net.ListenPacket("udp", addr); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buffer := make([]byte, dns.MaxMsgSize)
		for {
			n, from, err := c.ReadFrom(buffer)
			if err != nil {
				return // closed
			}
			question := new(dns.Msg)
			if question.Unpack(buffer[:n]) != nil || len(question.Question) != 1 {
				continue
			}
			for _, octets := range broken(question) {
				_, _ = c.WriteTo(octets, from) // who has asked may have gone
			}
		}
	}()
}

// broken are the answers to a question; most have a right one at the end.
func broken(question *dns.Msg) [][]byte {
	answer := func(change func(*dns.Msg)) []byte {
		m := new(dns.Msg).SetReply(question)
		m.RecursionAvailable, m.Compress = true, true
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: question.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IP{192, 0, 2, 1}}}
		change(m)
		octets, _ := m.Pack() // what cannot be packed fails the line
		return octets
	}
	right := answer(func(*dns.Msg) {})
	rcode := func(code int) [][]byte { return [][]byte{answer(func(m *dns.Msg) { m.Rcode, m.Answer = code, nil })} }
	switch dns.SplitDomainName(question.Question[0].Name)[0] {
	case "id":
		return [][]byte{answer(func(m *dns.Msg) { m.Id ^= 1 }), right}
	case "question":
		return [][]byte{answer(func(m *dns.Msg) { m.Question[0].Name = "other.example." }), right}
	case "short":
		return [][]byte{right[:5], right}
	case "count":
		binary.BigEndian.PutUint16(right[6:], 700)
	case "formerr":
		return rcode(dns.RcodeFormatError)
	case "notimp":
		return rcode(dns.RcodeNotImplemented)
	case "flood":
		var all [][]byte
		for range 100 {
			all = append(all, answer(func(m *dns.Msg) { m.Id ^= 1 }))
		}
		return append(all, right)
	}
	return [][]byte{right}
}
