package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// TestAdvertisedAsConfigured: of a static site hosts are told what it says, and no more; who asks by DHCPv6
// is told the same. Whoever says other things on the LAN is named.
func TestAdvertisedAsConfigured(t *testing.T) {
	t.Parallel()
	radvdump, dhclient := testnet.Need(t, "radvdump", "radvdump"), testnet.Need(t, "dhclient", "isc-dhcp-client")
	h := newHouse(t, 1)
	host := h.host(1, "::20")
	dump := host.Start(exec.Command(radvdump))
	h.start(houseSite{
		wan: "ipv6 = \"2001:db8:5::10/64\"\ngateway6 = \"" + ispOwn + "\"\n",
		lan: `ipv6 = ["2001:db8:100:1::1/64", "ula"]
subnet = 3
mtu = 1400
search = ["home.example", "lab.example"]
ntp = ["192.168.32.20"]
captive-portal = "https://portal.home.example/api"`,
		more: "[ipv6]\nula = \"fd4a:1c2e:93b7::/48\"\n", hosts: "192.168.32.20 store\n::20 store\n",
	})
	has(t, "at first", host, "2001:db8:100:1::20", "fd4a:1c2e:93b7:3::20")
	leads(t, "at first", host, true)
	pings(t, "at first", host, outside)
	testnet.Eventually(t, patience, "radvdump has heard an advertisement", func() bool {
		return strings.Contains(dump.Output(), "End of interface")
	})
	const want = `Hop limit : undefined ( 0x00)
Stateful address conf. : No
Stateful other conf. : Yes
Mobile home agent : No
Router preference : medium
Neighbor discovery proxy : No
Router lifetime : 2700 (0x00000a8c) seconds
Reachable time : unspecified (0x00000000)
Retransmit time : unspecified (0x00000000)
Source link-layer address: 00:16:3E:00:00:11
MTU : 1400 bytes (valid)
Prefix : 2001:db8:100:1::/64
On-link : Yes
Autonomous address conf.: Yes
Valid time : 5400 (0x00001518) seconds
Pref. time : 2700 (0x00000a8c) seconds
Prefix : fd4a:1c2e:93b7:3::/64
On-link : Yes
Autonomous address conf.: Yes
Valid time : 5400 (0x00001518) seconds
Pref. time : 2700 (0x00000a8c) seconds
Route : fd4a:1c2e:93b7::/48
Route preference : medium
Route lifetime : 2700 (0x00000a8c) seconds
Recursive DNS server : fd4a:1c2e:93b7:3::1
DNS server lifetime : 1800 (0x00000708) seconds
DNS search list : home.example lab.example
DNS search list lifetime: 1800 (0x00000708) seconds
from ` + boxLAN6
	if got := unfolded(h.advertised(host)); !strings.HasSuffix(got, unfolded(want)) {
		t.Errorf("rdisc6 says\n%s, want\n%s", got, unfolded(want))
	}
	for _, want := range []string{
		"AdvDefaultLifetime 2700;", "AdvOtherConfigFlag on;", "AdvManagedFlag off;", "AdvLinkMTU 1400;", "AdvDefaultPreference medium;",
		"AdvReachableTime 0;", "AdvRetransTimer 0;", "RDNSS fd4a:1c2e:93b7:3::1", "DNSSL home.example lab.example",
	} {
		if !strings.Contains(dump.Output(), want) {
			t.Errorf("radvdump does not say %q:\n%s", want, dump.Output())
		}
	}

	dir := t.TempDir()
	for name, text := range map[string]string{
		"conf": "also request dhcp6.sntp-servers;\n", "script": "#!/bin/sh\nenv >>" + dir + "/env\n",
	} {
		if err := testnet.WriteProgram(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	said, err := host.Try("timeout", "30", dhclient, "-6", "-S", "-1", "-v", "-cf", dir+"/conf", "-sf", dir+"/script",
		"-lf", dir+"/leases", "-pf", dir+"/pid", "eth0")
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	saysAll(t, "dhclient", read(t, dir+"/env"), "new_dhcp6_name_servers=fd4a:1c2e:93b7:3::1\n",
		"new_dhcp6_domain_search=home.example. lab.example.\n", "new_dhcp6_sntp_servers=2001:db8:100:1::20 fd4a:1c2e:93b7:3::20\n")

	if out := h.gatehouse("status"); !strings.Contains(out, "Everything is as it should be.") {
		t.Error(out)
	}
	rogue := h.host(1, "")
	rogue.Sysctl("ipv6.conf.all.forwarding", "1")
	wantest.Radvd(t, rogue, "prefix 2001:db8:bad::/64 { };")
	testnet.Eventually(t, patience, "the other router is named", func() bool {
		out := unfolded(h.gatehouse("status"))
		return strings.Contains(out, rogue.MAC("eth0").String()) && strings.Contains(out, "2001:db8:bad::/64")
	})
}

// TestDuplicateLinkLocal: where another station has the link-local address of the box, that is said, and
// hosts are told nothing.
func TestDuplicateLinkLocal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	other, host := h.host(1, ""), h.host(1, "::20")
	other.Run("ip", "-6", "addr", "add", boxLAN6+"/64", "dev", "eth0", "nodad")
	h.start(houseSite{lan: `ipv6 = "2001:db8:100:1::1/64"`})
	testnet.Eventually(t, patience, "status says so", func() bool {
		out := unfolded(h.gatehouse("status"))
		return strings.Contains(out, "another station has the link-local address")
	})
	testnet.Eventually(t, patience, "the host can ask", func() bool {
		return strings.Contains(host.Run("ip", "-6", "addr", "show", "dev", "eth0", "scope", "link", "-tentative"), "fe80")
	})
	if out, err := host.Try(testnet.Need(t, "rdisc6", "ndisc6"), "-1", "-r", "3", "-w", "1000", "eth0"); err == nil || len(made(host)) > 0 {
		t.Errorf("the host has %v, and hears\n%s", made(host), out)
	}
}

// TestClaimedAddresses: stations on a LAN and upstream whose kernels say that they have the box's addresses,
// from these very addresses, are told of with card and address; the box keeps them.
func TestClaimedAddresses(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	const wan, lan = "2001:db8:5::10", "2001:db8:100:1::1"
	h.start(houseSite{wan: `ipv6 = "` + wan + `/64"` + "\n" + `gateway6 = "` + ispOwn + `"`, lan: `ipv6 = "` + lan + `/64"`})
	has := func(a string) bool {
		return strings.Contains(h.Run("ip", "-6", "-o", "addr", "show", "-tentative"), " "+a+"/")
	}
	testnet.Eventually(t, patience, "all is well", func() bool {
		return has(boxWAN6) && has(boxLAN6) && strings.Contains(h.gatehouse("status"), "Everything is as it should be.")
	})
	for i, c := range []struct {
		wire  int
		addrs []string
		where string
	}{{0, []string{wan, boxWAN6}, "eth0"}, {1, []string{lan, boxLAN6}, "LAN lan (eth1)"}} {
		thief := h.host(c.wire, "")
		thief.Sysctl("ipv6.conf.eth0.ndisc_notify", "1")
		for _, a := range c.addrs {
			thief.Run("ip", "-6", "addr", "add", a+"/64", "dev", "eth0", "nodad")
		}
		n := 0
		testnet.Eventually(t, patience, "claims on "+c.where+" are told of", func() bool {
			n++
			card := fmt.Sprintf("02:00:00:00:66:%x%x", i, n%8) // with another card a kernel says so
			thief.Run("ip", "link", "set", "eth0", "address", card)
			out := unfolded(h.gatehouse("status"))
			for _, a := range c.addrs {
				if !regexp.MustCompile(regexp.QuoteMeta(c.where+": the card 02:00:00:00:66:") + "[0-9a-f]{2} says that it is " +
					regexp.QuoteMeta(a+", an address of this router, heard")).MatchString(out) {
					return false
				}
			}
			return true
		})
	}
	for _, a := range []string{wan, lan, boxWAN6, boxLAN6} {
		if !has(a) {
			t.Errorf("the box has not %s any more", a)
		}
	}
}
