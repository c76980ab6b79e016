package admin_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/machine/growth"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
)

// with is a healthy appliance after a change.
func with(change func(*appliance)) appliance {
	a := healthy()
	change(&a)
	return a
}

// onRoot puts /perm onto the root disk, where so many bytes are left.
func (a *appliance) onRoot(free uint64) {
	a.box.Boot.Storage = boot.Storage{Kind: boot.StorageRoot}
	root := &a.machine.Disks[0]
	root.Size, root.Free, root.FilesFree = 40<<20, free, 900
	a.machine.Disks[1] = *root
	a.machine.Disks[1].Dir, a.machine.Disks[1].ReadOnly = "/perm", false
}

// inTrouble is one that has it in everything at once.
func inTrouble() appliance {
	return with(func(a *appliance) {
		a.services[0] = supervise.Status{
			Name: "dhcp", State: supervise.Backoff, Restarts: 7, LastExit: "exit status 1",
			LastWords: []string{"open eth1: no such device"},
		}
		a.said = map[string]any{"sshd": []string{"No logins on lan: link eth1 is not there."}}
		a.links[1] = admin.Link{Name: "lan", Interface: "eth1", State: "missing", Wanted: []string{"192.168.32.1/24"}}
		a.box.Watchdog = &watchdog.Status{
			State: watchdog.Starving, Device: "xen_wdt", Timeout: time.Minute, Services: []string{"dhcp"},
			Silent: []watchdog.Silence{{Name: "dhcp", For: 3 * time.Minute}},
		}
		a.box.Problems = []string{"eth1: there is no such link\nand nobody knows where it is"}
		a.box.Boot.Storage = boot.Storage{Kind: boot.StorageLost, Problem: "/dev/xvdb: e2fsck gave up"}
		a.box.Refused = []growth.Grown[machine.Counter]{
			{Counter: machine.ConntrackDrop, By: 312, For: 2 * time.Hour}, {Counter: machine.OOMKills, By: 1, For: 40 * time.Second},
		}
		m := &a.machine
		m.Memory.Available = 6 << 20
		m.Disks = m.Disks[:1]
		m.Disks[0].Errors = 2
		m.Routes[0].State = machine.Failed
		m.Routes = append(m.Routes, machine.Route{Family: machine.IPv6, Link: "ppp0", State: machine.Unasked})
		m.Neighbours[0] = machine.Neighbours{Family: machine.IPv4, Table: machine.Table{Used: 3700, Limit: 4096}, Silent: 3600}
		m.Conversations.Used = 16000
		m.Clock = machine.Clock{Time: time.Unix(60, 0).UTC(), Source: "tsc"}
	})
}

// large is one with many networks and long addresses.
func large() appliance {
	return with(func(a *appliance) {
		a.machine.Version = "v0.0.0-20260501120000-0123456789ab+dirty"
		a.machine.Memory = machine.Memory{Total: 32 << 30, Available: 28 << 30}
		a.machine.CPUs, a.machine.Load = 16, [3]float64{12.5, 10.25, 8}
		a.box.Boot.Storage = boot.Storage{Kind: boot.StorageRoot}
		a.machine.Disks[1].Device, a.machine.Disks[1].Size, a.machine.Disks[1].Free = "/dev/xvda", 64<<30, 60<<30
		a.machine.Routes = append(a.machine.Routes, machine.Route{
			Family: machine.IPv6, Via: netip.MustParseAddr("fe80::1"), Link: "eth0", State: machine.Stale, Heard: 5 * time.Minute,
		})
		a.machine.Neighbours[1].Used = 2500
		a.machine.Clock.Synchronised = true
		a.trusted = time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)
		a.links = []admin.Link{
			{Name: "wan", Interface: "eth0", State: "up", Addresses: []string{"203.0.113.10/29", "203.0.113.11/32", "2001:db8:0:1::10/64"}},
			{Name: "lan", Interface: "eth1", State: "up", Addresses: []string{"10.77.1.1/24", "2001:db8:50:1::1/64"}},
			{Name: "servers", Interface: "eth1.10", State: "up", Addresses: []string{"10.77.10.1/24", "2001:db8:50:10::1/64", "fd12:3456:789a:bcde::1/64"}},
		}
		a.dhcp = &run.Status{Subnets: []run.SubnetStatus{
			{Name: "lan", PoolSize: 140, PoolUsed: 12, Leases: 15}, {Name: "servers", Leases: 1},
		}}
		a.services[1].LastExit = "exit status 1: panic: runtime error: index out of range [1] with length 1"
	})
}

func TestStatus(t *testing.T) {
	tests := []struct {
		name      string
		appliance appliance
		code      int
		want      string
	}{
		{"all is well", healthy(), 0, `
firewall   v1.2.3 · Linux 6.1.192 · Xen PVH
up 3d 4h · load 0.08 0.03 0.00, 1 CPU · 36 of 96 MiB memory in use

wan   eth0   up                   192.0.2.10/24
lan   eth1   up   pool 1 of 100   192.168.32.1/24

site            of the image
gateway         192.0.2.1 on eth0, answers
conversations   120 of 16384
clock           2026-05-01 12:00:00 UTC, not synchronised, source xen
/               /dev/xvda, 31 of 31 MiB in use, read-only
/perm           /dev/xvdb, 1 of 62 MiB in use
watchdog        xen_wdt, fed while dhcp answers

dhcp   ready   for 3d
sshd   ready   for 1h   restarted once: signal: killed

Everything is as it should be.
`},
		{"all is wrong", inTrouble(), 1, `
firewall   v1.2.3 · Linux 6.1.192 · Xen PVH
up 3d 4h · load 0.08 0.03 0.00, 1 CPU · 90 of 96 MiB memory in use

wan   eth0   up           192.0.2.10/24
lan   eth1   missing

site            of the image
gateway         192.0.2.1 on eth0, does not answer
gateway         the link ppp0
conversations   16000 of 16384
neighbours      3700 of 4096 IPv4, 3600 do not answer
clock           1970-01-01 00:01:00 UTC, not synchronised, source tsc
/               /dev/xvda, 31 of 31 MiB in use, read-only
/perm           in memory: lost at the next start
watchdog        xen_wdt is not fed any more

dhcp   backoff   for 0s   restarted 7 times: exit status 1
sshd   ready     for 1h   restarted once: signal: killed

! eth1: there is no such link
  and nobody knows where it is
! /perm: /dev/xvdb: e2fsck gave up; what the box learns is kept in memory until
  its next start, and no site can be applied
! the watchdog resets this box within 1m
! service dhcp is in state backoff: exit status 1, open eth1: no such device; it
  has not answered for 3m
! sshd: No logins on lan: link eth1 is not there.
! packets dropped for want of a place among the conversations: 312 in the last
  10m, first 2h ago; gatehouse firewall top
! processes killed for want of memory: 1 in the last 10m, first 40s ago;
  gatehouse log, ps
! interface eth1 (lan) is missing
! the gateway 192.0.2.1 on eth0 does not answer ARP
! the file system on /dev/xvda is damaged: the kernel has found 2 errors
! 16000 of 16384 conversations are in use: without a place, new ones are dropped
! 3700 of 4096 places for IPv4 neighbours are in use: without one, a host is not
  reached; 3600 do not answer: somebody tries addresses that nobody has
! memory is short: 6 of 96 MiB are available
! the clock is wrong: it says 1970-01-01 00:01:00 UTC
`},
		{"all is large", large(), 0, `
firewall   v0.0.0-20260501120000-0123456789ab+dirty · Linux 6.1.192 · Xen PVH
up 3d 4h · load 12.50 10.25 8.00, 16 CPUs · 4.0 of 32.0 GiB memory in use

wan       eth0      up                    203.0.113.10/29 203.0.113.11/32
                                          2001:db8:0:1::10/64
lan       eth1      up   pool 12 of 140   10.77.1.1/24 2001:db8:50:1::1/64
servers   eth1.10   up   1 lease          10.77.10.1/24 2001:db8:50:10::1/64
                                          fd12:3456:789a:bcde::1/64

site            of the image
gateway         192.0.2.1 on eth0, answers
gateway         fe80::1 on eth0, heard 5m ago
conversations   120 of 16384
neighbours      2500 of 4096 IPv6, 0 do not answer
clock           2026-05-01 12:00:00 UTC, synchronised, source xen
authorities     of certificates, as of 2026-04-01
/perm           /dev/xvda, 4.0 of 64.0 GiB in use; with the root disk, a new
                image begins anew
watchdog        xen_wdt, fed while dhcp answers

dhcp   ready   for 3d
sshd   ready   for 1h   restarted once: exit status 1: panic: runtime error:
                        index out of range [1] with length 1

Everything is as it should be.
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := tt.appliance.command(t, "status")
			if code != tt.code || stderr != "" {
				t.Errorf("exit status %d, want %d; %s", code, tt.code, stderr)
			}
			if d := cmp.Diff(strings.TrimPrefix(tt.want, "\n"), stdout); d != "" {
				t.Errorf("gatehouse status (-want +got):\n%s", d)
			}
			for line := range strings.Lines(stdout) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
					t.Errorf("%d columns: %s", n, line)
				}
			}
		})
	}
}

// TestClock: where a time service runs, it says how the clock is, and what is wrong with it.
func TestClock(t *testing.T) {
	for name, c := range map[string]struct {
		clock ntprun.Status
		said  []string
		want  []string
	}{
		"synchronised": {
			ntprun.Status{Report: ntprun.Report{Synchronised: true, Since: time.Hour, Offset: -12 * time.Microsecond}, Up: 4 * time.Hour, Server: "192.0.2.123"},
			nil, []string{"time            synchronised to 192.0.2.123, offset 12.0 µs, for 3h\n", "Everything is as it should be."},
		},
		"not": {
			ntprun.Status{Up: 5 * time.Minute}, []string{"The clock is not synchronised: no source gives the time"},
			[]string{"time            not synchronised for 5m\n", "! ntp: The clock is not synchronised: no source gives the time\n"},
		},
	} {
		a := with(func(a *appliance) {
			a.services = append(a.services, supervise.Status{Name: "ntp", State: supervise.Ready})
			a.clock, a.said = &c.clock, map[string]any{"ntp": c.said}
		})
		stdout, _, code := a.command(t, "status")
		for _, want := range append(c.want, "clock           2026-05-01 12:00:00 UTC, source xen\n") {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: %q is missing in\n%s", name, want, stdout)
			}
		}
		if code != min(len(c.said), 1) {
			t.Errorf("%s: exit status %d", name, code)
		}
	}
}

// TestStrangersWords: what a service says can neither act on the terminal, nor look like the words of
// another, nor fill the screen.
func TestStrangersWords(t *testing.T) {
	many := make([]string, 50)
	for i := range many {
		many[i] = fmt.Sprintf("problem %d", i)
	}
	a := with(func(a *appliance) {
		a.said = map[string]any{
			"dhcp": append([]string{"\x1b[2Jcleared\n! forged\u202e", strings.Repeat("long ", 1000)}, many...),
			"sshd": map[string]string{"all": "well"},
		}
		a.services[1].LastExit, a.services[1].LastWords = "bell\a\nEverything is as it should be.", []string{"\x9b31m"}
		a.services = append(a.services, supervise.Status{Name: "nflog", State: supervise.Stopped, LastWords: []string{"\u009b31m"}})
		a.box.Problems = []string{"eth\x1b7: no such link"}
	})
	stdout, _, code := a.command(t, "status")
	for _, want := range []string{
		`! dhcp: \x1b[2Jcleared` + "\n  ! forged\\u202e\n", "long…\n", "! dhcp: problem 17\n! dhcp: and 32 more\n! service sshd does not say how it is:",
		`! eth\x1b7: no such link`, `restarted once: bell\x07 Everything`, `! service nflog is in state stopped: , \u009b31m`,
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if n := len(stdout); code != 1 || n > 5000 {
		t.Errorf("exit status %d, %d bytes", code, n)
	}
	inJSON, _, _ := a.command(t, "status", "--json")
	for _, text := range []string{stdout, inJSON} {
		if strings.ContainsAny(text, "\x1b\a\u202e\u009b") || !utf8.ValidString(text) {
			t.Errorf("not for a terminal:\n%q", text)
		}
	}
}

// TestProblems: what is scarce or lacking is a problem from a certain point on, and not before.
func TestProblems(t *testing.T) {
	none := func(*appliance) {}
	gateway6 := netip.MustParseAddr("fe80::1")
	for want, change := range map[string]struct{ well, bad func(*appliance) }{
		"14746 of 16384 conversations are in use: without a place, new ones are dropped": {
			func(a *appliance) { a.machine.Conversations.Used = 14745 }, func(a *appliance) { a.machine.Conversations.Used = 14746 },
		},
		"3687 of 4096 places for IPv6 neighbours are in use: without one, a host is not reached": {
			func(a *appliance) { a.machine.Neighbours[1].Used = 3686 }, func(a *appliance) { a.machine.Neighbours[1].Used = 3687 },
		},
		"/perm: /dev/xvdb has no journal: a power cut can damage it, and lose leases that were promised; with the box shut " +
			"down, tune2fs -j on its disk adds one": {
			none, func(a *appliance) { a.box.Boot.Storage.NoJournal = true },
		},
		"/perm is 95% full": {
			func(a *appliance) { a.machine.Disks[1].Free = 4 << 20 }, func(a *appliance) { a.machine.Disks[1].Free = 3 << 20 },
		},
		"/perm is 96% full": {
			func(a *appliance) { a.machine.Disks[1].FilesFree = 60 }, func(a *appliance) { a.machine.Disks[1].FilesFree = 40 },
		},
		"/perm is 97% full": { // the root disk of an image is nearly full from the start
			func(a *appliance) { a.onRoot(1 << 20) }, func(a *appliance) { a.onRoot(1<<20 - 1) },
		},
		"/tmp is 96% full, and in memory: du -a /tmp": {
			func(a *appliance) {
				a.machine.Disks = append(a.machine.Disks, machine.Disk{Dir: "/tmp", Size: 100, Free: 6})
			},
			func(a *appliance) {
				a.machine.Disks = append(a.machine.Disks, machine.Disk{Dir: "/tmp", Size: 100, Free: 4})
			},
		},
		"/perm has become read-only: nothing can be stored": {
			func(a *appliance) { a.machine.Disks[0].ReadOnly = true }, func(a *appliance) { a.machine.Disks[1].ReadOnly = true },
		},
		"the file system on /dev/xvdb is damaged: the kernel has found 1 error": {
			none, func(a *appliance) { a.machine.Disks[1].Errors = 1 },
		},
		"memory is short: 7 of 96 MiB are available": {
			func(a *appliance) { a.machine.Memory.Available = 8 << 20 }, func(a *appliance) { a.machine.Memory.Available = 7 << 20 },
		},
		"the default route by 192.0.2.1 on eth0 is missing": {
			// Without its link it cannot be, and that is said already.
			func(a *appliance) {
				a.machine.Routes = append(a.machine.Routes, machine.Route{Family: machine.IPv6, Via: gateway6, Link: "eth0", State: machine.Stale})
			},
			func(a *appliance) { a.machine.Routes[0].Link = "eth1" },
		},
		"the gateway 192.0.2.1 on eth0 does not answer ARP": {
			func(a *appliance) { a.machine.Routes[0].State = machine.Unasked }, func(a *appliance) { a.machine.Routes[0].State = machine.Incomplete },
		},
		"the gateway fe80::1 on eth0 does not answer neighbour discovery": {
			func(a *appliance) { a.machine.Routes[0].State = machine.Stale }, func(a *appliance) {
				a.machine.Routes = append(a.machine.Routes, machine.Route{Family: machine.IPv6, Via: gateway6, Link: "eth0", State: machine.Failed})
			},
		},
		"interface eth0 (wan) is down": {
			none, func(a *appliance) { a.links[0].State, a.machine.Routes = "down", nil },
		},
		"the clock is wrong: it says 2025-12-31 23:59:59 UTC": {
			func(a *appliance) { a.machine.Clock.Time = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) },
			func(a *appliance) { a.machine.Clock.Time = time.Date(2025, 12, 31, 23, 59, 59, 0, time.UTC) },
		},
		"the list of certificate authorities is of 2024-05-01: servers with newer ones are not believed; a new image has a newer list": {
			func(a *appliance) { a.trusted = time.Date(2024, 5, 2, 0, 0, 0, 0, time.UTC) },
			func(a *appliance) { a.trusted = time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC) },
		},
		"service sshd is in state stopping: signal: killed": {
			none, func(a *appliance) { a.services[1].State = supervise.Stopping },
		},
	} {
		for _, c := range []struct {
			change func(*appliance)
			want   []string
		}{{change.well, []string{}}, {change.bad, []string{want}}} {
			var st admin.Status
			stdout, _, code := with(c.change).command(t, "status", "--json")
			if err := json.Unmarshal([]byte(stdout), &st); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, st.Problems); d != "" || code != len(c.want) {
				t.Errorf("exit status %d, problems (-want +got):\n%s", code, d)
			}
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
	reset := func(w *watchdog.Status) { w.LastReset = "dns has not answered for 3m0s" }
	tests := []struct {
		status  *watchdog.Status
		row     string
		problem string
	}{
		{nil, "", ""},
		{&w, "xen_wdt, fed while dhcp and dns answer", ""},
		{in(func(w *watchdog.Status) { w.State = watchdog.Off }), "off, by the kernel's command line", ""},
		{in(func(w *watchdog.Status) { w.State = watchdog.Absent }), "none on this machine", ""},
		{in(func(w *watchdog.Status) { w.State = watchdog.Waiting }), "waiting for the first answer of dhcp and dns", ""},
		{in(func(w *watchdog.Status) { reset(w); w.Spared = 50 * time.Minute }), "xen_wdt, fed for another 50m whoever answers",
			"! the watchdog has reset this box: dns has not answered for 3m0s\n"},
		{in(reset), "xen_wdt, fed while dhcp and dns answer", "! the watchdog has reset this box: dns has not answered for 3m0s\n"},
	}
	for _, tt := range tests {
		stdout, _, code := with(func(a *appliance) { a.box.Watchdog = tt.status }).command(t, "status")
		_, row, _ := strings.Cut(stdout, "\nwatchdog        ")
		row, _, _ = strings.Cut(row, "\n")
		if row != tt.row || (code == 0) != (tt.problem == "") || !strings.HasSuffix(stdout, tt.problem) {
			t.Errorf("exit status %d; printed %q, want %q and %q in\n%s", code, row, tt.row, tt.problem, stdout)
		}
	}
}
