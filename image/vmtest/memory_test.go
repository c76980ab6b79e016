package vmtest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// maxUsed is how much memory, in kB, all services together may need where nobody asks them for anything.
const maxUsed = 60 << 10

// memory measures the appliance when it has served some hosts of a small network.
func memory(ctx context.Context, t *testing.T, h *home) { idle(ctx, t, h.admin) }

// idle measures it for any appliance.
func idle(ctx context.Context, t *testing.T, a admin) {
	t.Helper()
	all := kilobytes(a.must(ctx, t, "cat /proc/meminfo"))
	used := all["MemTotal"] - all["MemAvailable"]
	t.Logf("kB: %d of %d are used; %d are free, and %d of files", used, all["MemTotal"], all["MemFree"], all["Cached"])
	s := a.well(ctx, t, "idle")
	a.services(ctx, t, s)
	a.descriptors(ctx, t, s.Services)
	if used <= 0 || used > maxUsed {
		t.Errorf("%d kB are used, want at most %d", used, maxUsed)
	}
}

// services prints what memory init and the services have.
func (a admin) services(ctx context.Context, t *testing.T, s status) {
	t.Helper()
	for _, s := range append(s.Services, service{Name: "init", PID: 1}) {
		own := kilobytes(a.must(ctx, t, fmt.Sprintf("cat /proc/%d/status", s.PID)))
		t.Logf("kB: %s has %d of its own, %d with its program, and had at most %d", s.Name, own["RssAnon"], own["VmRSS"], own["VmHWM"])
	}
}

// kilobytes are the lines like "MemTotal: 123 kB" of a file of proc(5).
func kilobytes(text string) map[string]int {
	all := map[string]int{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 && f[2] == "kB" {
			all[strings.TrimSuffix(f[0], ":")], _ = strconv.Atoi(f[1]) // else it is 0
		}
	}
	return all
}
