package vmtest

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/kernel"
)

// closedOption is a row of the table of docs/hardening.md about the kernel.
type closedOption struct{ name, value, seen string }

// closedOptions reads the table; a test of image/kernel says that it is whole.
func closedOptions(t *testing.T) (all []closedOption) {
	t.Helper()
	page, err := os.ReadFile("../../docs/hardening.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		if c := strings.Split(line, "|"); len(c) == 6 && strings.HasPrefix(c[1], " `CONFIG_") {
			all = append(all, closedOption{strings.Trim(c[1], " `"), strings.TrimSpace(c[2]), strings.TrimSpace(c[4])})
		}
	}
	return all
}

// kernelClosed compares the table with the configuration that the image's kernel was built from, and with
// what the running one shows.
func kernelClosed(ctx context.Context, t *testing.T, h *home) {
	config := kernelConfig(t, h.img)
	shows := look(ctx, t, h.admin)
	var gone, valued, values []string
	seen := 0
	for _, o := range closedOptions(t) {
		if got := cmp.Or(config[o.name], "off"); got != o.value && (got != "y" || o.value != "on") {
			t.Errorf("%s: the kernel was built with %s, the page says %s", o.name, got, o.value)
		}
		if o.seen != "" {
			seen++
		}
		words := strings.Split(o.seen, "`")
		switch {
		case o.seen == "":
		case strings.HasPrefix(o.seen, "no `/") && len(words) == 3:
			gone = append(gone, words[1])
		case len(words) == 5 && words[2] == " is ":
			valued, values = append(valued, words[1]), append(values, words[3])
		case !shows.is(o.seen):
			t.Errorf("%s is %s: want %s", o.name, o.value, o.seen)
		}
	}
	if seen < 25 {
		t.Errorf("the page says of %d options how they are seen", seen)
	}
	there := "for f in / " + strings.Join(gone, " ") + "; do if test -e $f; then echo $f; fi; done"
	if out := h.admin.must(ctx, t, there); out != "/\n" {
		t.Errorf("of %v, which should not be there, there are:\n%s", gone, out)
	}
	if out := h.admin.must(ctx, t, "cat "+strings.Join(valued, " ")); out != strings.Join(values, "\n")+"\n" {
		t.Errorf("%v are\n%swant\n%s", valued, out, strings.Join(values, "\n"))
	}
	refusesHelpers(ctx, t, h.admin)
	ignoresBreak(ctx, t, h)
}

// shown is what a running kernel has, and what it has said.
type shown struct {
	log              string
	calls, functions map[string]bool
}

// look asks a running kernel.
func look(ctx context.Context, t *testing.T, a admin) shown {
	t.Helper()
	s := shown{log: a.must(ctx, t, "dmesg"), calls: map[string]bool{}, functions: map[string]bool{}}
	for line := range strings.Lines(a.must(ctx, t, "cat /proc/kallsyms")) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		s.functions[f[2]] = true
		if call, ok := strings.CutPrefix(f[2], "__x64_sys_"); ok && f[1] == "T" { // a weak one only says ENOSYS
			s.calls[call] = true
		}
	}
	if !s.calls["openat"] || !s.functions["schedule"] {
		t.Fatal("/proc/kallsyms lacks what every kernel has")
	}
	return s
}

// is tells whether something of the table's last column is so.
func (s shown) is(what string) bool {
	kind, name, _ := strings.Cut(strings.TrimSuffix(what, "`"), " `")
	switch kind {
	case "no call":
		return !s.calls[name]
	case "no function":
		return !s.functions[name]
	case "log:":
		return strings.Contains(s.log, name)
	}
	return false
}

// kernelConfig is what the image's kernel was built from, by the manifest: the options that are on.
func kernelConfig(t *testing.T, img Image) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(img.Dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Kernel struct{ Config string } }
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	o := kernel.Options{Source: os.Getenv("KERNEL_SRC"), Progress: t.Output()}
	built, err := kernel.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Kernel.Config != built.ConfigHash {
		t.Fatalf("the image's kernel has configuration %.10q, this source's has %.10q: is KERNEL set?",
			manifest.Kernel.Config, built.ConfigHash)
	}
	lines, err := os.ReadFile(built.Config)
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]string{}
	for line := range strings.Lines(string(lines)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			config[name] = value
		}
	}
	return config
}

// refusesHelpers starts the kernel's helper as something that the kernel has no reason to want.
func refusesHelpers(ctx context.Context, t *testing.T, a admin) {
	t.Helper()
	out, err := a.run(ctx, "/sbin/usermode-helper --version")
	log := a.must(ctx, t, "dmesg")
	if err == nil || !strings.Contains(log, `the kernel wanted to start "/sbin/usermode-helper"`) {
		t.Errorf("the kernel's helper: %q, %v; the end of the log: %s", out, err, log[max(0, len(log)-500):])
	}
}

// ignoresBreak sends what restarts a kernel that listens to its console: a break, and b.
func ignoresBreak(ctx context.Context, t *testing.T, h *home) {
	t.Helper()
	const boot = "cat /proc/sys/kernel/random/boot_id"
	before := h.admin.must(ctx, t, boot)
	if err := h.vm.Break(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.vm.Send("b"); err != nil {
		t.Fatal(err)
	}
	if after := h.admin.must(ctx, t, boot); after != before {
		t.Error("a break and b on the serial line restarted the box")
	}
}
