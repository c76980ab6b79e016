package kernel

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestCompare(t *testing.T) {
	const config = `#
# Automatically generated file; DO NOT EDIT.
#
CONFIG_NET=y
CONFIG_NR_CPUS=16
CONFIG_LSM="landlock,yama"
# CONFIG_MODULES is not set
# CONFIG_HZ_100 is not set
`
	cases := []struct {
		name, fragment string
		want           []string // one per mismatch
	}{
		{"everything took effect", "CONFIG_NET=y\nCONFIG_NR_CPUS=16\nCONFIG_LSM=\"landlock,yama\"\n# CONFIG_MODULES is not set\n", nil},
		{"off because it does not exist", "# CONFIG_GONE is not set\n", nil},
		{"a comment that looks like an option", "#CONFIG_GONE=y\n# CONFIG_GONE=y\n", nil},
		{"wrong number", "CONFIG_NR_CPUS=64\n", []string{"f.config:1: CONFIG_NR_CPUS: wanted 64, got 16"}},
		{"wrong string", `CONFIG_LSM="yama"`, []string{`f.config:1: CONFIG_LSM: wanted "yama", got "landlock,yama"`}},
		{"module instead of built in", "CONFIG_NET=m\n", []string{"f.config:1: CONFIG_NET: wanted m, got y"}},
		{"off though wanted", "\nCONFIG_HZ_100=y\n", []string{
			"f.config:2: CONFIG_HZ_100: wanted y, got is not set (another option of the same choice may be taken)"}},
		{"not there though wanted", "CONFIG_BPF_JIT=y\n", []string{
			"f.config:1: CONFIG_BPF_JIT: wanted y, got nothing (this kernel does not have the option, or one that it depends on is off)"}},
		{"on though not wanted", "# CONFIG_NET is not set\n", []string{"f.config:1: CONFIG_NET: wanted is not set, got y"}},
		{"every mismatch, not the first only", "CONFIG_A=y\nCONFIG_NET=y\nCONFIG_NR_CPUS=1\n", []string{
			"f.config:1: CONFIG_A: wanted y, got nothing (this kernel does not have the option, or one that it depends on is off)",
			"f.config:3: CONFIG_NR_CPUS: wanted 1, got 16"}},
		{"a longer name is another option", "CONFIG_NE=y\n", []string{
			"f.config:1: CONFIG_NE: wanted y, got nothing (this kernel does not have the option, or one that it depends on is off)"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fragment, err := parseConfig("f.config", c.fragment)
			if err != nil {
				t.Fatal(err)
			}
			err = compare(fragment, config)
			var wrong FragmentError
			if errors.As(err, &wrong) != (len(c.want) > 0) {
				t.Fatalf("compare: %v", err)
			}
			var got []string
			for _, m := range wrong {
				got = append(got, m.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			for _, line := range c.want {
				if !strings.Contains(err.Error(), "\n  "+line) {
					t.Errorf("the message does not name %q:\n%v", line, err)
				}
			}
		})
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, text := range []string{"NET=y", "CONFIG_NET", "CONFIG_NET=", "=y", "CONFIG_NET is not set", "y"} {
		_, err := parseConfig("f.config", "CONFIG_A=y\n"+text+"\n")
		if err == nil || !strings.HasPrefix(err.Error(), "f.config:2: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFragmentMayNotContradictItself(t *testing.T) {
	_, err := readFragment(fstest.MapFS{
		"config/a.config": {Data: []byte("CONFIG_X=y\n")},
		"config/b.config": {Data: []byte("\n# CONFIG_X is not set\n")},
	}, version{6, 1})
	if err == nil || err.Error() != "b.config:2: CONFIG_X is already set at a.config:1" {
		t.Error(err)
	}
}

func TestSelectFragments(t *testing.T) {
	names := []string{"config/net.config", "config/cpu-6.1.config", "config/cpu-6.9.config", "config/cpu-6.12.config", "config/a-b.config"}
	cases := []struct {
		kernel version
		want   string
	}{
		{version{5, 10}, "config/a-b.config config/net.config"},
		{version{6, 1}, "config/a-b.config config/cpu-6.1.config config/net.config"},
		{version{6, 8}, "config/a-b.config config/cpu-6.1.config config/net.config"},
		{version{6, 9}, "config/a-b.config config/cpu-6.9.config config/net.config"},
		{version{6, 18}, "config/a-b.config config/cpu-6.12.config config/net.config"},
		{version{7, 0}, "config/a-b.config config/cpu-6.12.config config/net.config"},
	}
	for _, c := range cases {
		if got := strings.Join(selectFragments(names, c.kernel), " "); got != c.want {
			t.Errorf("%v: got %s, want %s", c.kernel, got, c.want)
		}
	}
}

// What the rest of the appliance relies on has to stay in the fragment.
func TestFragmentHolds(t *testing.T) {
	wanted := map[string]string{
		"CONFIG_XEN_PV": "y", "CONFIG_XEN_PVH": "y", "CONFIG_PVH": "y", "CONFIG_HVC_XEN": "y", // xen
		"CONFIG_VIRTIO_NET": "y", "CONFIG_VIRTIO_BLK": "y", "CONFIG_SERIAL_8250_CONSOLE": "y", // QEMU
		"CONFIG_EXT4_USE_FOR_EXT2": "y", "CONFIG_DEVTMPFS_MOUNT": "y", // the disk
		"CONFIG_SECURITY_LANDLOCK": "y", "CONFIG_SECCOMP_FILTER": "y", // privilege separation
		"CONFIG_IPV6_SIT": "y", "CONFIG_VLAN_8021Q": "y", "CONFIG_WIREGUARD": "y", "CONFIG_NET_SCH_CAKE": "y", // links
		"CONFIG_NFT_FLOW_OFFLOAD": "y", "CONFIG_NF_CT_NETLINK": "y", "CONFIG_NFT_FIB_INET": "y", // firewall
		"CONFIG_ACPI_BUTTON": "y", "CONFIG_INPUT_EVDEV": "y", // orderly power-off
		"CONFIG_KERNEL_" + strings.ToUpper(compressor): "y",
		"CONFIG_MODULES": notSet, "CONFIG_BLK_DEV_INITRD": notSet,
	}
	for _, v := range []version{{6, 1}, {6, 12}} {
		fragment, err := readFragment(fragmentFiles, v)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, o := range fragment {
			got[o.name] = o.value
		}
		for name, value := range wanted {
			if got[name] != value {
				t.Errorf("Linux %v: %s is %q, want %q", v, name, got[name], value)
			}
		}
	}
}

func TestOptionsSurviveALine(t *testing.T) {
	err := fs.WalkDir(fragmentFiles, "config", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fragmentFiles, path)
		if err != nil {
			return err
		}
		options, err := parseConfig(path, string(text))
		for _, o := range options {
			again, err := parseConfig(path, o.line())
			if err != nil || len(again) != 1 || again[0].name != o.name || again[0].value != o.value {
				t.Errorf("%s: %s became %v, %v", o.place, o.line(), again, err)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
