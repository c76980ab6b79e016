package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// silence is that there is no reply.
const silence = "silence"

// A strange is a message that a resolver does not send every day, and what is said to it.
type strange struct {
	name    string
	msg     []byte
	want    string // as words
	unbound string // what unbound says if that is another result
}

// strangers are the cases of ISC's compliance tests (ednscomp.isc.org, and RFC 8906 8), and others like them.
func strangers(t testing.TB) (all []strange) {
	const web1 = "NOERROR, aa, web1.home.example. A 192.168.32.11"
	const soa = "NOERROR, aa, home.example. SOA -"
	from := func(change func(m *dns.Msg)) []byte {
		m := question("web1.home.example", dns.TypeA)
		change(m)
		return packed(t, m)
	}
	edns := func(change func(o *dns.OPT)) []byte {
		return from(func(m *dns.Msg) { m.SetEdns0(4096, false); change(m.IsEdns0()) })
	}
	raw := func(b []byte, change func(b []byte) []byte) []byte { return change(slices.Clone(b)) }
	plain, withOPT := from(func(*dns.Msg) {}), edns(func(*dns.OPT) {})
	a, _ := dns.NewRR("web1.home.example. 5 A 192.0.2.1")
	serial, _ := dns.NewRR("home.example. 5 SOA a. b. 1 2 3 4 5")
	zone := func(typ uint16) func(m *dns.Msg) {
		return func(m *dns.Msg) { m.Question[0] = dns.Question{Name: "home.example.", Qtype: typ, Qclass: 1} }
	}
	class := func(class uint16, name string) []byte {
		return from(func(m *dns.Msg) { m.Question[0] = dns.Question{Name: name, Qtype: dns.TypeTXT, Qclass: class} })
	}
	opcode := func(o int) []byte { return from(func(m *dns.Msg) { m.Opcode = o; zone(dns.TypeSOA)(m) }) }
	return []strange{
		{"plain", plain, web1, ""},
		{"a type that nobody knows", from(func(m *dns.Msg) { m.Question[0].Qtype = 1000 }), soa, ""},
		{"the Z flag", from(func(m *dns.Msg) { m.Zero = true }), web1, ""},
		{"AD", from(func(m *dns.Msg) { m.AuthenticatedData = true }), web1, ""},
		{"CD", from(func(m *dns.Msg) { m.CheckingDisabled = true }), web1, ""},
		{"TC", from(func(m *dns.Msg) { m.Truncated = true }), web1, "FORMERR"},
		{"AA and RA", from(func(m *dns.Msg) { m.Authoritative, m.RecursionAvailable = true, true }), web1, ""},
		{"no RD", from(func(m *dns.Msg) { m.RecursionDesired = false }), web1, ""},
		{"a result", from(func(m *dns.Msg) { m.Rcode = 5 }), web1, ""},

		{"EDNS", withOPT, web1, ""},
		{"DO", edns(func(o *dns.OPT) { o.SetDo() }), web1, ""},
		{"EDNS flags", edns(func(o *dns.OPT) { o.Hdr.Ttl |= 0x7fff }), web1, ""},
		{"EDNS version 1", edns(func(o *dns.OPT) { o.SetVersion(1) }), "BADVERS", ""},
		{"EDNS version 100, options, DO", edns(func(o *dns.OPT) {
			o.SetVersion(100)
			o.SetDo()
			o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 100, Data: []byte("x")}}
		}), "BADVERS", ""},
		{"an option that nobody knows", edns(func(o *dns.OPT) {
			o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 100, Data: []byte("x")}}
		}), web1, ""},
		{"many options", edns(func(o *dns.OPT) {
			o.Option = []dns.EDNS0{
				&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_EXPIRE{Code: dns.EDNS0EXPIRE, Empty: true},
				&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, Address: net.IPv4zero},
				&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"},
				&dns.EDNS0_PADDING{Padding: make([]byte, 50)}, &dns.EDNS0_LOCAL{Code: 65001},
			}
		}), web1, ""},
		{"a subnet that is none", edns(func(o *dns.OPT) {
			o.Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte{9}}}
		}), web1, ""},
		{"size 0", edns(func(o *dns.OPT) { o.SetUDPSize(0) }), web1, ""},
		{"size 65535", edns(func(o *dns.OPT) { o.SetUDPSize(65535) }), web1, ""},
		{"an option that is cut", raw(withOPT, func(b []byte) []byte {
			b[len(b)-1] = 2
			return append(b, 0, 9)
		}), "FORMERR", "NOERROR"},
		{"OPT twice", raw(withOPT, func(b []byte) []byte { b[11] = 2; return append(b, b[len(b)-11:]...) }), "FORMERR", ""},
		{"OPT with a name", raw(withOPT, func(b []byte) []byte {
			return slices.Concat(b[:len(b)-11], []byte{1, 'x'}, b[len(b)-11:])
		}), "FORMERR", ""},

		{"opcode 15", opcode(15), "NOTIMP", ""},
		{"STATUS", opcode(dns.OpcodeStatus), "NOTIMP", ""},
		{"IQUERY", opcode(dns.OpcodeIQuery), "NOTIMP", ""},
		{"NOTIFY", opcode(dns.OpcodeNotify), "NOTIMP", "REFUSED"},
		{"UPDATE", opcode(dns.OpcodeUpdate), "NOTIMP", ""},
		{"AXFR", from(zone(dns.TypeAXFR)), "REFUSED", ""},
		{"IXFR", from(func(m *dns.Msg) { zone(dns.TypeIXFR)(m); m.Ns = []dns.RR{serial} }), "REFUSED", "FORMERR"},
		{"ANY", from(zone(dns.TypeANY)), "NOERROR, aa, home.example. HINFO \"RFC8482\" \"\"", ""},
		{"type 0", from(zone(0)), "FORMERR", "NOERROR"},
		{"OPT asked for", from(zone(dns.TypeOPT)), "FORMERR", ""},
		{"TSIG asked for", from(zone(dns.TypeTSIG)), "NOTIMP", "FORMERR"},
		{"MAILB", from(zone(dns.TypeMAILB)), "NOTIMP", "FORMERR"},

		{"version.bind", class(dns.ClassCHAOS, "version.bind."), "REFUSED", ""},
		{"class Hesiod", class(dns.ClassHESIOD, "home.example."), "REFUSED", ""},
		{"class ANY", class(dns.ClassANY, "home.example."), "REFUSED", "SERVFAIL"},
		{"class NONE", class(dns.ClassNONE, "home.example."), "REFUSED", ""},
		{"a class that nobody knows", class(300, "home.example."), "REFUSED", ""},

		{"no question", from(func(m *dns.Msg) { m.Question = nil }), "FORMERR", ""},
		{"two questions", from(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), "FORMERR", ""},
		{"an answer in a query", from(func(m *dns.Msg) { m.Answer = []dns.RR{a} }), "FORMERR", ""},
		{"an authority in a query", from(func(m *dns.Msg) { m.Ns = []dns.RR{a} }), "FORMERR", ""},
		// Nobody here has keys: a signature is as good as none, and the reply has none.
		{"a signature", from(func(m *dns.Msg) { m.SetTsig("key.", dns.HmacSHA256, 300, 0) }), web1, "FORMERR"},
		{"something more", from(func(m *dns.Msg) { m.Extra = []dns.RR{a} }), web1, "FORMERR"},
		{"bytes behind it", append(slices.Clone(plain), 0), "FORMERR", "NOERROR"},
		{"a pointer to itself", raw(plain, func(b []byte) []byte {
			return append(b[:12], 0xc0, 12, 0, 1, 0, 1)
		}), "FORMERR", ""},
		{"a label of 64", raw(plain, func(b []byte) []byte { b[12] = 64; return b }), "FORMERR", ""},
		{"a question that is cut", plain[:len(plain)-2], "FORMERR", ""},
		{"only a header", plain[:12], "FORMERR", ""},
		{"a response", raw(plain, func(b []byte) []byte { b[2] |= 0x80; return b }), silence, ""},
		{"eleven bytes", plain[:11], silence, ""},
		{"nothing", nil, silence, ""},
	}
}

func TestStrange(t *testing.T) {
	c := far(t).chain()
	for _, s := range strangers(t) {
		for _, stream := range []bool{false, true} {
			reply := c.Serve(t.Context(), s.msg, client, stream)
			if s.want == silence {
				if reply != nil {
					t.Errorf("%s: %x", s.name, reply)
				}
				continue
			}
			var r dns.Msg
			if err := r.Unpack(reply); err != nil {
				t.Fatalf("%s: %x: %v", s.name, reply, err)
			}
			same(t, s.name, words(&r), s.want)
			testPolite(t, s, &r)
		}
	}
}

// testPolite looks at what is said beside the answer.
func testPolite(t *testing.T, s strange, r *dns.Msg) {
	t.Helper()
	if r.Id != binary.BigEndian.Uint16(s.msg) || !r.Response || r.Zero || !r.RecursionAvailable || r.Truncated ||
		r.Opcode != int(s.msg[2]>>3&15) || r.RecursionDesired != (s.msg[2]&1 != 0) {
		t.Errorf("%s: header %+v", s.name, r.MsgHdr)
	}
	var q dns.Msg
	if q.Unpack(s.msg) != nil {
		return
	}
	asked, opt := q.IsEdns0(), r.IsEdns0()
	if len(r.Question) == 1 && len(q.Question) == 1 && r.Question[0] != q.Question[0] {
		t.Errorf("%s: the question is %v", s.name, r.Question)
	}
	switch {
	case asked != nil && asked.Hdr.Name != ".": // that is none
	case (asked == nil) != (opt == nil):
		t.Errorf("%s: OPT is %v", s.name, opt)
	case opt != nil && (opt.Version() != 0 || len(opt.Option) > 0 || opt.Do() != asked.Do() || opt.Z() != 0):
		t.Errorf("%s: OPT is %v", s.name, opt)
	}
}

// unbound has the same to say, but for a few cases.
func TestStrangeByUnbound(t *testing.T) {
	n := testnet.New(t, "unbound")
	n.Up("lo")
	path := filepath.Join(t.TempDir(), "unbound.conf")
	if err := os.WriteFile(path, fmt.Appendf(nil, `server:
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  module-config: "iterator"
  interface: 127.0.0.1
  hide-version: yes
  deny-any: yes
  local-zone: home.example. static
  local-data: "home.example. SOA a. b. 1 2 3 4 5"
  local-data: "web1.home.example. A 192.168.32.11"
`, filepath.Dir(path)), 0o644); err != nil {
		t.Fatal(err)
	}
	p := n.Start(exec.Command(testnet.Need(t, "unbound", "unbound"), "-d", "-c", path))
	all := strangers(t)
	testnet.Eventually(t, 20*time.Second, "unbound answers", func() bool {
		_, err := exchange(n, all[0].msg, time.Second)
		return err == nil
	})
	for _, s := range all {
		patience := 5 * time.Second
		if s.want == silence {
			patience = 200 * time.Millisecond
		}
		reply, err := exchange(n, s.msg, patience)
		got := silence
		switch {
		case err == nil:
			got = resultOf(reply)
		case !errors.Is(err, os.ErrDeadlineExceeded):
			t.Fatalf("%s: %v\n%s", s.name, err, p.Output())
		}
		want := s.unbound
		if want == "" {
			want, _, _ = strings.Cut(s.want, ",")
		}
		same(t, s.name, got, want)
	}
}

// resultOf is the result of a message, with the part of it that is in an OPT record.
func resultOf(b []byte) string {
	var m dns.Msg
	if m.Unpack(b) != nil {
		m.Rcode = int(b[3] & 15)
	}
	return resultName(m.Rcode)
}

// resultName is the name of a result. The library has that of signatures for the one of versions.
func resultName(rcode int) string {
	if rcode == dns.RcodeBadVers {
		return "BADVERS"
	}
	return dns.RcodeToString[rcode]
}

// exchange sends a message over UDP, and returns what comes back.
func exchange(n *testnet.Namespace, msg []byte, patience time.Duration) (reply []byte, err error) {
	err = n.Do(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		var d net.Dialer
		c, err := d.DialContext(ctx, "udp", "127.0.0.1:53")
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		deadline, _ := ctx.Deadline()
		if err := c.SetDeadline(deadline); err != nil {
			return err
		}
		if _, err := c.Write(msg); err != nil {
			return err
		}
		b := make([]byte, 65535)
		size, err := c.Read(b)
		reply = b[:size]
		return err
	})
	return reply, err
}
