package xl_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/xl"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// home is the reference site, with lines of its files changed and added.
func home(t *testing.T, change func(files map[string]string)) *site.Site {
	t.Helper()
	files := map[string]string{}
	for _, name := range []string{"site.toml", "hosts", "ethers", "authorized_keys"} {
		data, err := os.ReadFile(filepath.Join("../../examples/home", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	if change != nil {
		change(files)
	}
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	s, err := site.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func host(t *testing.T, s *site.Site, name string) site.Host {
	t.Helper()
	h, ok := s.Host(name)
	if !ok {
		t.Fatalf("no host %s", name)
	}
	return h
}

func TestNetbootGolden(t *testing.T) {
	for _, kind := range []xl.Type{xl.HVM, xl.PVH, xl.PV} {
		s := home(t, nil)
		got, err := xl.Netboot(s, host(t, s, "web1"), site.MAC{}, kind)
		if err != nil {
			t.Fatal(err)
		}
		golden := "testdata/web1." + string(kind) + ".cfg"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s differs (go test -update writes it anew):\n%s", golden, d)
		}
	}
}

// guests is a second LAN, on a VLAN.
const guests = `
[[lan]]
name      = "guests"
interface = "eth2"
vlan      = 20
ipv4      = "192.168.33.1/24"
pool      = "192.168.33.10-192.168.33.250"
[dns]`

func TestNetbootVariants(t *testing.T) {
	inToml := func(old, new string) func(map[string]string) {
		return func(f map[string]string) {
			if !strings.Contains(f["site.toml"], old) {
				t.Fatalf("site.toml has no %q", old)
			}
			f["site.toml"] = strings.Replace(f["site.toml"], old, new, 1)
		}
	}
	twoLANs := inToml("\n[dns]", guests)
	tests := []struct {
		name   string
		change func(map[string]string)
		host   string
		mac    string
		kind   xl.Type
		has    []string
		not    string
	}{
		{
			name: "one of two cards", host: "web1", mac: "00:16:3e:20:00:77", kind: xl.HVM,
			change: func(f map[string]string) { f["ethers"] += "00:16:3e:20:00:77 web1\n" },
			has:    []string{`"mac=00:16:3e:20:00:77, bridge=xenbr1, model=e1000"`},
		},
		{
			name: "on a VLAN", host: "web9", kind: xl.PV,
			change: func(f map[string]string) {
				twoLANs(f)
				f["ethers"] += "00:16:3e:20:00:19 web9\n"
				f["hosts"] += "192.168.33.5 web9\n"
			},
			has: []string{"# guests is VLAN 20 of the bridge xenbr2,", `"mac=00:16:3e:20:00:19, bridge=xenbr2.20"`, "address     192.168.33.5"},
		},
		{
			name: "on two LANs: it boots where the server is", host: "web1", kind: xl.PVH,
			change: func(f map[string]string) { twoLANs(f); f["hosts"] += "192.168.33.5 web1\n" },
			has:    []string{"address     192.168.32.11", "bridge=xenbr1"},
		},
		{
			name: "no initiator of its own", host: "web1", kind: xl.PVH, change: inToml("initiator =", "# initiator ="),
			not: "initiator",
		},
		{
			name: "a script and no disk", host: "web1", kind: xl.HVM, change: inToml("root-path =", "# root-path ="),
			has: []string{"script      http://192.168.32.10/boot.ipxe"}, not: "root path",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := home(t, tt.change)
			got, err := xl.Netboot(s, host(t, s, tt.host), mac(t, tt.mac), tt.kind)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tt.has {
				if !strings.Contains(got, want) {
					t.Errorf("lacks %s in:\n%s", want, got)
				}
			}
			if tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("has %s in:\n%s", tt.not, got)
			}
		})
	}
}

func TestNetbootErrors(t *testing.T) {
	without := func(line string) func(map[string]string) {
		return func(f map[string]string) { f["site.toml"] = strings.Replace(f["site.toml"], "\n"+line, "\n# "+line, 1) }
	}
	tests := []struct {
		name   string
		change func(map[string]string)
		host   string
		kind   xl.Type
		want   string
	}{
		{"no netboot host", nil, "printer", xl.HVM, "printer does not boot from the network: no pattern of hosts under [netboot] in site.toml matches it"},
		{"the appliance itself", nil, "firewall", xl.HVM, "firewall does not boot from the network"},
		{"no netboot", func(f map[string]string) { f["site.toml"], _, _ = strings.Cut(f["site.toml"], "[netboot]") }, "web1", xl.HVM,
			"web1 does not boot from the network: the site has no [netboot]"},
		{"being installed", func(f map[string]string) {
			f["site.toml"] += "\n[[host]]\nnames = [\"web1\"]\nnetboot = { install = true }\n"
		}, "web1", xl.PV, "web1 is being installed (install = true), which is for iPXE to start; expected type hvm"},
		{"several cards", func(f map[string]string) { f["ethers"] += "00:16:3e:20:00:77 web1\n" }, "web1", xl.PVH,
			"web1 has several cards; expected the MAC of the one that the domain gets, in place of the name: 00:16:3e:20:00:11 00:16:3e:20:00:77"},
		{"no disk", without("root-path"), "web1", xl.PV, "web1 has no iSCSI disk to put on the command line of a pv domain: the site has no root-path under [netboot]"},
		{"CHAP", func(f map[string]string) {
			f["site.toml"] += "\n[[host]]\nnames = [\"web1\"]\nnetboot = { chap-user = \"{name}\", chap-secret-file = \"web1.key\" }\n"
			f["web1.key"] = "secret-of-web1\n"
		}, "web1", xl.PVH, "the target of web1 wants a proof (chap-user), and its secret does not belong on a command line"},
		{"IPv6", func(f map[string]string) {
			f["site.toml"] = strings.Replace(f["site.toml"], "iscsi:{server}:", "iscsi:[2001:db8::10]:", 1)
		}, "web1", xl.PVH, "has an IPv6 server, which an initramfs does not read from its command line; expected type hvm"},
	}
	for _, tt := range tests {
		s := home(t, tt.change)
		text, err := xl.Netboot(s, host(t, s, tt.host), site.MAC{}, tt.kind)
		if err == nil || !strings.Contains(err.Error(), tt.want) || text != "" {
			t.Errorf("%s: %v, want %q; printed %q", tt.name, err, tt.want, text)
		}
	}
	s := home(t, nil)
	// Package site refuses these; whoever else makes hosts may not.
	h := host(t, s, "web1")
	h.Addrs = nil
	if _, err := xl.Netboot(s, h, site.MAC{}, xl.HVM); err == nil || !strings.Contains(err.Error(), "so its bridge cannot be told") {
		t.Errorf("no address: %v", err)
	}
	h.MACs = nil
	if _, err := xl.Netboot(s, h, site.MAC{}, xl.HVM); err == nil || !strings.Contains(err.Error(), "expected a line with its MAC in ethers") {
		t.Errorf("no card: %v", err)
	}
}

func mac(t *testing.T, text string) (m site.MAC) {
	t.Helper()
	if text == "" {
		return m
	}
	if err := m.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWords(t *testing.T) {
	if got := xl.Bridge("eth1"); got != "xenbr1" {
		t.Errorf("Bridge: %s", got)
	}
	if got := xl.Quote(`/srv/"x"\y`); got != `"/srv/\"x\"\\y"` {
		t.Errorf("Quote: %s", got)
	}
	for text, ok := range map[string]bool{"hvm": true, "pvh": true, "pv": true, "": false, "PVH": false, "true": false} {
		if kind, err := xl.ParseType(text); (err == nil) != ok || ok && string(kind) != text {
			t.Errorf("ParseType(%q) = %q, %v", text, kind, err)
		}
	}
}
