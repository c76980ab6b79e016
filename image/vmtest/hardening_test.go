package vmtest

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
)

// closed compares the tables of docs/hardening.md with what a running appliance says of itself.
func closed(ctx context.Context, t *testing.T, a admin) {
	t.Helper()
	page, err := os.ReadFile("../../docs/hardening.md")
	if err != nil {
		t.Fatal(err)
	}
	mounts := a.must(ctx, t, "cat /proc/mounts")
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[1], "`") {
			continue
		}
		what, want := strings.Trim(cells[1], " `"), strings.TrimSpace(cells[2])
		if rows++; strings.HasPrefix(what, "/") {
			mountedWith(t, mounts, what, strings.Split(want, ","))
			continue
		}
		// A setting that the kernel lacks is an error of cat, and says nothing.
		values := strings.Fields(a.must(ctx, t, "cat /proc/sys/"+what+" 2>/dev/null || true"))
		if strings.Contains(what, "*") && len(values) < 5 { // all, default, lo and two cards
			t.Errorf("%s has %d values", what, len(values))
		}
		if slices.ContainsFunc(values, func(v string) bool { return v != want }) {
			t.Errorf("%s is %v, want %s", what, values, want)
		}
	}
	if rows < 20 {
		t.Errorf("the page has %d rows", rows)
	}
	if out, err := a.run(ctx, "head -c 100000 /bin/userland > /tmp/x && chmod 755 /tmp/x && /tmp/x"); err == nil || !strings.Contains(err.Error()+out, "Permission denied") {
		t.Errorf("what is in /tmp is run: %q, %v", out, err)
	}
}

// mountedWith checks the flags of a mount, all that the page knows.
func mountedWith(t *testing.T, mounts, point string, want []string) {
	t.Helper()
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if f[1] != point {
			continue
		}
		has := strings.Split(f[3], ",")
		for _, flag := range []string{"nosuid", "nodev", "noexec"} {
			if slices.Contains(has, flag) != slices.Contains(want, flag) {
				t.Errorf("%s is mounted %v, want %v", point, has, want)
			}
		}
		return
	}
	t.Errorf("%s is not mounted", point)
}
