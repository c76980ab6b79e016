package zone

import (
	"fmt"
	"math/rand/v2"
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

// TestAgainstNSD has nsd answer for the same zone: wildcards, names that only have
// names below them, chains of aliases, and what does not exist.
func TestAgainstNSD(t *testing.T) {
	nsd := testnet.Need(t, "nsd", "nsd")
	c := home()
	c.Elsewhere, c.Networks = nil, nil
	c.Records = append(c.Records, Record{Name: "c1", CNAME: "c2"}, Record{Name: "c2", CNAME: "c3.apps"}, Record{Name: "c3.apps", CNAME: "x.apps"},
		Record{Name: "*.w.deep", TXT: []string{"w"}}, Record{Name: "x.w.deep", MX: []MX{{1, "web1"}}}, Record{Name: "e.n.t", CNAME: "t"})
	c.Hosts = slices.DeleteFunc(c.Hosts, func(h Host) bool { return len(h.Clients) > 0 && len(h.Addrs) == 0 })
	table, m := build(t, c), newModel(c)

	dir := t.TempDir()
	var file strings.Builder
	var names []string
	for name, all := range m.records {
		if dns.IsSubDomain(m.domain, name) {
			names = append(names, name)
			for _, rr := range all {
				fmt.Fprintln(&file, rr)
			}
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("zone", file.String())
	write("conf", fmt.Sprintf("server:\n ip-address: 127.0.0.1\n username: \"\"\n zonesdir: %[1]q\n database: \"\"\n pidfile: \"\"\n zonelistfile: \"%[1]s/list\"\n"+
		" xfrdfile: \"%[1]s/xfrd\"\n xfrdir: %[1]q\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\nzone:\n name: %[2]q\n zonefile: zone\n", dir, m.domain))
	ns := testnet.New(t, "nsd")
	server := ns.Start(exec.Command(nsd, "-d", "-c", filepath.Join(dir, "conf")))
	exchange := func(name string, typ uint16) (r *dns.Msg, err error) {
		q := new(dns.Msg)
		q.SetQuestion(name, typ)
		q.SetEdns0(4096, false)
		err = ns.Do(func() error {
			client := dns.Client{Timeout: 2 * time.Second, UDPSize: 4096}
			r, _, err = client.Exchange(q, "127.0.0.1:53")
			return err
		})
		return r, err
	}
	testnet.Eventually(t, 20*time.Second, "nsd answers", func() bool { _, err := exchange(m.domain, dns.TypeSOA); return err == nil })

	slices.Sort(names)
	r := rand.New(rand.NewPCG(1, 1))
	for _, name := range slices.Clone(names) {
		i, _ := dns.NextLabel(name, 0)
		names = append(names, "q."+name, "q.q."+name, "*."+name, "q."+name[i:], name[i:])
	}
	compared := 0
	for _, name := range slices.Compact(names) {
		if !dns.IsSubDomain(m.domain, name) {
			continue
		}
		for _, typ := range []uint16{dns.TypeA, pick(r, dns.TypeAAAA, dns.TypeCNAME, dns.TypeTXT), pick(r, dns.TypeMX, dns.TypeSRV, dns.TypePTR, dns.TypeHTTPS)} {
			theirs, err := exchange(name, typ)
			if err != nil {
				t.Fatalf("%v\n%s", err, server.Output())
			}
			ours, a := ask(t, table, name, typ)
			ours.Rcode = int(a.RCode)
			if got, want := wordsOf(ours), wordsOf(theirs); got != want {
				t.Errorf("%s %s\n is  %s\n nsd %s", name, dns.TypeToString[typ], got, want)
			}
			compared++
		}
	}
	if compared < 300 {
		t.Errorf("%d questions only", compared)
	}
}

// wordsOf is what two servers must agree on: the code, the answers, and whether there
// is an SOA to keep a negative answer by.
func wordsOf(r *dns.Msg) string {
	var all []string
	for _, rr := range r.Answer {
		all = append(all, strings.ToLower(rr.String()))
	}
	slices.Sort(all)
	soa := slices.ContainsFunc(r.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
	return fmt.Sprintf("%s %q SOA %v", dns.RcodeToString[r.Rcode], all, soa)
}
