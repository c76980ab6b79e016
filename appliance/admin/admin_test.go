package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
	"github.com/gatehouse-os/gatehouse/firewall/shares/watch"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// gateway is that of the reference site.
var gateway = netip.MustParseAddr("192.0.2.1")

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// An appliance is what the commands are asked about; its services answer on
// real control sockets.
type appliance struct {
	machine  machine.Facts
	untold   error // what of it is not known
	box      admin.Box
	services []supervise.Status
	links    []admin.Link
	said     map[string]any // what each service, if it is ready, says to "problems"
	dhcp     *run.Status    // nil: it does not answer
	wan      *wanrun.Status // nil: there is no such service
	clock    *ntprun.Status // nil: there is no such service
	hung     []string       // services that take questions, and nothing comes of it
	idle     []string       // services whose work hangs, so that they answer no ping
	patience time.Duration
	unruly   map[string]func(net.Conn)                  // what a process does with each connection; nil: it takes none
	before   func(ctx context.Context, question string) // called before each answer
	stuck    chan struct{}                              // the kernel does not tell of the machine until it is closed
	leases   []dhcp.LeaseInfo
	log      []logs.Dated
	shares   *watch.State // nil: init does not say
	trusted  time.Time    // when the list of certificate authorities was made
}

func healthy() appliance {
	return appliance{
		patience: 30 * time.Second, // of a busy machine; nobody is waited for here
		machine: machine.Facts{
			Name: "firewall", Version: "v1.2.3", Kernel: "Linux 6.1.192", Platform: "Xen PVH",
			Uptime: 3*24*time.Hour + 4*time.Hour, Memory: machine.Memory{Total: 96 << 20, Available: 60 << 20},
			CPUs: 1, Load: [3]float64{0.08, 0.03, 0},
			Disks: []machine.Disk{
				{Dir: "/", Device: "/dev/xvda", ReadOnly: true, Size: 31 << 20, Free: 0, Files: 1000, FilesFree: 0},
				{Dir: "/perm", Device: "/dev/xvdb", Size: 62 << 20, Free: 61 << 20, Files: 1000, FilesFree: 990},
			},
			Routes: []machine.Route{{Family: machine.IPv4, Via: gateway, Link: "eth0", State: machine.Reachable, Heard: time.Second}},
			Neighbours: []machine.Neighbours{
				{Family: machine.IPv4, Table: machine.Table{Used: 12, Limit: 4096}}, {Family: machine.IPv6, Table: machine.Table{Limit: 4096}},
			},
			Conversations: machine.Table{Used: 120, Limit: 16384},
			Clock:         machine.Clock{Time: now, Source: "xen"},
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

// hang is a control method that answers when nobody waits for it any more.
func hang(ctx context.Context, _ json.RawMessage, _ func(any) error) error {
	<-ctx.Done()
	return ctx.Err()
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
		for name, answer := range m {
			switch {
			case slices.Contains(a.hung, service), slices.Contains(a.idle, service) && name == control.Ping:
				m[name] = hang
			case a.before != nil:
				m[name] = func(ctx context.Context, args json.RawMessage, send func(any) error) error {
					a.before(ctx, service+" "+name)
					return answer(ctx, args, send)
				}
			}
		}
		l, err := control.Listen(dir, service)
		if err != nil {
			t.Fatal(err)
		}
		if do, ok := a.unruly[service]; ok {
			t.Cleanup(misuse(l, do))
			return
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
		"box": answer(a.box), "services": answer(a.services), admin.SharesMethod: answer(a.shares),
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
	for _, s := range a.services {
		m := control.Mux{}
		if s.State != supervise.Ready {
			continue
		}
		if said, ok := a.said[s.Name]; ok {
			m[unit.Problems] = answer(said)
		} else {
			m[unit.Problems] = answer([]string{})
		}
		m[control.Ping] = answer(struct{}{})
		if s.Name == "dhcp" && a.dhcp != nil {
			m["status"], m["leases"] = answer(a.dhcp), answer(a.leases)
		}
		if s.Name == "wan" && a.wan != nil {
			m["status"] = answer(a.wan)
		}
		if s.Name == "ntp" && a.clock != nil {
			m["status"] = answer(a.clock)
		}
		serve(s.Name, m)
	}
	return dir
}

// misuse does something with each connection, or takes none, until what it returns is called.
func misuse(l net.Listener, do func(net.Conn)) (end func()) {
	var all sync.WaitGroup
	if do != nil {
		all.Go(func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				all.Go(func() { defer c.Close(); do(c) })
			}
		})
	}
	return func() { l.Close(); all.Wait() }
}

// command runs one command and returns what it printed and its exit status.
func (a appliance) command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := admin.Env{
		Stdout: &out, Stderr: &errs, RunDir: a.start(t),
		Site:  func() (*site.Site, error) { return site.Load(os.DirFS("../../examples/home")) },
		Links: func(plan.Outline) []admin.Link { return a.links },
		Machine: func() (machine.Facts, error) {
			if a.stuck != nil {
				<-a.stuck
			}
			return a.machine, a.untold
		},
		Now: func() time.Time { return now }, Patience: a.patience, Authorities: a.trusted,
	}
	code = admin.Run(t.Context(), env, args)
	return out.String(), errs.String(), code
}

func TestOutput(t *testing.T) {
	tests := []struct {
		name      string
		appliance appliance
		args      string
		code      int
		want      string
	}{
		{"leases", healthy(), "leases", 0, `
LAN   ADDRESS          MAC                 NAME   KIND       LEASE
lan   192.168.32.11    00:16:3e:20:00:11   web1   reserved   12h left
lan   192.168.32.100   00:00:5e:00:53:77   -      pool       1m 30s left
`},
		{"leases with the former ones", healthy(), "leases -a", 0, `
LAN   ADDRESS          MAC                 NAME    KIND       LEASE
lan   192.168.32.11    00:16:3e:20:00:11   web1    reserved   12h left
lan   192.168.32.100   00:00:5e:00:53:77   -       pool       1m 30s left
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
		for _, want := range []string{"iqn.2011-03.example.home:web1.root", "12h left", "ethers:"} {
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
		"host web1 --target":                           "tgtadm --lld iscsi --op bind --mode target --tid $tid --initiator-name iqn.2011-03.example.home:web1",
		"host 192.168.32.11 --target=lio":              "targetcli /iscsi create iqn.2011-03.example.home:web1.root",
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
		{healthy(), "host web1 --target=scst", 2, "usage: gatehouse host NAME"},
		{healthy(), "host web1 --xl --target", 2, "usage: gatehouse host NAME"},
		{healthy(), "host printer --target", 1, "printer does not boot from the network"},
		{healthy(), "host guest --target", 1, "guest is no name, address or MAC of a host of the site"},
		{healthy(), "host guest --site ../../examples/home", 1, "guest is no name, address or MAC of a host"},
		{healthy(), "host web1 --site nosuch", 1, "open nosuch: no such file"},
		{healthy(), "log nosuch", 1, "nothing is called nosuch"},
		{healthy(), "dns", 1, "gatehouse dns: dns is not running"},
		{healthy(), "dns --jsn", 2, "usage: gatehouse dns [-a] [--json]"},
		{healthy(), "dns now", 2, "gatehouse dns: no command \"now\""},
		{healthy(), "dns why", 2, "usage: gatehouse dns why NAME"},
		{healthy(), "dns why web1", 1, "gatehouse dns why: dns is not running"},
		{healthy(), "dns flush a b", 2, "usage: gatehouse dns flush NAME | --below DOMAIN | --all"},
		{healthy(), "dns log", 1, "gatehouse dns log: no query is kept: -f shows each as it comes"},
		{healthy(), "apply", 1, "appliance/admin, the current directory: "},
		{healthy(), "dns log -f \x1b[2J", 1, `gatehouse dns log: \x1b[2J is no address`},
		{healthy(), "wan now", 2, "gatehouse wan: no command \"now\""},
		{healthy(), "wan -n", 2, "usage: gatehouse wan [-n EVENTS] [--json]"},
		{healthy(), "wan why now", 2, "usage: gatehouse wan why [--json]"},
		{healthy(), "wan renew", 1, "the address of eth0 is the site's own, 192.0.2.10: there is no lease"},
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
