package boot

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/logs"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// scenario is one boot of a fake machine. All of it happens in virtual time;
// the golden file holds what was done to the machine and what init said.
type scenario struct {
	name    string
	disks   []*disk
	prepare func(m *machine)
	up      func(ctx context.Context, m *machine, r Report) (Appliance, error) // nil: normal
	at      map[time.Duration]any                                              // os.Signal: a request; "enter": typed on the console
	want    Kind
	mounts  bool // the golden file shows the kernel's mounts
}

func xvda(clean bool) *disk {
	return &disk{Device: Device{Path: "/dev/xvda", Root: true, Clean: clean, Label: "root"}}
}

func xvdb(clean bool) *disk {
	return &disk{Device: Device{Path: "/dev/xvdb", Clean: clean, Label: "perm"}}
}

func withoutJournal(d *disk) *disk {
	d.NoJournal = true
	return d
}

func (d *disk) fsck(takes time.Duration, status int, output string) *disk {
	d.fsckTakes, d.fsckStatus, d.fsckOutput = takes, status, output
	return d
}

// secondBoot: what a first one made is there.
func secondBoot(m *machine) {
	m.files["/perm/machine-id"] = "0123\n"
	m.files["/perm/ssh/host_ed25519"] = "KEY"
	m.files["/perm/random-seed"] = strings.Repeat("s", 64)
}

func scenarios() []scenario {
	after := func(d time.Duration, what any) map[time.Duration]any { return map[time.Duration]any{d: what} }
	return []scenario{
		{
			name: "a perm disk without a journal", disks: []*disk{xvda(true), withoutJournal(xvdb(true))},
			prepare: secondBoot, at: after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "first boot, own perm disk, poweroff", disks: []*disk{xvda(true), xvdb(true)},
			prepare: func(m *machine) { m.tooSlow = 300 * time.Millisecond },
			at:      after(time.Hour, syscall.SIGUSR2), want: PowerOff, mounts: true,
		}, {
			name: "perm on the root disk after a power cut, ctrl-alt-del", disks: []*disk{
				xvda(false).fsck(2*time.Second, 1, "/dev/xvda: recovering\n/dev/xvda: 812/4096 files, 9000/16384 blocks\n")},
			prepare: secondBoot, at: after(time.Hour, syscall.SIGINT), want: Reboot,
		}, {
			name: "own perm disk after a power cut", disks: []*disk{xvda(true), xvdb(false).fsck(5*time.Second, 1, "/dev/xvdb: Clearing orphaned inode 17\n")},
			prepare: secondBoot, at: after(time.Hour, syscall.SIGTERM), want: Reboot,
		}, {
			name: "root repaired, must be read afresh", disks: []*disk{xvda(false).fsck(time.Second, 3, "/dev/xvda: ***** REBOOT SYSTEM *****\n")},
			want: Reboot,
		}, {
			name: "root broken", disks: []*disk{xvda(false).fsck(time.Second, 4, "/dev/xvda: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n"), xvdb(true)},
			at: map[time.Duration]any{time.Minute: "enter", 2 * time.Minute: syscall.SIGTERM}, want: Reboot,
		}, {
			name: "perm broken", disks: []*disk{xvda(true), xvdb(false).fsck(time.Second, 4, "/dev/xvdb: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n")},
			at: after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "perm cannot be mounted", disks: []*disk{xvda(true), xvdb(true)},
			prepare: func(m *machine) {
				m.fail["mount -t ext4 -o rw,nosuid,nodev,noexec,noatime,errors=remount-ro /dev/xvdb /perm"] = errIO
			},
			at: after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "two perm disks", disks: []*disk{xvda(true), xvdb(true), {Device: Device{Path: "/dev/xvdc1", Label: "perm", Clean: true}}},
			at: after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "perm disk must be there and is not", disks: []*disk{xvda(true)},
			prepare: func(m *machine) { m.files["/proc/cmdline"] = "root=/dev/xvda ro gatehouse.perm=disk console=hvc0\n" },
			at:      after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "single user", disks: []*disk{xvda(true), xvdb(false)},
			prepare: func(m *machine) { m.files["/proc/cmdline"] = "root=/dev/xvda ro single\n" },
			at:      map[time.Duration]any{time.Minute: "enter", time.Hour: syscall.SIGUSR1}, want: Halt,
		}, {
			name: "the site is broken", disks: []*disk{xvda(true), xvdb(true)}, prepare: secondBoot,
			up: func(context.Context, *machine, Report) (Appliance, error) {
				return Appliance{}, errors.New("site.toml:3:1: unknown key")
			},
			at: map[time.Duration]any{time.Minute: "enter", time.Hour: syscall.SIGUSR2}, want: PowerOff,
		}, {
			name: "up panics", disks: []*disk{xvda(true), xvdb(true)}, prepare: secondBoot,
			up: func(context.Context, *machine, Report) (Appliance, error) {
				panic("a bug")
			},
			at: after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "up hangs", disks: []*disk{xvda(true), xvdb(true)}, prepare: secondBoot,
			up: func(ctx context.Context, _ *machine, _ Report) (Appliance, error) {
				<-ctx.Done()
				return Appliance{}, ctx.Err()
			},
			at: map[time.Duration]any{time.Minute: "enter", time.Hour: syscall.SIGUSR2}, want: PowerOff,
		}, {
			name: "services do not stop, perm is busy for a while", disks: []*disk{xvda(true), xvdb(true)},
			prepare: func(m *machine) { secondBoot(m); m.busy = 3 },
			up: func(_ context.Context, m *machine, _ Report) (Appliance, error) {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.serving = true
				return Appliance{Run: func(context.Context) { time.Sleep(90 * time.Minute) }}, nil
			},
			at: after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "perm stays busy", disks: []*disk{xvda(true), xvdb(true)},
			prepare: func(m *machine) { secondBoot(m); m.busy = 1000 },
			at:      after(time.Hour, syscall.SIGUSR2), want: PowerOff,
		}, {
			name: "console locked by the site", disks: []*disk{xvda(true), xvdb(true)}, prepare: secondBoot,
			up: func(ctx context.Context, m *machine, r Report) (Appliance, error) {
				app, err := normalUp(ctx, m, r)
				m.lock.Set(true)
				return app, err
			},
			at: after(time.Hour, syscall.SIGPWR), want: PowerOff,
		}, {
			name: "much fails, all goes on", disks: []*disk{xvda(true), xvdb(true)},
			prepare: func(m *machine) {
				m.fail["mount -t devpts -o nosuid,noexec,gid=5,mode=0620,ptmxmode=0666 devpts /dev/pts"] = errIO
				m.fail["catch ctrl-alt-del"] = errIO
				m.fail["install -d -m 0700 -o 0 -g 0 /perm/ssh"] = errIO
				m.fail["/bin/sh </dev/hvc0"] = os.ErrNotExist
				m.fail["poweroff"] = syscall.EPERM
				m.files["/etc/hostname"] = "two words\n"
				m.files["/perm/random-seed"] = "old"
				m.fail["read /perm/random-seed"] = errIO
			},
			at: map[time.Duration]any{time.Minute: "enter", time.Hour: syscall.SIGUSR2}, want: PowerOff,
		},
	}
}

// normalUp runs services that stop within a second.
func normalUp(_ context.Context, m *machine, r Report) (Appliance, error) {
	m.quietly("(up: /perm is %s %q %q)", r.Storage.Kind, r.Storage.Device, r.Storage.Problem)
	return Appliance{Run: func(ctx context.Context) {
		m.mu.Lock()
		m.serving = true
		m.mu.Unlock()
		<-ctx.Done()
		time.Sleep(time.Second)
		m.mu.Lock()
		m.serving = false
		m.mu.Unlock()
	}}, nil
}

func TestScenarios(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { play(t, s) })
		})
	}
}

func play(t *testing.T, s scenario) {
	m := newMachine(t, s.disks...)
	if s.prepare != nil {
		s.prepare(m)
	}
	start := time.Now()
	log := logs.New(func() time.Duration { return time.Since(start) })
	requests := make(chan os.Signal, 4)
	for after, what := range s.at {
		time.AfterFunc(after, func() {
			if sig, ok := what.(os.Signal); ok {
				requests <- sig
				return
			}
			m.typed <- struct{}{}
		})
	}
	up := normalUp
	if s.up != nil {
		up = s.up
	}
	var console strings.Builder
	got := Run(t.Context(), Config{
		OS: m, Log: log, Requests: requests, Console: &console,
		Dirs: []Dir{{Path: "/perm/ssh", Mode: 0o700}, {Path: "/perm/dhcp", Mode: 0o700, UID: 101, GID: 101}},
		Files: []Once{
			{Path: "/perm/machine-id", Mode: 0o444, Make: func() ([]byte, error) { return []byte("0123456789abcdef\n"), nil }},
			{Path: "/perm/ssh/host_ed25519", Mode: 0o600, Make: func() ([]byte, error) { return []byte("KEY"), nil }},
		},
		Lock: &m.lock,
		Up:   func(ctx context.Context, r Report) (Appliance, error) { return up(ctx, m, r) },
	})
	if got != s.want || !m.ended {
		t.Errorf("Run = %q, ended %v; want %q", got, m.ended, s.want)
	}
	var text strings.Builder
	done := m.transcript.String()
	if _, rest, ok := strings.Cut(done, "catch ctrl-alt-del\n"); ok && !s.mounts {
		done = "(the kernel's file systems)\n" + rest // the same every time
	}
	fmt.Fprintf(&text, "# %s\n# What is done to the machine:\n%s# What the console shows:\n%s",
		s.name, done, strings.ReplaceAll(console.String(), "\r", ""))
	golden(t, s.name, text.String())
	time.Sleep(2 * time.Hour) // what the scenario made hang ends, the bubble wants it
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.NewReplacer(" ", "-", ",", "").Replace(name)+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (go test -update writes it anew)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}
