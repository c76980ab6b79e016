package main

import (
	"bytes"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/site"
)

func TestRun(t *testing.T) {
	tests := []struct {
		args, stdin string
		code        int
		want        string // in what it printed
	}{
		{"gatehouse version", "", 0, "gatehouse "},
		{"gatehouse help", "", 0, "status"},
		{"gatehouse help dns", "", 0, "usage:\n  gatehouse dns [-a]"},
		{"gatehouse help statsu", "", 2, `no command "statsu"; did you mean status?`},
		{"gatehouse", "", 2, "usage: gatehouse COMMAND"},
		{"gatehouse frobnicate", "", 2, `no command "frobnicate"`},
		{"gatehouse service nosuch", "", 2, `no service "nosuch"`},
		{"gatehouse service dhcp", "", 1, "the configuration on descriptor 0: EOF"},
		{"/sbin/reboot --help", "", 0, "usage: reboot"},
		{"/sbin/reboot -x", "", 1, "usage: reboot"},
		{"/sbin/halt now", "", 1, "usage: halt"},
		{"/bin/shutdown -h", "", 1, "usage: shutdown"},
		{"/bin/ip frobnicate", "", 1, "frobnicate"},
		{"/bin/ping", "", 1, "usage: ping"},
		{"/bin/hostname -Z", "", 1, "usage: hostname"},
		{"gatehouse names", "", 0, "\nhalt\nhost\nhostname\nifconfig\nip\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		code := run(t.Context(), strings.Fields(tt.args), strings.NewReader(tt.stdin), &out, &out)
		if code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: exit status %d, want %d; printed %q, want %q in it", tt.args, code, tt.code, out.String(), tt.want)
		}
	}
}

func homePlan(t *testing.T) plan.Plan {
	t.Helper()
	s, err := site.Load(os.DirFS("../../../examples/home"))
	if err != nil {
		t.Fatal(err)
	}
	return plan.Make(s, plan.Learned{})
}

// Every service that can be planned is one that this binary has.
func TestEveryPlannedServiceIsThere(t *testing.T) {
	for _, s := range homePlan(t).Services {
		if _, ok := roster.Named(s.Name); !ok || mains()[s.Name] == nil {
			t.Errorf("service %q is planned, but not in the roster or not in this binary", s.Name)
		}
	}
}

// The watchdog waits for those whose silence the whole network would notice.
func TestEssentialServices(t *testing.T) {
	if names, _ := guarded(); !slices.Equal(names, []string{roster.DHCP, roster.DNS}) {
		t.Errorf("%v", names)
	}
}

// A note is there for one boot.
func TestWatchdogNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "watchdog")
	if note, err := takeNote(path); note != "" || err != nil {
		t.Errorf("no note: %q, %v", note, err)
	}
	if err := keepNote(path, "dhcp is silent"); err != nil {
		t.Fatal(err)
	}
	if note, err := takeNote(path); note != "dhcp is silent" || err != nil {
		t.Errorf("%q, %v", note, err)
	}
	if note, err := takeNote(path); note != "" || err != nil {
		t.Errorf("taken twice: %q, %v", note, err)
	}
	for _, why := range []string{"dhcp is silent", "", ""} {
		if err := keepNote(path, why); err != nil {
			t.Errorf("keep %q: %v", why, err)
		}
	}
	if note, err := takeNote(path); note != "" || err != nil {
		t.Errorf("it was dropped: %q, %v", note, err)
	}
}

// TestMemoryLimit: what a process may have before it looks harder for garbage is a part of the machine's
// memory, and never less than it needs to be there at all.
func TestMemoryLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	m, err := machine.ReadMemory()
	if err != nil {
		t.Fatal(err)
	}
	for share, want := range map[int]int64{50: int64(m.Total) * 50 / 100, 0: leastMemory} {
		limitMemory(share)
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("%d %%: %d bytes of %d, want %d", share, got, m.Total, want)
		}
	}
}

// TestCommandGoesFirst: when memory is out a command is killed before the shell that started it, and before
// services.
func TestCommandGoesFirst(t *testing.T) {
	const file = "/proc/self/oom_score_adj"
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		debug.SetMemoryLimit(math.MaxInt64)
		if err := os.WriteFile(file, was, 0); err != nil {
			t.Error(err)
		}
	})
	if code := run(t.Context(), []string{"gatehouse", "version"}, nil, io.Discard, io.Discard); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "700\n" {
		t.Errorf("oom_score_adj is %q, %v", got, err)
	}
}
