package chain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// localNames are those that the house has, those near them, and special ones.
func localNames() (names []string) {
	for _, n := range []string{
		"home.example", "web1.home.example", "www.home.example", "pc1.home.example", "nobody.home.example",
		"a.apps.home.example", "apps.home.example", "_ldap._tcp.home.example", "_tcp.home.example", "web1", "nobody",
		"11.32.168.192.in-addr.arpa", "32.168.192.in-addr.arpa", "99.32.168.192.in-addr.arpa", "1.0.0.127.in-addr.arpa",
		"localhost", "x.local", "resolver.arpa", "ipv4only.arpa", "home.arpa", "test", "10.in-addr.arpa",
	} {
		names = append(names, n+".", "q."+n+".", "*."+n+".")
	}
	return names
}

// What the full server says to a plain question about the house is what the front says to it by itself.
func TestLocalIsAsByTheFront(t *testing.T) {
	w := far(t)
	w.err = fmt.Errorf("nobody is to be asked")
	c := w.chain()
	r := rand.New(rand.NewPCG(1, 2))
	types := []uint16{1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 64, 65, 257, 300, 1000, 65535}
	local := 0
	for _, name := range localNames() {
		for _, typ := range types {
			m := question(mixed(r, name), typ)
			m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData = r.IntN(4) > 0, r.IntN(4) == 0, r.IntN(4) == 0
			if r.IntN(2) == 0 {
				m.SetEdns0(uint16(r.IntN(5000)), r.IntN(2) == 0)
			}
			var q wire.Query
			if msg := packed(t, m); q.Parse(msg, 7) != wire.Plain {
				t.Fatalf("%v is not plain", m)
			}
			a := w.table.Answer(nil, zone.Query{
				Name: q.Question()[:len(q.Question())-4], Type: q.Type, Class: q.Class, From: client.Addr(),
			})
			if a.Kind != zone.Local {
				continue
			}
			local++
			for _, limit := range []int{0, 65535} {
				want := q.Append(nil, wire.Answer{
					Rcode: wire.Rcode(a.RCode), AA: true, Records: a.Msg, Answers: a.Answers, Authorities: a.Authority,
				}, wire.ReplyOptions{Limit: limit})
				if got := c.Serve(t.Context(), packed(t, m), client, limit > 0); !bytes.Equal(got, want) {
					t.Fatalf("%v\n is   %x\n want %x", m, got, want)
				}
			}
		}
	}
	if local < 500 || len(w.asked) > 0 && slices.ContainsFunc(w.asked, func(s string) bool { return strings.Contains(s, "home.example") }) {
		t.Errorf("%d questions were local; asked: %v", local, w.asked)
	}
}

// mixed writes some letters large.
func mixed(r *rand.Rand, name string) string {
	b := []byte(name)
	for i, c := range b {
		if r.IntN(2) == 0 && c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// FuzzServe sends anything to a server whose upstream answers anything.
func FuzzServe(f *testing.F) {
	w := far(f)
	said := new(dns.Msg)
	said.SetReply(question("one.far.org", dns.TypeA))
	for _, text := range []string{"one.far.org. 300 CNAME two.far.org.", "two.far.org. 300 A 192.168.32.1"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			f.Fatal(err)
		}
		said.Answer = append(said.Answer, rr)
		f.Add(packed(f, question("one.far.org", dns.TypeA)), packed(f, said), false)
	}
	for _, s := range strangers(f) {
		f.Add(s.msg, packed(f, said), true)
	}
	for _, name := range []string{"shop2.home.example", "one.far.org", "home.far.org", "circle.far.org"} {
		f.Add(packed(f, question(name, dns.TypeA)), []byte{}, false)
		f.Add(packed(f, question(name, dns.TypeANY)), []byte{}, false)
	}
	c := w.chain()
	var std bytes.Buffer
	before := log.Writer()
	log.SetOutput(&std)
	f.Cleanup(func() { log.SetOutput(before) })
	f.Fuzz(func(t *testing.T, msg, answer []byte, stream bool) {
		w.raw = nil
		if len(answer) > 0 {
			w.raw = func(query []byte) []byte { // as package upstream has it: the id and the question are right
				b := slices.Clone(answer)
				if len(b) >= 12 {
					copy(b, query[:2])
				}
				return b
			}
		}
		checkReply(t, msg, c.Serve(t.Context(), msg, netip.AddrPort{}, stream), stream)
		r := &request{stream: stream} // a panic that was recovered is a mistake too
		if v := r.q.Parse(msg, 0); v == wire.Plain || v == wire.Other {
			if c.run(t.Context(), r); errors.Is(r.err, errMistake) {
				t.Errorf("%x: %v", msg, r.err)
			}
		}
		if std.Len() > 0 {
			t.Errorf("%x: the log of the process: %s", msg, std.String())
		}
	})
}

// checkReply checks what holds for the reply to any message.
func checkReply(t *testing.T, msg, reply []byte, stream bool) {
	t.Helper()
	var q wire.Query
	verdict := q.Parse(msg, 0)
	if reply == nil || verdict == wire.Drop {
		if verdict != wire.Drop || reply != nil {
			t.Errorf("to %x there is the reply %x", msg, reply)
		}
		return
	}
	limit := q.Limit()
	if stream {
		limit = 65535
	}
	var r dns.Msg
	switch {
	case len(reply) > limit:
		t.Errorf("to %x there are %d bytes, and %d fit", msg, len(reply), limit)
	case len(reply) < 12 || !bytes.Equal(reply[:2], msg[:2]) || reply[2]&0x80 == 0:
		t.Errorf("to %x there is the reply %x", msg, reply)
	case !bytes.HasPrefix(reply[12:], q.Question()) || int(binary.BigEndian.Uint16(reply[4:])) != min(1, len(q.Question())):
		t.Errorf("the question of %x is in the reply %x", msg, reply)
	case verdict != wire.Reject && r.Unpack(reply) != nil:
		t.Errorf("to %x nobody can read the reply %x: %v", msg, reply, r.Unpack(reply))
	}
}
