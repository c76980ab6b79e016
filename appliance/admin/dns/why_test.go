package dns_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/admin/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
)

// record is one as the service says it.
func record(text string) string { return strings.Join(strings.SplitN(text, " ", 5), "\t") }

// answers are what the service says to the questions of these tests.
func answers() map[string]run.Why {
	up := usual().Upstream[:1]
	down := troubled().Upstream[:1]
	down[0].Name, down[0].Error = "dns.quad9.net", "timed out"
	www := []string{record("www.example.net. 288 IN A 192.0.2.80")}
	all := []run.Why{
		{Name: "web.home.example.", Type: "A", By: "house", Rcode: "NOERROR", Records: []string{record("web.home.example. 300 IN A 192.168.32.10")}},
		{Name: "WWW.home.example.", Type: "A", By: "house", Rcode: "NOERROR", Records: []string{record("WWW.home.example. 300 IN A 192.168.32.10")}},
		{Name: "web.home.example.", Type: "HTTPS", By: "house", Rcode: "NOERROR"},
		{Name: "gate.home.example.", Type: "AAAA", By: "house", Rcode: "NOERROR", Records: []string{record("gate.home.example. 300 IN AAAA fd00:32::1")}},
		{Name: "laptop.home.example.", Type: "A", By: "house", Rcode: "NOERROR", Records: []string{record("laptop.home.example. 60 IN A 192.168.32.100")}},
		{Name: "phone.home.example.", Type: "A", By: "house", Rcode: "NXDOMAIN"},
		{Name: "10.32.168.192.in-addr.arpa.", Type: "PTR", By: "house", Rcode: "NOERROR",
			Records: []string{record("10.32.168.192.in-addr.arpa. 300 IN PTR web.home.example.")}},
		{Name: "77.32.168.192.in-addr.arpa.", Type: "PTR", By: "house", Rcode: "NXDOMAIN"},
		{Name: "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.3.0.0.0.0.d.f.ip6.arpa.", Type: "PTR", By: "house", Rcode: "NOERROR",
			Records: []string{record("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.3.0.0.0.0.d.f.ip6.arpa. 300 IN PTR gate.home.example.")}},
		{Name: "_ntp._udp.home.example.", Type: "SRV", By: "house", Rcode: "NOERROR",
			Records: []string{record("_ntp._udp.home.example. 300 IN SRV 0 0 123 gate.home.example.")}},
		{Name: "printer.local.", Type: "A", By: "house", Rcode: "NXDOMAIN"},
		{Name: "com.", Type: "A", By: "house", Rcode: "NXDOMAIN"},
		{Name: "away.home.example.", Type: "A", By: "house, and outside", Rcode: "NOERROR", Domain: ".", Servers: up,
			Records: []string{record("away.home.example. 300 IN CNAME www.example.net."), www[0]}, Cached: &run.CachedEntry{Age: 12 * time.Second, Left: 288 * time.Second}},
		{Name: "www.example.net.", Type: "A", By: "outside", Rcode: "NOERROR", Records: www, Domain: ".", Servers: up,
			Cached: &run.CachedEntry{Age: 12 * time.Second, Left: 288 * time.Second, Hits: 3}},
		{Name: "www.example.net.", Type: "AAAA", By: "outside", Rcode: "NOERROR", Domain: ".", Servers: up, Asked: &run.Asking{Took: 13 * time.Millisecond}},
		{Name: "old.example.net.", Type: "A", By: "outside", Rcode: "NOERROR", Records: www, Domain: ".", Servers: down,
			Cached: &run.CachedEntry{Age: time.Hour, Left: -10 * time.Minute, Hits: 1},
			Asked:  &run.Asking{Took: 1800 * time.Millisecond, What: "stale"}},
		{Name: "nobody.example.net.", Type: "A", By: "outside", Rcode: "NXDOMAIN", Domain: ".", Servers: up, Asked: &run.Asking{Took: 340 * time.Microsecond}},
		{Name: "dead.example.net.", Type: "A", By: "outside", Domain: ".", Servers: down,
			Asked: &run.Asking{Took: 5 * time.Second, Error: "no server has answered: 9.9.9.9#dns.quad9.net: timed out"}},
		{Name: "failed.example.net.", Type: "A", By: "outside", Rcode: "SERVFAIL", Domain: ".", Servers: down,
			Cached: &run.CachedEntry{Age: time.Second, Left: 4 * time.Second, Failure: true}},
		{Name: "db.lab.example.", Type: "A", By: "outside", Domain: "lab.example.", Servers: usual().Upstream[1:]},
		{Name: "other.example.", Type: "A", By: "outside", Domain: "."},
		{Name: `evil\027[31m.example.net.`, Type: "TXT", By: "outside", Rcode: "NOERROR", Domain: ".", Servers: up, Asked: &run.Asking{Took: time.Millisecond},
			Records: append([]string{"evil.\t60\tIN\tTXT\t\"\x1b[2J\u202e" + strings.Repeat("y", 1000) + "\"", "\x1b]0;x\x07"}, make([]string, 30)...)},
	}
	m := map[string]run.Why{}
	for _, w := range all {
		m[strings.ToLower(w.Name)+" "+w.Type] = w
	}
	return m
}

func TestWhy(t *testing.T) {
	b := &box{why: answers(), leases: leasesOf()}
	b.start(t)
	t.Run("house", func(t *testing.T) {
		text := story(t, b.env, "why web", "why WWW.home.example --from laptop", "why web HTTPS", "why gate aaaa", "why laptop", "why phone",
			"why 192.168.32.10", "why 192.168.32.77", "why fd00:32::1", "why _ntp._udp SRV", "why printer.local", "why com.", "why away")
		admintest.Golden(t, *update, "why-house.txt", text)
		admintest.Safe(t, text, 110, "$") // reverse names of IPv6 have more than 80
	})
	t.Run("outside", func(t *testing.T) {
		text := story(t, b.env, "why www.example.net", "why www.example.net AAAA", "why old.example.net", "why nobody.example.net",
			"why dead.example.net", "why failed.example.net", "why --no-ask db.lab.example", "why other.example")
		admintest.Golden(t, *update, "why-outside.txt", text)
		admintest.Safe(t, text, 80, "$")
	})
	t.Run("hostile", func(t *testing.T) {
		text := story(t, b.env, `why evil\027[31m.example.net. TXT`)
		admintest.Golden(t, *update, "why-hostile.txt", text)
		admintest.Safe(t, text, 320, "$")
	})
}

// TestWhyAsks: what the service is asked.
func TestWhyAsks(t *testing.T) {
	b := &box{why: answers(), leases: leasesOf()}
	b.start(t)
	for line, want := range map[string]string{
		"why www.example.net":                           `{"name":"www.example.net.","type":"A","ask":true}`,
		"why www.example.net AAAA --no-ask --from web":  `{"name":"www.example.net.","type":"AAAA","from":"192.168.32.10"}`,
		"why web --from 192.168.32.7":                   `{"name":"web.home.example.","type":"A","from":"192.168.32.7","ask":true}`,
		"why 192.168.32.10 --from laptop.home.example ": `{"name":"10.32.168.192.in-addr.arpa.","type":"PTR","from":"192.168.32.100","ask":true}`,
		"why ::ffff:192.168.32.10":                      `{"name":"10.32.168.192.in-addr.arpa.","type":"PTR","ask":true}`,
	} {
		if _, err := command(t, b.env, line); err != nil || b.asked[len(b.asked)-1] != want {
			t.Errorf("%s: %v, %s", line, err, b.asked)
		}
	}
}

// TestWhyAlone: what is not known is said, and keeps nothing from being shown.
func TestWhyAlone(t *testing.T) {
	b := &box{why: answers(), silent: true, siteErr: errors.New("the site is damaged")}
	b.start(t)
	out, err := command(t, b.env, "why laptop.home.example.")
	for _, want := range []string{"laptop.home.example. 60 A 192.168.32.100", "the site: the site is damaged", "leases: "} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%v, no %q in\n%s", err, want, out)
		}
	}
}

func TestWhyJSON(t *testing.T) {
	b := &box{why: answers(), leases: leasesOf()}
	b.start(t)
	out, err := command(t, b.env, "why web --json")
	var x dns.Explanation
	if jsonErr := json.Unmarshal([]byte(out), &x); err != nil || jsonErr != nil {
		t.Fatal(err, jsonErr)
	}
	if x.By != "house" || len(x.Site) != 1 || x.Site[0] != "hosts:1 hosts:2: web www" || x.Verdict == "" {
		t.Errorf("%+v", x)
	}
}

func TestWhyErrors(t *testing.T) {
	b := &box{why: answers(), leases: leasesOf(), status: usual()}
	b.start(t)
	for line, want := range map[string]string{
		"why":                               cli.ErrUsage.Error(),
		"why web A AAAA":                    cli.ErrUsage.Error(),
		"why web --ask":                     cli.ErrUsage.Error(),
		"why web FOO":                       `"FOO" is no type of records, such as AAAA or TYPE65`,
		"why web TYPE65536":                 `"TYPE65536" is no type of records`,
		"why web..example":                  `"web..example" is no name`,
		"why web --from tablet":             "tablet is no address, and no name of a host or client that has one",
		"why " + strings.Repeat("x", 64):    `x" is no name`,
		"why " + strings.Repeat("x.", 4000): `…`,
		"flush":                             cli.ErrUsage.Error(),
		"flush web --all":                   cli.ErrUsage.Error(),
		"flush --below example.net --all":   cli.ErrUsage.Error(),
		"flush --below a..b":                "a..b is no domain",
		"log -f nosuch":                     "nosuch is no address",
		"log a b":                           cli.ErrUsage.Error(),
		"now":                               cli.ErrUsage.Error(),
		"query":                             cli.ErrUsage.Error(),
		"query web A AAAA":                  cli.ErrUsage.Error(),
	} {
		out, err := command(t, b.env, line)
		if err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%.40s: %v, not %q\n%s", line, err, want, out)
		}
	}
}

// TestFlush: what the service is told, and what people are.
func TestFlush(t *testing.T) {
	b := &box{}
	b.start(t)
	for _, c := range []struct{ line, told, want string }{
		{"flush www.example.net", `{"name":"www.example.net.","below":false}`, "2 answers of www.example.net. are forgotten.\n"},
		{"flush --below com", `{"name":"com.","below":true}`, "3 answers of com. and all names below it are forgotten.\n"},
		{"flush --all", `{"name":".","below":true}`, "4 answers are forgotten.\n"},
		{"flush web", `{"name":"web.home.example.","below":false}`, "5 answers of web.home.example. are forgotten.\n"},
	} {
		out, err := command(t, b.env, c.line)
		if err != nil || out != c.want || b.asked[len(b.asked)-1] != c.told {
			t.Errorf("%s: %v, %q, %s", c.line, err, out, b.asked)
		}
	}
}

// TestLog: one line for a query, whatever is in it.
func TestLog(t *testing.T) {
	line := func(seq uint64, from, name, what string) run.Line {
		return run.Line{Seq: seq, At: now.Add(time.Duration(seq) * time.Millisecond), From: addr(from), Name: name, Type: "A", What: what, Rcode: "NOERROR"}
	}
	asked := line(12, "192.168.32.100", "www.example.net.", "asked")
	asked.Took, asked.Server = 12*time.Millisecond, "9.9.9.9#dns.quad9.net"
	evil := line(18, "fd00:32::10", "\x1b[31m\n"+strings.Repeat("x", 200)+".example.", "rejected")
	evil.Rcode, evil.Server = "\u202e", "\x07"
	b := &box{leases: leasesOf(), log: []run.Line{line(11, "192.168.32.10", "store.home.example.", "local"), asked, evil,
		line(19, "fe80::1%eth1", "a.example.", "cached")}}
	b.start(t)
	text := story(t, b.env, "log", "log -f", "log -f laptop", "log -f web", "log -f 192.168.32.10 --json")
	admintest.Golden(t, *update, "log.txt", text)
	admintest.Safe(t, text, 260, "$")
	if want := []string{"{}", `{"client":"192.168.32.100"}`, "{}", `{"client":"192.168.32.10"}`}; strings.Join(b.asked, " ") != strings.Join(want, " ") {
		t.Errorf("%s", b.asked)
	}
}
