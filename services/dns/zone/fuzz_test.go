package zone

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzAnswer asks anything, and has another's library read what comes back.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"\x04web1\x04home\x07example\x00", "\x01x\x04apps\x04home\x07example\x00", "\x06laptop\x00", "\x00", "\xc0\x0c",
		"\x0211\x0232\x03168\x03192\x07in-addr\x04arpa\x00", "\x041.in\x07in-addr\x04arpa\x00", "\x011\x03ip6\x04arpa\x00",
		"\x0cx\x07in-addr\x04a\x04arpa\x00", "\x05shop2\x04home\x07example\x00", "\x01*\x00", "\x03com\x00"} {
		for _, typ := range []uint16{typeA, typePTR, typeANY, typeDS} {
			f.Add([]byte(s), typ, uint16(classIN))
		}
	}
	table := build(f, home(), lease("laptop", "192.168.32.150", "A"), lease("pc1", "2001:db8:0:20::9", "00:16:3e:20:00:21"))
	f.Fuzz(func(t *testing.T, wire []byte, typ, class uint16) {
		q := append(make([]byte, headerLen, 512), wire...)
		q[5] = 1
		q = append(q, byte(typ>>8), byte(typ), byte(class>>8), byte(class))
		before := bytes.Clone(q)
		a := table.Answer(q, Query{Name: wire, Type: typ, Class: class, From: addr("192.168.33.1")})
		if !bytes.Equal(a.Msg[:len(before)], before) {
			t.Fatalf("what was there has changed: %x", a.Msg)
		}
		if a.RCode == rcodeFormErr || a.RCode == rcodeRefused || a.RCode == rcodeNotImp {
			if len(a.Msg) != len(before) || a.Kind != Local {
				t.Fatalf("%+v", a)
			}
			return
		}
		r := read(t, a, len(before))
		for _, rr := range r.Answer {
			// A name is not to be read as others below the same letters.
			if !dns.IsSubDomain(".", rr.Header().Name) || rr.Header().Class != dns.ClassINET {
				t.Fatalf("%v", rr)
			}
		}
		if a.Kind == Local && a.Answers == 0 && a.Authority != 1 || a.RCode == rcodeNXDomain && a.Authority != 1 {
			t.Fatalf("no SOA: %+v", a)
		}
	})
}

// FuzzBuild builds any house: it is refused, or answers for its names.
func FuzzBuild(f *testing.F) {
	text, err := json.Marshal(home())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"Domain":"a","Router":{"Name":"b","Addrs":["10.0.0.1"]},"Records":[{"Name":"*","CNAME":"x"},{"Name":"x","CNAME":"y."}]}`))
	f.Add([]byte(`{"Domain":"local","Router":{"Name":"b.","Addrs":["::1","127.0.0.1"]},"Networks":["fe80::/9","100.0.0.0/9"],"Elsewhere":["b"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c Config
		if json.Unmarshal(text, &c) != nil {
			return
		}
		table, err := Build(c)
		if err != nil {
			return
		}
		names := []string{c.Domain, c.Router.Name, "x", "1.0.0.10.in-addr.arpa."}
		for _, h := range c.Hosts {
			names = append(append(names, h.Name), h.Aliases...)
		}
		for _, r := range c.Records {
			names = append(names, r.Name, "q."+r.Name, r.CNAME)
		}
		wire, _ := appendName(nil, c.Domain+".", nil)
		for _, s := range names {
			name, ok := appendName(nil, s, wire)
			if !ok || s == "" {
				continue
			}
			for _, typ := range []uint16{typeA, typeAAAA, typePTR, typeMX, typeTXT, typeSRV, typeANY, typeDS} {
				msg := append(append(make([]byte, headerLen, 512), name...), byte(typ>>8), byte(typ), 0, 1)
				msg[5] = 1
				before := len(msg)
				read(t, table.Answer(msg, Query{Name: name, Type: typ, Class: classIN}), before)
			}
		}
	})
}

// FuzzLease has clients call themselves anything: no name of the site changes, and
// no name is answered that is none.
func FuzzLease(f *testing.F) {
	for _, s := range []string{"laptop", "wpad", "web1", "shop", "*", "a.b", "laptop.home.example", "\x00", "-", "_udp", "localhost", "com"} {
		f.Add(s, "192.168.32.150", "A")
		f.Add(s, "2001:db8:0:20::11", "00:16:3e:20:00:21")
	}
	before := build(f, home())
	var names []string
	for name := range newModel(home()).records {
		if name != "lap.home.example." { // it stands for a client's name
			names = append(names, name)
		}
	}
	names = append(names, "wpad.home.example.", "isatap.home.example.", "wpad.", "localhost.", "www.google.com.", "x.web1.home.example.")
	type asked struct {
		q   Query
		was Answer
	}
	var all []asked
	for _, name := range names {
		for _, typ := range []uint16{typeA, typeAAAA, typePTR, typeMX} {
			buf := make([]byte, 256)
			n, err := dns.PackDomainName(name, buf, 0, nil, false)
			if err != nil {
				f.Fatal(err)
			}
			q := Query{Name: buf[:n], Type: typ, Class: classIN}
			all = append(all, asked{q, before.Answer(nil, q)})
		}
	}
	f.Fuzz(func(t *testing.T, name, a, client string) {
		l := Lease{Name: name, Client: client, Until: t0.Add(1)}
		l.Addr, _ = netip.ParseAddr(a)
		after := before.With(t0, l)
		label := strings.TrimSuffix(strings.ToLower(name), ".home.example")
		own := label == "pc1" && before.owns(before.inDomain([]byte("pc1")), client) ||
			label == "db1" && before.owns(before.inDomain([]byte("db1")), client)
		buf := make([]byte, 0, 1024)
		for i := range all {
			if now := after.Answer(buf, all[i].q); !own && !bytes.Equal(now.Msg, all[i].was.Msg) {
				t.Fatalf("%q: %s was %+v, is %+v", name, display(all[i].q.Name), all[i].was, now)
			}
		}
		if !l.Addr.IsValid() || after.Leases() == 0 {
			return
		}
		r, _ := ask(t, after, arpa(l.Addr), dns.TypePTR)
		target := r.Answer[0].(*dns.PTR).Ptr
		first, inside := strings.CutSuffix(target, ".home.example.")
		if !inside || !isLabel(first) {
			t.Fatalf("%q has the name %q", name, target)
		}
	})
}
