package admin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/site"
)

// A gate is an appliance of which only the packet filter is asked.
type gate struct {
	dir         string
	site        func() (*site.Site, error)
	differences []string
	flows       []conntrack.Flow
	bans        *[]firewall.Ban
	ssh         string // $SSH_CONNECTION
}

// newGate has loaded the site of testdata, and has since got a new one if changed is not nil.
func newGate(t *testing.T, changed func(toml string) string) gate {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/firewall/site.txtar")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for _, f := range archive.Files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	loaded, err := site.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	g := gate{dir: t.TempDir(), bans: new([]firewall.Ban), site: func() (*site.Site, error) { return site.Load(fsys) }}
	if err := shown.WriteRules(g.dir, plan.Make(loaded, plan.Learned{}).Firewall); err != nil {
		t.Fatal(err)
	}
	if changed != nil {
		fsys["site.toml"].Data = []byte(changed(string(fsys["site.toml"].Data)))
	}
	return g
}

// run runs one command of the gate.
func (g gate) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = admin.Run(t.Context(), g.env(&out, &errs), append([]string{"firewall"}, args...))
	return out.String(), errs.String(), code
}

func (g gate) env(out, errs io.Writer) admin.Env {
	return admin.Env{Stdout: out, Stderr: errs, RunDir: g.dir, Site: g.site, Kernel: admin.Kernel{
		Counters: func(firewall.Table) (map[string]firewall.Count, error) {
			return map[string]firewall.Count{"rule_default.out": {Packets: 17, Bytes: 1020}, "refused": {Packets: 3, Bytes: 180},
				firewall.RuleCounter("no-web1-wan-smtp"): {Packets: 12, Bytes: 720}}, nil
		},
		Kept: func(table firewall.Table) (firewall.Table, error) {
			for i, s := range table.Sets {
				if s.Name == firewall.Banned4 {
					table.Sets[i].Elements = []firewall.Element{{Key: []firewall.Value{{Prefix: netip.MustParsePrefix("198.51.100.66/32")}}}}
				}
			}
			return table, nil
		},
		Differences: func(table firewall.Table) ([]string, error) {
			if table.Family == firewall.ARP {
				return nil, nil
			}
			return g.differences, nil
		},
		Ban: func(_ string, p netip.Prefix, d time.Duration) error {
			*g.bans = append(*g.bans, firewall.Ban{Prefix: p, For: d, Left: d - time.Second})
			return nil
		},
		Unban: func(_ string, p netip.Prefix) (int, error) {
			before := len(*g.bans)
			*g.bans = slices.DeleteFunc(*g.bans, func(b firewall.Ban) bool { return b.Prefix == p })
			return before - len(*g.bans), nil
		},
		Bans: func(string) ([]firewall.Ban, error) { return *g.bans, nil },
		Flows: func(each func(conntrack.Flow)) error {
			for _, f := range g.flows {
				each(f)
			}
			return nil
		},
		Forget: func(match func(conntrack.Flow) bool) (n int, err error) {
			for _, f := range g.flows {
				if match(f) {
					n++
				}
			}
			return n, nil
		},
		Limits: func() (conntrack.Limits, error) {
			return conntrack.Limits{Flows: len(g.flows), Max: 65536, Counted: true}, nil
		},
	}, SSHConnection: g.ssh}
}

// TestExplain asks about packets; testdata/firewall/explain.txt has the questions with their answers.
func TestExplain(t *testing.T) {
	const golden = "firewall/explain.txt"
	g := newGate(t, nil)
	var got strings.Builder
	for _, question := range []string{
		"from lan 192.168.32.50 to 203.0.113.80 tcp 443",
		"from web1 to 203.0.113.80 smtp",
		"from guests 192.168.33.50 to printer ipp",
		"from guests 192.168.33.50 to printer ssh",
		"from guests 192.168.33.50 to box ssh",
		"from 198.51.100.7 to 192.0.2.10 tcp 443",
		"from 198.51.100.7 to 192.0.2.10 tcp 8443",
		"from wan 192.168.32.50 to 192.0.2.10 tcp 443",
		"from lan 192.168.32.50 to 192.0.2.10 tcp 443",
		"from 198.51.100.7 to 192.0.2.20 https",
		"from web2 to 203.0.113.80 udp 53",
		"from 198.51.100.66 to box ping",
		"from 198.51.100.7 to web1 tcp 443",
		"from 2001:db8:ffff::7 to web1 tcp 443",
		"from 2001:db8:ffff::7 to web1 ssh",
		"from lan 192.168.32.50 to 2001:db8::1 tcp 443",
		"from laptop to box ssh",
		"from nobody to box ssh",
		"from moon 192.0.2.1 to box ssh",
		"from web1 to box nonsense",
		"from web1 to",
		"from guests 192.168.33.50 to printer",
		"from guests to printer",
		"from guests to wan smtp",
		"from blocked to web2 https",
		"from wan to box",
		"from box to 203.0.113.80 https",
		"from box to web1 ssh",
		"from box to box ssh",
		"from web1 to printer ipp",
		"from web1 to lan",
		"from guests to guests",
		"from lan 192.168.32.50 to 203.0.113.80 ftp",
	} {
		stdout, stderr, code := g.run(t, append([]string{"explain"}, strings.Fields(question)...)...)
		fmt.Fprintf(&got, "$ gatehouse firewall explain %s\n%s%s", question, stdout, stderr)
		if code != 0 {
			fmt.Fprintf(&got, "(exit status %d)\n", code)
		}
		fmt.Fprintln(&got)
	}
	admintest.Golden(t, *update, golden, got.String())
}

func TestFirewallShow(t *testing.T) {
	g := newGate(t, nil)
	stdout, stderr, code := g.run(t, "show")
	for _, want := range []string{
		`counter name "rule_default.out" accept comment "default.out" # 17 packets, 1020 bytes`,
		"\tcounter refused { packets 3 bytes 180; }\n",
		`comment "no-web1-wan-smtp (site.toml:32)"`,
		"elements = { 198.51.100.66 }",
		"# 20 elements of long sets are not shown; -a shows them\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if all, _, _ := g.run(t, "show", "-a"); len(all) <= len(stdout) || strings.Contains(all, "not shown") {
		t.Error("-a does not show all elements")
	}
	text, _, _ := g.run(t, "show", "--json")
	var rules []admin.RuleInfo
	if err := json.Unmarshal([]byte(text), &rules); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, r := range rules {
		found = found || r.Name == "default.out" && r.Count != nil && r.Count.Packets == 17 && r.Chain == "forward_lan_wan"
	}
	if code != 0 || stderr != "" || !found {
		t.Errorf("exit status %d, %q, the rule that counted %t in\n%s", code, stderr, found, text)
	}
}

// TestFirewallRules: the site's own rules in its order, a line each, and what each has decided.
func TestFirewallRules(t *testing.T) {
	g := newGate(t, nil)
	stdout, stderr, code := g.run(t, "rules")
	want := `
HITS   RULE         NAME                 LINE   FROM → TO
-      deny         no-blocked-any       21     blocked → lan, guests, wan, box:
                                                everything
-      allow        guests-printer-ipp   24     guests → printer: ipp
-      deny         no-guests-box-ssh    28     guests → box: ssh
12     deny         no-web1-wan-smtp     32     web1 → wan: smtp; logged
-      allow        wan-web2-https       37     wan → web2: https
-      forward      web1-tcp-443         41     wan tcp/443 → web1: everybody
-      one to one   web2                 44     192.0.2.20 ↔ web2

The first that speaks of a conversation decides, then the defaults.
`
	if code != 0 || stderr != "" || "\n"+stdout != want {
		t.Errorf("exit status %d, %q:\n%s\nwant\n%s", code, stderr, stdout, want)
	}
	text, _, _ := g.run(t, "rules", "--json")
	var rules []admin.SiteRule
	if err := json.Unmarshal([]byte(text), &rules); err != nil || len(rules) != 7 || rules[3].Place != "site.toml:32" ||
		rules[3].Count == nil || rules[3].Count.Packets != 12 || rules[0].Count != nil {
		t.Errorf("%v: %s", err, text)
	}
	g = newGate(t, func(toml string) string { return toml[:strings.Index(toml, "[firewall.list]")] })
	if stdout, _, code := g.run(t, "rules"); code != 0 || !strings.HasPrefix(stdout, "The site has no rules of its own") {
		t.Errorf("without rules: %d, %s", code, stdout)
	}
	if text, _, _ := g.run(t, "rules", "--json"); text != "[]\n" {
		t.Errorf("without rules: %s", text)
	}
}

func TestFirewallDiff(t *testing.T) {
	g := newGate(t, nil)
	stdout, stderr, code := g.run(t, "diff")
	if code != 0 || stdout != "The kernel has the rules that were loaded, and they are what the site says.\n" {
		t.Errorf("exit status %d: %s%s", code, stdout, stderr)
	}
	g = newGate(t, func(toml string) string {
		toml = strings.Replace(toml, "port = 443", "port = 444", 1)
		return strings.Replace(toml, `service = "smtp"`, `service = ["smtp", "submission"]`, 1)
	})
	g.differences = []string{"chain input has 12 rules or elements instead of 11"}
	want := `
! the kernel has not what was loaded: chain input has 12 rules or elements instead of 11
map hairpin_lan
- tcp . 443 : 192.168.32.11 . 443
+ tcp . 444 : 192.168.32.11 . 444
`
	stdout, stderr, code = g.run(t, "diff")
	if code != 1 || stderr != "" || !strings.HasPrefix("\n"+stdout, want) || !strings.Contains(stdout, "chain forward_lan_wan\n+ ip saddr 192.168.32.11 tcp dport 587 ") {
		t.Errorf("exit status %d, %q: %s", code, stderr, stdout)
	}
	text, _, code := g.run(t, "diff", "--json")
	var d admin.FirewallDiff
	if err := json.Unmarshal([]byte(text), &d); err != nil || code != 1 || len(d.Kernel) != 1 || len(d.Site) < 3 {
		t.Errorf("exit status %d, %v: %s", code, err, text)
	}
}

// TestFirewallWithoutRules: the command says what is the matter.
func TestFirewallWithoutRules(t *testing.T) {
	g := newGate(t, nil)
	g.dir = t.TempDir()
	for _, args := range []string{"show", "diff", "explain from web1 to box ssh"} {
		if _, stderr, code := g.run(t, strings.Fields(args)...); code != 1 || !strings.Contains(stderr, "which rules are loaded is not known") {
			t.Errorf("%s: exit status %d, %s", args, code, stderr)
		}
	}
	if _, stderr, code := g.run(t, "nonsense"); code != 2 || !strings.Contains(stderr, "usage: gatehouse firewall COMMAND\n  rules ") {
		t.Errorf("exit status %d, %s", code, stderr)
	}
}
