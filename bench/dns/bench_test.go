package main

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/bench/dns/generate"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// TestHouse: the house that ours serves answers what is asked, as it is expected of all.
func TestHouse(t *testing.T) {
	const n = 1000
	conf := houseConfig(n)
	if err := conf.Check(); err != nil {
		t.Fatal(err)
	}
	table, err := zone.Build(conf.House)
	if err != nil {
		t.Fatal(err)
	}
	types := map[uint16]int{}
	for _, q := range houseQuestions(n, n) {
		types[q.typ]++
		msg := q.message(1)
		a := table.Answer(nil, zone.Query{Name: msg[12 : len(msg)-4], Type: q.typ, Class: 1})
		reply := append([]byte{}, msg...)
		reply[2], reply[3] = 0x85, byte(a.RCode)
		binary.BigEndian.PutUint16(reply[6:], a.Answers)
		if err := q.check(reply); err != nil || a.Kind != zone.Local {
			t.Fatalf("kind %d, %v", a.Kind, err)
		}
	}
	if types[typeA] != n*6/10 || types[typeAAAA] != n*3/10 ||
		types[typePTR] != n/10 { // a tenth of those for A is not there
		t.Errorf("%v", types)
	}
}

// TestMessages: what is asked is a message to others too.
func TestMessages(t *testing.T) {
	for _, q := range append(houseQuestions(100, 100), outsideQuestions(100)...) {
		var m dns.Msg
		if err := m.Unpack(q.message(7)); err != nil {
			t.Fatal(err)
		}
		if m.Id != 7 || !m.RecursionDesired ||
			m.Question[0] != (dns.Question{Name: q.name + ".", Qtype: q.typ, Qclass: dns.ClassINET}) {
			t.Fatalf("%v for %+v", m, q)
		}
	}
}

// TestZones: the master files are ones, and have a record for each question.
func TestZones(t *testing.T) {
	const n = 100
	var house, back, away bytes.Buffer
	writeHouse(&house, n)
	writeReverse(&back, n)
	writeOutside(&away, n)
	has := map[string]bool{}
	for _, text := range []*bytes.Buffer{&house, &back, &away} {
		p := dns.NewZoneParser(text, "", "")
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			has[rr.Header().Name] = true
		}
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range append(houseQuestions(n, n), outsideQuestions(n)...) {
		if has[q.name+"."] != (q.rcode == noError) {
			t.Errorf("%+v: %v", q, has[q.name+"."])
		}
	}
}

func TestCheck(t *testing.T) {
	q := question{name: "host-1.net.example", typ: typeA, least: 1}
	good := append([]byte{0, 1, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, "..."...)
	if err := q.check(good); err != nil {
		t.Error(err)
	}
	for at, b := range map[int]byte{2: 0x87, 3: 0x83, 7: 0} { // cut short, not there, without a record
		bad := bytes.Clone(good)
		bad[at] = b
		if q.check(bad) == nil {
			t.Errorf("octet %d: %x passes", at, b)
		}
	}
	if q.check(good[:11]) == nil {
		t.Error("eleven octets pass")
	}
}

// TestTables: they fit into 80 columns, with figures as large as they get, and say what is the median.
func TestTables(t *testing.T) {
	long := 12345 * time.Microsecond
	some := []sample{
		{cpu: 99.99},
		{cpu: 31.25, perSecond: 212345, p50: long, p99: long, behind: long},
		{cpu: 1},
	}
	var all []figure
	for _, name := range []string{"gatehouse", "unbound", unbound(2).name, kresd().name} {
		all = append(all, figure{name: name, flood: some, fast: some, slow: some, idle: 123e6, load: 123e6})
	}
	all[1].flood = []sample{{cpu: 62.5, perSecond: 100e3}}
	var out bytes.Buffer
	err := printFigures(&out, "100000 hosts", all, 0.9, 1.2)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "62.50 (2.00)") {
		t.Errorf("the median is not that:\n%s", &out)
	}
	sizes := map[string][]size{}
	for _, f := range all {
		for range 4 {
			sizes[f.name] = append(
				sizes[f.name],
				size{
					cpu:     []float64{12.34},
					reloads: []time.Duration{12345 * time.Millisecond},
					memory:  123e6,
				},
			)
		}
	}
	if err := printGrowth(&out, []int{100, 1000, 10_000, 100_000}, []string{"gatehouse", "unbound", "Knot Resolver"}, sizes); err != nil {
		t.Fatal(err)
	}
	r := reloading{
		name:     "Knot Resolver",
		answered: []time.Duration{12345 * time.Millisecond},
		said:     []time.Duration{long},
		result:   &generate.Result{Lost: 123456, Latency: []time.Duration{time.Second}},
	}
	if err := printReloads(&out, []reloading{r}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, " \n")); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestHosts(t *testing.T) {
	if h := hostAt(99_999); h.name != "host-99999" || !netip.MustParsePrefix("10.0.0.0/8").Contains(h.v4) ||
		h.v4 == hostAt(0).v4 ||
		h.v6 == hostAt(0).v6 {
		t.Errorf("%+v", h)
	}
	if got := reverse(netip.MustParseAddr("10.1.2.3")); got != "3.2.1.10.in-addr.arpa" {
		t.Error(got)
	}
}
