package xen

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

// home is the domain of the reference site.
func home() Domain {
	return Domain{
		Name:     "firewall",
		Kernel:   "/srv/gatehouse/vmlinuz",
		Disk:     "/srv/gatehouse/firewall.ext2",
		PermDisk: "/srv/gatehouse/perm.ext2",
		MemoryMB: 128,
		VCPUs:    1,
		Vifs: []Vif{
			{Bridge: "xenbr0", MAC: MAC("firewall", "home.example", "eth0"), Comment: "wan, 192.0.2.10/24"},
			{Bridge: "xenbr1", MAC: MAC("firewall", "home.example", "eth1"), Comment: "lan, 192.168.32.1/24"},
		},
	}
}

func TestConfigGolden(t *testing.T) {
	const golden = "testdata/home.cfg"
	got := Config(home())
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("differs from %s (go test -update writes it anew):\n%s", golden, got)
	}
}

// settings returns the lines of a configuration that xl acts upon.
func settings(config string) string {
	var lines []string
	for line := range strings.Lines(config) {
		line, _, _ = strings.Cut(line, "  # ")
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestConfigVariants(t *testing.T) {
	cases := []struct {
		name    string
		change  func(*Domain)
		has     string
		not     string
		comment string // stands in a comment
	}{
		{name: "pvh unless told else", change: func(*Domain) {}, has: `type   = "pvh"`, not: `"pv"`, comment: `#type  = "pv"`},
		{name: "two disks", change: func(*Domain) {}, has: `"vdev=xvdb, format=raw, access=rw, target=/srv/gatehouse/perm.ext2",`},
		{name: "no perm disk yet", change: func(d *Domain) { d.PermDisk = "" }, has: `console=hvc0 quiet"`, not: "xvdb",
			comment: `#  "vdev=xvdb, format=raw, access=rw, target=/path/to/perm.ext2",`},
		{name: "kernel arguments", change: func(d *Domain) { d.Args = "mitigations=auto,nosmt" },
			has: `cmdline = "root=/dev/xvda ro console=hvc0 quiet gatehouse.perm=disk mitigations=auto,nosmt"`},
		{name: "no further arguments", change: func(*Domain) {}, has: `cmdline = "root=/dev/xvda ro console=hvc0 quiet gatehouse.perm=disk"`},
		{name: "comma in a path", change: func(d *Domain) { d.Disk = "/srv/a, b.ext2" },
			has: `"vdev=xvda, format=raw, access=rw, target=/srv/a, b.ext2",`},
		{name: "quote and backslash in a path", change: func(d *Domain) { d.Kernel = `/srv/"x"\y` }, has: `kernel = "/srv/\"x\"\\y"`},
		{name: "shell word", change: func(d *Domain) { d.PermDisk = "/srv/it's" }, comment: `mke2fs -q -t ext4 -b 4096 -L perm '/srv/it'\''s'`},
		{name: "the kernel on the disk", change: func(d *Domain) { d.Kernel = "" }, has: `bootloader = "pygrub"`, not: "cmdline",
			comment: `#kernel    = "/usr/lib/grub-xen/grub-i386-xen_pvh.bin"`},
		{name: "the kernel on the disk, and arguments", change: func(d *Domain) { d.Kernel, d.Args = "", "gatehouse.watchdog=off" }, has: `cmdline = "gatehouse.watchdog=off"`, not: "root="},
		{name: "no network", change: func(d *Domain) { d.Vifs = nil }, has: "vif = [\n]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := home()
			c.change(&d)
			text := Config(d)
			if c.has != "" && !strings.Contains(settings(text), c.has) {
				t.Errorf("lacks %s in:\n%s", c.has, text)
			}
			if c.not != "" && strings.Contains(settings(text), c.not) {
				t.Errorf("has %s in:\n%s", c.not, text)
			}
			if !strings.Contains(text, c.comment) {
				t.Errorf("lacks the comment %s in:\n%s", c.comment, text)
			}
		})
	}
}

func TestVifsKeepTheirOrder(t *testing.T) {
	text := settings(Config(home()))
	wan, lan := strings.Index(text, "bridge=xenbr0"), strings.Index(text, "bridge=xenbr1")
	if wan < 0 || lan < wan {
		t.Errorf("the first vif has to be the first of the list, eth0:\n%s", text)
	}
}

func TestMAC(t *testing.T) {
	first := MAC("firewall", "home.example", "eth0")
	if !regexp.MustCompile(`^00:16:3e(:[0-9a-f]{2}){3}$`).MatchString(first) {
		t.Errorf("%s is no address of Xen's block", first)
	}
	if again := MAC("firewall", "home.example", "eth0"); again != first {
		t.Errorf("the same names gave %s, then %s", first, again)
	}
	for _, other := range []string{
		MAC("firewall", "home.example", "eth1"),
		MAC("firewall", "work.example", "eth0"),
		MAC("firewall2", "home.example", "eth0"),
	} {
		if other == first {
			t.Errorf("%s is given twice", first)
		}
	}
}
