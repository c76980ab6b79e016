package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	"github.com/gatehouse-os/gatehouse/site"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// An appliance is what the commands are asked about; its services answer on
// real control sockets.
type appliance struct {
	machine  machine.Facts
	box      admin.Box
	services []supervise.Status
	links    []admin.Link
	dhcp     *run.Status // nil: the service is not there
	leases   []dhcp.LeaseInfo
	log      []logs.Dated
}

func healthy() appliance {
	return appliance{
		machine: machine.Facts{
			Name: "firewall", Version: "v1.2.3", Kernel: "Linux 6.1.192", Platform: "Xen PVH",
			Uptime: 3*24*time.Hour + 4*time.Hour, Memory: machine.Memory{Total: 96 << 20, Available: 60 << 20},
		},
		box: admin.Box{
			Boot:     boot.Report{Storage: boot.Storage{Kind: boot.StorageDisk, Device: "/dev/xvdb"}},
			Watchdog: &watchdog.Status{State: watchdog.Fed, Device: "xen_wdt", Timeout: time.Minute, Services: []string{"dhcp"}},
		},
		services: []supervise.Status{
			{Name: "dhcp", State: supervise.Ready, Since: 3 * 24 * time.Hour},
			{Name: "sshd", State: supervise.Ready, Since: time.Hour, Restarts: 1, LastExit: "signal: killed"},
		},
		links: []admin.Link{
			{Name: "wan", Interface: "eth0", State: "up", Addresses: []string{"192.0.2.10/24"}, Wanted: []string{"192.0.2.10/24"}},
			{Name: "lan", Interface: "eth1", State: "up", Addresses: []string{"192.168.32.1/24"}, Wanted: []string{"192.168.32.1/24"}},
		},
		dhcp: &run.Status{Subnets: []run.SubnetStatus{{Name: "lan", PoolSize: 100, PoolUsed: 1, PoolFree: 99, Leases: 2}}},
		leases: []dhcp.LeaseInfo{
			{
				Subnet: "lan", Addr: netip.MustParseAddr("192.168.32.11"), MAC: lease.MAC{0, 0x16, 0x3e, 0x20, 0, 0x11},
				Name: "web1", Kind: "reserved", State: "bound", LastSeen: now, Expires: now.Add(12 * time.Hour),
			},
			{
				Subnet: "lan", Addr: netip.MustParseAddr("192.168.32.100"), MAC: lease.MAC{0, 0, 0x5e, 0, 0x53, 0x77},
				Kind: "pool", State: "bound", LastSeen: now, Expires: now.Add(90 * time.Second),
			},
			{
				Subnet: "lan", Addr: netip.MustParseAddr("192.168.32.101"), MAC: lease.MAC{0, 0, 0x5e, 0, 0x53, 0x78},
				Name: "guest", Kind: "pool", State: "free", Expires: now.Add(-time.Hour),
			},
		},
		log: []logs.Dated{
			{Line: logs.Line{Service: "dhcp", Text: "leased"}, Time: now},
			{Line: logs.Line{Service: "sshd", Text: "ssh listens"}, Time: now.Add(time.Second)},
		},
	}
}

// answer is a control method with one result.
func answer(v any) control.Handler {
	return func(_ context.Context, _ json.RawMessage, send func(any) error) error { return send(v) }
}

// start serves the control sockets in a new directory and returns it.
func (a appliance) start(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "admin") // short: the name of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	serve := func(service string, m control.Mux) {
		l, err := control.Listen(dir, service)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := control.Serve(ctx, l, m); err != nil {
				t.Error(err)
			}
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
	serve("init", control.Mux{
		"box": answer(a.box), "services": answer(a.services),
		"log": func(_ context.Context, raw json.RawMessage, send func(any) error) error {
			var args logs.Args
			if err := json.Unmarshal(raw, &args); err != nil {
				return err
			}
			if args.Service == "nosuch" {
				return errors.New("nothing is called nosuch")
			}
			for _, l := range a.log {
				if args.Service == "" || args.Service == l.Service {
					if err := send(l); err != nil {
						return err
					}
				}
			}
			return nil
		},
	})
	if a.dhcp != nil {
		serve("dhcp", control.Mux{"status": answer(a.dhcp), "leases": answer(a.leases)})
	}
	return dir
}

// command runs one command and returns what it printed and its exit status.
func (a appliance) command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := admin.Env{
		Stdout: &out, Stderr: &errs, RunDir: a.start(t),
		Site:    func() (*site.Site, error) { return site.Load(os.DirFS("../../examples/home")) },
		Links:   func(*site.Site) []admin.Link { return a.links },
		Machine: func() (machine.Facts, error) { return a.machine, nil },
		Now:     func() time.Time { return now },
	}
	code = admin.Run(t.Context(), env, args)
	return out.String(), errs.String(), code
}

func TestOutput(t *testing.T) {
	broken := healthy()
	broken.dhcp = nil
	broken.services[0] = supervise.Status{
		Name: "dhcp", State: supervise.Backoff, Restarts: 7, LastExit: "exit status 1",
		LastWords: []string{"open eth1: no such device"},
	}
	broken.links[1] = admin.Link{Name: "lan", Interface: "eth1", State: "missing", Wanted: []string{"192.168.32.1/24"}}
	broken.box.Watchdog = &watchdog.Status{
		State: watchdog.Starving, Device: "xen_wdt", Timeout: time.Minute, Services: []string{"dhcp"},
		Silent: []watchdog.Silence{{Name: "dhcp", For: 3 * time.Minute}},
	}
	broken.box.Problems = []string{"eth1: there is no such link"}
	broken.box.Boot.Storage = boot.Storage{Kind: boot.StorageLost, Problem: "/dev/xvdb: e2fsck gave up"}

	tests := []struct {
		name      string
		appliance appliance
		args      string
		code      int
		want      string
	}{
		{"status", healthy(), "status", 0, `
firewall   v1.2.3 · Linux 6.1.192 · Xen PVH
up 3d 4h · 36 of 96 MiB memory in use

wan   eth0   up   192.0.2.10/24
lan   eth1   up   192.168.32.1/24   2 leases, pool 1 of 100 used

dhcp       ready   for 3d
sshd       ready   for 1h   restarted once: signal: killed
/perm      on its own disk, /dev/xvdb
watchdog   xen_wdt, fed while dhcp answers

Everything is as it should be.
`},
		{"status of a box in trouble", broken, "status", 1, `
firewall   v1.2.3 · Linux 6.1.192 · Xen PVH
up 3d 4h · 36 of 96 MiB memory in use

wan   eth0   up        192.0.2.10/24
lan   eth1   missing

dhcp       backoff   for 0s   restarted 7 times: exit status 1
sshd       ready     for 1h   restarted once: signal: killed
/perm      lost
watchdog   xen_wdt is not fed any more

! eth1: there is no such link
! /perm: /dev/xvdb: e2fsck gave up
! dhcp has not answered for 3m
! the watchdog resets this box within 1m
! service dhcp is in state backoff: exit status 1, open eth1: no such device
! interface eth1 (lan) is missing
`},
		{"leases", healthy(), "leases", 0, `
LAN   ADDRESS          MAC                 NAME   KIND       LEASE
lan   192.168.32.11    00:16:3e:20:00:11   web1   reserved   for another 12h
lan   192.168.32.100   00:00:5e:00:53:77   -      pool       for another 1m 30s
`},
		{"leases with the former ones", healthy(), "leases -a", 0, `
LAN   ADDRESS          MAC                 NAME    KIND       LEASE
lan   192.168.32.11    00:16:3e:20:00:11   web1    reserved   for another 12h
lan   192.168.32.100   00:00:5e:00:53:77   -       pool       for another 1m 30s
lan   192.168.32.101   00:00:5e:00:53:78   guest   pool       free for 1h
`},
		{"a host of the pool", healthy(), "host 00:00:5e:00:53:78", 0, `
guest is in no file of the site.

LAN   ADDRESS          MAC                 NAME    KIND   LEASE
lan   192.168.32.101   00:00:5e:00:53:78   guest   pool   free for 1h
`},
		{"log", healthy(), "log", 0, `
2026-05-01 12:00:00.000  dhcp   leased
2026-05-01 12:00:01.000  sshd   ssh listens
`},
		{"log of one service", healthy(), "log sshd -n 5", 0, `
2026-05-01 12:00:01.000  sshd   ssh listens
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := tt.appliance.command(t, strings.Fields(tt.args)...)
			if code != tt.code || stderr != "" {
				t.Errorf("exit status %d, want %d; %s", code, tt.code, stderr)
			}
			if d := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), stdout); d != "" {
				t.Errorf("gatehouse %s (-want +got):\n%s", tt.args, d)
			}
		})
	}
}

func TestHost(t *testing.T) {
	for _, word := range []string{"web1", "192.168.32.11", "00:16:3e:20:00:11", "0:16:3E:20:0:11"} {
		stdout, stderr, code := healthy().command(t, "host", word)
		if code != 0 || stderr != "" {
			t.Errorf("host %s: exit status %d, %s", word, code, stderr)
		}
		for _, want := range []string{"iqn.2011-03.example.home:web1.root", "for another 12h", "ethers:"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("host %s: %q is missing in\n%s", word, want, stdout)
			}
		}
	}
}

// The domain of a host comes from the site alone: no service has to answer.
func TestHostAsDomain(t *testing.T) {
	alone := healthy()
	alone.dhcp = nil
	for args, want := range map[string]string{
		"host web1 --xl":                               `type   = "hvm"`,
		"host --xl=hvm 192.168.32.11":                  `boot   = "n"`,
		"host web1 --xl=pvh":                           `type   = "pvh"`,
		"host 00:16:3E:20:00:11 --xl=pv":               `"mac=00:16:3e:20:00:11, bridge=xenbr1"`,
		"host web1 --site ../../examples/home --xl=pv": `type   = "pv"`,
		"host web1 --site ../../examples/home":         "iqn.2011-03.example.home:web1.root",
		"host web1 --site ../../examples/home --json":  `"target": "iqn.2011-03.example.home:web1.root"`,
	} {
		stdout, stderr, code := alone.command(t, strings.Fields(args)...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit status %d, %s: %s is missing in\n%s", args, code, stderr, want, stdout)
		}
	}
}

// Each --json is one document with the facts that the text has.
func TestJSON(t *testing.T) {
	tests := []struct{ args, want string }{
		{"status --json", `"problems": []`},
		{"leases --json", `"addr": "192.168.32.11"`},
		{"host web1 --json", `"root_path": "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root"`},
		{"log sshd --json", `"service":"sshd"`},
	}
	for _, tt := range tests {
		stdout, stderr, code := healthy().command(t, strings.Fields(tt.args)...)
		if code != 0 || stderr != "" || !json.Valid([]byte(stdout)) {
			t.Errorf("%s: exit status %d, %s, printed\n%s", tt.args, code, stderr, stdout)
		}
		if !strings.Contains(stdout, tt.want) {
			t.Errorf("%s: %s is missing in\n%s", tt.args, tt.want, stdout)
		}
	}
}

func TestErrors(t *testing.T) {
	noDHCP := healthy()
	noDHCP.dhcp = nil
	tests := []struct {
		appliance appliance
		args      string
		code      int
		want      string
	}{
		{healthy(), "", 2, "usage: gatehouse COMMAND"},
		{healthy(), "lease", 2, `no command "lease"`},
		{healthy(), "leases now", 2, "usage: gatehouse leases"},
		{healthy(), "host", 2, "usage: gatehouse host NAME"},
		{healthy(), "status --jsn", 2, "usage: gatehouse status"},
		{healthy(), "host nosuch", 1, "nosuch is no name, address or MAC"},
		{healthy(), "host guest --xl", 1, "guest is no name, address or MAC of a host of the site"},
		{healthy(), "host printer --xl", 1, "printer does not boot from the network"},
		{healthy(), "host web1 --xl=qemu", 2, "usage: gatehouse host NAME"},
		{healthy(), "host web1 --xl --json", 2, "usage: gatehouse host NAME"},
		{healthy(), "host guest --site ../../examples/home", 1, "guest is no name, address or MAC of a host"},
		{healthy(), "host web1 --site nosuch", 1, "site.toml: is not there"},
		{healthy(), "log nosuch", 1, "nothing is called nosuch"},
		{noDHCP, "leases", 1, "dhcp"},
		{noDHCP, "host web1", 1, "what is leased to it is not known"},
	}
	for _, tt := range tests {
		_, stderr, code := tt.appliance.command(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("gatehouse %s: exit status %d, want %d; printed %q, want %q in it", tt.args, code, tt.code, stderr, tt.want)
		}
	}
}

func TestWatchdogOfStatus(t *testing.T) {
	w := watchdog.Status{State: watchdog.Fed, Device: "xen_wdt", Timeout: time.Minute, Services: []string{"dhcp", "dns"}}
	in := func(change func(*watchdog.Status)) *watchdog.Status {
		changed := w
		change(&changed)
		return &changed
	}
	tests := []struct {
		status *watchdog.Status
		code   int
		want   string
	}{
		{nil, 0, ""},
		{&w, 0, "watchdog   xen_wdt, fed while dhcp and dns answer\n"},
		{in(func(w *watchdog.Status) { w.State = watchdog.Off }), 0, "watchdog   off, by the kernel's command line\n"},
		{in(func(w *watchdog.Status) { w.State = watchdog.Absent }), 0, "watchdog   none on this machine\n"},
		{in(func(w *watchdog.Status) { w.State = watchdog.Waiting }), 0, "watchdog   waiting for the first answer of dhcp and dns\n"},
		{in(func(w *watchdog.Status) { w.LastReset, w.Spared = "dns has not answered for 3m0s", 50*time.Minute }), 1,
			"watchdog   xen_wdt, fed for another 50m whoever answers\n\n! the watchdog has reset this box: dns has not answered for 3m0s\n"},
		{in(func(w *watchdog.Status) { w.LastReset = "dns has not answered for 3m0s" }), 1,
			"watchdog   xen_wdt, fed while dhcp and dns answer\n\n! the watchdog has reset this box: dns has not answered for 3m0s\n"},
	}
	for _, tt := range tests {
		box := healthy()
		box.box.Watchdog = tt.status
		stdout, _, code := box.command(t, "status")
		_, row, _ := strings.Cut(stdout, "/dev/xvdb\n")
		row = strings.TrimPrefix(strings.TrimSuffix(row, "\nEverything is as it should be.\n"), "\n")
		if code != tt.code || row != tt.want {
			t.Errorf("exit status %d, want %d; printed %q, want %q", code, tt.code, row, tt.want)
		}
	}
}
