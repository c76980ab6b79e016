package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// startDelegated starts the box with a provider that advertises itself and delegates a prefix.
func (w *wiring) startDelegated() {
	w.t.Helper()
	key, err := os.ReadFile(w.dir + "/key.pub")
	if err != nil {
		w.t.Fatal(err)
	}
	site := homeSite(w.t, key)
	toml := filepath.Join(site, "site.toml")
	text := strings.Replace(read(w.t, toml), "gateway   = \"192.0.2.1\"\n",
		"gateway = \"192.0.2.1\"\nipv6 = \"auto\"\ndelegation = 56\n[ipv6]\nula = \"fd00:1:2::/48\"\n", 1)
	if err := os.WriteFile(toml, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.image = site
	w.testBox = startBox(w.t, w.Namespace, site)

	w.wan.Sysctl("ipv6/conf/all/forwarding", "1")
	w.wan.AddAddr("eth0", "2001:db8:5::1/64")
	w.wan.Ready("eth0")
	testnet.Eventually(w.t, patience, "the provider's addresses are its own", func() bool {
		return w.wan.Run("ip", "-6", "addr", "show", "tentative") == ""
	})
	write := func(name, text string) string {
		path := filepath.Join(w.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
		return path
	}
	radvd := write("radvd.conf", `interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix 2001:db8:5::/64 { }; };`)
	w.wan.Start(exec.Command(testnet.Need(w.t, "radvd", "radvd"), "-n", "-m", "stderr", "-C", radvd, "-p", filepath.Join(w.dir, "radvd.pid")))
	kea := exec.Command(testnet.Need(w.t, "kea-dhcp6", "kea-dhcp6-server"), "-c", write("kea.conf", `{"Dhcp6": {
		"interfaces-config": {"interfaces": ["eth0"]}, "lease-database": {"type": "memfile", "persist": false},
		"loggers": [{"name": "kea-dhcp6", "severity": "FATAL", "output_options": [{"output": "stderr"}]}],
		"server-id": {"type": "LL", "persist": false}, "preferred-lifetime": 1800, "valid-lifetime": 3600,
		"option-data": [{"name": "dns-servers", "data": "2001:db8:5::53"}],
		"subnet6": [{"id": 1, "subnet": "2001:db8:5::/64", "interface": "eth0",
			"pd-pools": [{"prefix": "2001:db8:100::", "prefix-len": 48, "delegated-len": 56}]}]}}`))
	kea.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+w.dir, "KEA_LOCKFILE_DIR="+w.dir)
	w.wan.Start(kea)
}

// TestIPv6Commands: what people are told of a prefix that a provider delegates, and that is given back.
func TestIPv6Commands(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	w.startDelegated()
	const well = "Everything is as it should be.\n"
	says := func(line string, want ...string) {
		t.Helper()
		var out string
		defer func() { t.Logf("$ gatehouse %s\n%s", line, out) }()
		testnet.Eventually(t, patience, line+" says "+strings.Join(want, ", "), func() bool {
			out = w.gatehouse(strings.Fields(line)...)
			flat := strings.Join(strings.Fields(out), " ")
			for _, text := range want {
				if !strings.Contains(flat, strings.TrimSpace(text)) {
					return false
				}
			}
			return true
		})
		for l := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimRight(l, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", line, n, l)
			}
		}
	}
	says("ipv6", "LAN lan has IPv6, and the way out is by eth0.", "delegated 2001:db8:100::/56, preferred for another ", "ula fd00:1:2::/48",
		"2001:db8:100::/64 delegated 29m", "fd00:1:2::/64 ula 45m", "router default router for 45m; told to all ", "resolvers fd00:1:2::1", well)
	testnet.Eventually(t, patience, "the host's addresses are known", func() bool {
		for _, own := range []string{"fd00:1:2::1", "2001:db8:100::1"} { // by which they are
			_, _ = w.lan.Try("ping", "-6", "-c1", "-w1", own)
		}
		return strings.Count(w.gatehouse("ipv6", "hosts"), "200:5eff:fe00:5321") == 2
	})
	says("ipv6 hosts", "laptop (00:00:5e:00:53:21) on lan", "fd00:1:2:0:200:5eff:fe00:5321 eui64 ")
	says("ipv6 why", "2001:db8:100::/64 is subnet 0 of 2001:db8:100::/56, which the provider delegates", "Hosts take the appliance for their way out")
	says("status", "ipv6 1 LAN, 2001:db8:100::/56 delegated for another ", "default by wan", well)
	says("wan", "2001:db8:100::/56 is delegated.", "has a lease (BOUND)", "T1 in ", "bound6 answered: ", well)
	says("wan why", "eth0 has 192.0.2.10 because the site says so", "Over IPv6 the default route is by fe80::")
	says("wan renew", "updated6: ")
	says("wan release", "unbound6: 2001:db8:100::/56", "Nothing is asked for until somebody says: gatehouse wan renew.")
	says("ipv6", "2001:db8:100::/64 gone no no; held up to ", "! LANs have no network of their source \"delegated\" (lan): ")
	says("ipv6 why lan", "It has no network by its source \"delegated\": ")
	says("status", "ipv6 1 LAN, fd00:1:2::/48 (ula), none delegated, default by wan")
}
