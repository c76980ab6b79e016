package boot

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSet: every interface gets the value, the default first; a setting that no kernel may lack is a problem
// when it is not there.
func TestSet(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("1"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []string{"all", "default", "lo", "eth0", "eth1.20"} {
		write("net/ipv4/conf/" + i + "/send_redirects")
	}
	write("kernel/sysrq")
	for _, s := range []Setting{
		{"net/ipv4/conf/*/send_redirects", "0", false}, {"kernel/sysrq", "0", false}, {"kernel/none", "0", true},
	} {
		if err := set(dir, s); err != nil {
			t.Errorf("%s: %v", s.Path, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "net/ipv4/conf/*/send_redirects"))
	if err != nil || len(files) != 5 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, filepath.Join(dir, "kernel/sysrq")) {
		if text, err := os.ReadFile(file); string(text) != "0" {
			t.Errorf("%s is %q, %v", file, text, err)
		}
	}
	for _, s := range []Setting{{"kernel/none", "0", false}, {"net/ipv6/conf/*/accept_ra", "0", false}} {
		if err := set(dir, s); err == nil {
			t.Errorf("%s is not there, and that is no problem", s.Path)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "kernel/none")); !os.IsNotExist(err) {
		t.Errorf("a setting was made up: %v", err)
	}
}

// TestPage holds the settings and the mounts against docs/hardening.md, both ways.
func TestPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/hardening.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.Contains(cells[1], "`") {
			got = append(got, strings.Trim(cells[1], " `")+" "+strings.Trim(cells[2], " `"))
		}
	}
	for _, s := range settings() {
		want = append(want, s.Path+" "+s.Value)
	}
	for _, m := range append(kernelMounts(), permInMemory(), permMount("")) {
		var flags []string
		for _, o := range strings.Split(m.Options, ",") {
			if slices.Contains([]string{"nosuid", "nodev", "noexec"}, o) {
				flags = append(flags, o)
			}
		}
		want = append(want, m.Target+" "+strings.Join(flags, ","))
	}
	slices.Sort(got)
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("the page has\n%s\nand there are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestMemoryIsBounded: what is in memory has a size, and all of it together leaves a small machine most of
// its own.
func TestMemoryIsBounded(t *testing.T) {
	const machine = 80 << 10 // KiB, of 96 MB that which is not the kernel's
	sum := 0
	for _, m := range append(kernelMounts(), permInMemory()) {
		if m.Type != "tmpfs" && m.Type != "devtmpfs" {
			continue
		}
		_, size, found := strings.Cut(m.Options, "size=")
		n, unit := 0, ""
		if _, err := fmt.Sscanf(size, "%d%s", &n, &unit); !found || err != nil || unit != "m" && unit != "%" {
			t.Errorf("%s has no size: %s", m.Target, m.Options)
		}
		if unit == "%" {
			n, unit = n*machine/100>>10, "m"
		}
		sum += n
	}
	if sum<<10 > machine/3 {
		t.Errorf("files may take %d MiB of %d KiB", sum, machine)
	}
}
