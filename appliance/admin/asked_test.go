package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/site"
)

// office is the environment of a box with examples/office, whose services are those that the test starts in
// its directory, and whose kernel may be touched by nobody.
func office(t *testing.T) (Env, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	touched := func(netip.Prefix) { t.Error("the kernel was told something") }
	kernel := hostileKernel()
	kernel.Ban = func(_ string, p netip.Prefix, _ time.Duration) error { touched(p); return nil }
	kernel.Unban = func(_ string, p netip.Prefix) (int, error) { touched(p); return 0, nil }
	return Env{
		Stdout: &stdout, Stderr: &stderr, RunDir: admintest.RunDir(t), Kernel: kernel, Stdin: strings.NewReader(""),
		Site:    func() (*site.Site, error) { return site.Load(os.DirFS("../../examples/office")) },
		Links:   func(plan.Outline) []Link { return nil },
		Machine: func() (machine.Facts, error) { return machine.Facts{Name: "gate", Version: "v1"}, nil },
		Now:     time.Now, Patience: time.Second, Image: os.DirFS("../../examples/office"), KeptDir: t.TempDir(),
	}, &stdout, &stderr
}

// TestAsked: who asks a command for help, or gives it an option that it does not have, is told how it is
// called, in lines that a console has room for. No service, no disk and no kernel is asked for anything.
func TestAsked(t *testing.T) {
	env, stdout, stderr := office(t)
	var asked atomic.Int64
	for _, service := range append([]string{InitService}, rosterNames()...) {
		m := control.Mux{}
		for _, method := range []string{"status", "leases", "box", "services", "log", "apply", "confirm", "rollback", "flush", "release",
			"renew", "site", "why", "query", "clients", "sources", "stations", control.Ping} {
			m[method] = func(context.Context, json.RawMessage, func(any) error) error { asked.Add(1); return nil }
		}
		admintest.Serve(t, env.RunDir, service, m)
	}
	run := func(args ...string) int {
		stdout.Reset()
		stderr.Reset()
		status := Run(t.Context(), env, args)
		admintest.Safe(t, stdout.String()+stderr.String(), cli.Width)
		return status
	}
	words := [][]string{{}, {"web1"}, {"1"}, {"198.51.100.1", "1h"}, {"--all"}, {"../../examples/home"}, {filepath.Join(t.TempDir(), "new")}}
	for _, name := range names("", commands()) {
		line := strings.Fields(name)
		tried := words
		if slices.ContainsFunc(commands(), func(c command) bool { return c.name == name && c.sub != nil }) {
			tried = [][]string{{}} // of others it would be another command
		}
		for _, w := range tried {
			for _, help := range []string{"--help", "-h"} {
				if status := run(slices.Concat(line, w, []string{help})...); status != 0 || !strings.Contains(stdout.String(), "gatehouse "+name) {
					t.Errorf("%s %q %s: status %d, printed %s%s", name, w, help, status, stdout, stderr)
				}
			}
			for _, typed := range [][]string{slices.Concat(line, []string{"--frobnicate"}, w), slices.Concat(line, w, []string{"--frobnicate"})} {
				if status := run(typed...); status != 2 || !strings.Contains(stderr.String(), "usage: gatehouse "+name) {
					t.Errorf("%q: status %d, printed %s%s", typed, status, stdout, stderr)
				}
			}
		}
	}
	for _, prefix := range [][]string{{}, {"firewall"}} {
		if status := run(append(prefix, "--help")...); status != 0 || !strings.Contains(stdout.String(), "COMMAND") {
			t.Errorf("%q --help: status %d, printed %s%s", prefix, status, stdout, stderr)
		}
	}
	if n := asked.Load(); n > 0 {
		t.Errorf("services were asked %d times", n)
	}
	if run("leases"); asked.Load() == 0 {
		t.Error("a command that asks was not seen")
	}
}

func rosterNames() (list []string) {
	for _, s := range roster.All() {
		list = append(list, s.Name)
	}
	return list
}

func TestUsageFits(t *testing.T) {
	var out bytes.Buffer
	Usage(&out)
	for _, c := range commands() {
		Usage(&out, c.name)
		for _, sub := range c.sub {
			Usage(&out, c.name, sub.name)
		}
	}
	admintest.Safe(t, out.String(), cli.Width)
}

// TestDidYouMean: whatever word is nearly one that is known is asked about.
func TestDidYouMean(t *testing.T) {
	env, _, stderr := office(t)
	s, err := env.Site()
	if err != nil {
		t.Fatal(err)
	}
	host := s.Hosts[0].Name
	for line, want := range map[string]string{
		"staus":                            "did you mean status?",
		"firewall rule":                    "did you mean rules?",
		"status --jsno":                    "did you mean --json?",
		"apply --witin 60s":                "did you mean --within?",
		"host " + host + "x":               "did you mean " + host + "?",
		"ipv6 why " + s.LANs[0].Name + "x": "did you mean " + s.LANs[0].Name + "?",
		"host zzzzzzzzz":                   "",
	} {
		stderr.Reset()
		status := Run(t.Context(), env, strings.Fields(line))
		if status == 0 || !strings.Contains(stderr.String(), want) || want == "" && strings.Contains(stderr.String(), "did you mean") {
			t.Errorf("%s: status %d, printed %q, want %q in it", line, status, stderr, want)
		}
	}
}

// TestComplete: every word of every command, every host and every service is known.
func TestComplete(t *testing.T) {
	env, _, _ := office(t)
	s, err := env.Site()
	if err != nil {
		t.Fatal(err)
	}
	admintest.Serve(t, env.RunDir, roster.DHCP, control.Mux{"leases": admintest.Says([]dhcp.LeaseInfo{
		{Name: "visitor", State: "bound"}, {Name: "gone", State: "free"}, {Name: "e\x1bvil", State: "bound"}})})
	ask := func(words ...string) []string {
		var out bytes.Buffer
		complete(t.Context(), env, &out, words)
		return strings.Fields(out.String())
	}
	has := func(want []string, line ...string) {
		t.Helper()
		got := ask(line...)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q: no %s among %q", line, w, got)
			}
		}
	}
	has(append(namesOf(commands()), "help"), "gatehouse", "")
	has(append(namesOf(commands()), "help"), "gatehouse", "help", "")
	for _, c := range commands() {
		has(namesOf(c.sub), "gatehouse", c.name, "")
		for _, sub := range append(c.sub, c) {
			line := []string{"gatehouse", c.name, sub.name}
			if sub.name == c.name {
				line = line[:2]
			}
			for _, word := range append(sub.words(), "--help") {
				if word != "-" {
					has([]string{word}, append(line, word[:1])...)
				}
			}
		}
	}
	var hosts []string
	for _, h := range s.Hosts {
		hosts = append(hosts, h.Name)
	}
	hosts = append(hosts, "visitor")
	for _, line := range []string{"gatehouse host", "gatehouse dhcp why", "gatehouse dns why", "gatehouse dns log -f", "gatehouse firewall ban",
		"gatehouse firewall explain from lan", "gatehouse dns why www.example.net --from", "ping", "traceroute -4"} {
		has(hosts, append(strings.Fields(line), "")...)
	}
	has(rosterNames(), "gatehouse", "log", "-f", "")
	has([]string{"https", "ssh"}, "gatehouse", "firewall", "explain", "from", "a", "to", "b", "")
	has([]string{s.LANs[0].Name, "wan"}, "gatehouse", "firewall", "log", "")
	if got := ask("gatehouse", "host", "vis"); !slices.Equal(got, []string{"visitor"}) {
		t.Errorf("vis: %q", got)
	}
	for _, none := range [][]string{{"gatehouse", "nosuch", ""}, {"gatehouse", "apply", "/et"}, {"gatehouse"}, {}} {
		if got := ask(none...); len(got) > 0 {
			t.Errorf("%q: %q", none, got)
		}
	}
	for _, word := range ask("gatehouse", "host", "") {
		if word == "gone" || strings.ContainsRune(word, 0x1b) {
			t.Errorf("it knows %q", word)
		}
	}
}

func TestGreeting(t *testing.T) {
	env, stdout, _ := office(t)
	if status := Run(t.Context(), env, []string{greetWord}); status != 0 {
		t.Errorf("status %d", status)
	}
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "gate: Gatehouse v1, up ") || !strings.Contains(lines[1], "wrong: gatehouse status") {
		t.Errorf("%d lines:\n%s", len(lines), stdout)
	}
	admintest.Safe(t, stdout.String(), cli.Width)
}
