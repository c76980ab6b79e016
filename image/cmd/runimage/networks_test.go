package main

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/site"
)

func example(t *testing.T, name string) *site.Site {
	t.Helper()
	s, err := site.Load(os.DirFS("../../../examples/" + name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lan(iface string, vlan uint16, ipv4 string) site.LAN {
	return site.LAN{Interface: iface, VLAN: vlan, IPv4: netip.MustParsePrefix(ipv4)}
}

func TestNetworks(t *testing.T) {
	tests := []struct {
		name string
		site *site.Site
		want []string // the -netdev options in order
	}{
		{"the reference site", example(t, "home"), []string{
			"user,restrict=on,net=192.0.2.0/24,host=192.0.2.1,dns=192.0.2.2,id=net0",
			"user,restrict=on,net=192.168.32.0/24,host=192.168.32.2,dns=192.168.32.3,hostfwd=tcp:127.0.0.1:2222-192.168.32.1:22,id=net1",
		}},
		{"the office, of which QEMU has no VLANs", example(t, "office"), []string{
			"user,restrict=on,net=203.0.113.8/29,host=203.0.113.9,dns=203.0.113.12,id=net0",
			"user,restrict=on,net=10.77.1.0/24,host=10.77.1.2,dns=10.77.1.3,hostfwd=tcp:127.0.0.1:2222-10.77.1.1:22,id=net1",
		}},
		{"a provider that gives the address", &site.Site{
			WAN: site.WAN{Interface: "eth0", DHCP: &site.DHCPClient{}}, LANs: []site.LAN{lan("eth1", 0, "10.0.0.2/24")},
		}, []string{
			"user,restrict=on,id=net0",
			"user,restrict=on,net=10.0.0.0/24,host=10.0.0.1,dns=10.0.0.3,hostfwd=tcp:127.0.0.1:2222-10.0.0.2:22,id=net1",
		}},
		{"a gap, a VLAN, a small network", &site.Site{LANs: []site.LAN{
			lan("eth2", 0, "10.0.0.2/24"), lan("eth2", 7, "10.0.7.1/24"), lan("eth0", 0, "10.1.0.1/30"),
		}}, []string{
			"user,restrict=on,id=net0",
			"user,restrict=on,id=net1",
			"user,restrict=on,net=10.0.0.0/24,host=10.0.0.1,dns=10.0.0.3,hostfwd=tcp:127.0.0.1:2222-10.0.0.2:22,id=net2",
		}},
	}
	for _, tt := range tests {
		args, err := networks(tt.site, 2222)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var got []string
		for i, a := range args {
			if a == "-netdev" {
				got = append(got, args[i+1])
			}
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", tt.name, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}

func TestNetworksOfOtherNames(t *testing.T) {
	if _, err := networks(&site.Site{LANs: []site.LAN{lan("enp3s0", 0, "10.0.0.1/24")}}, 2222); err == nil {
		t.Error("an interface that QEMU cannot have is accepted")
	}
}
