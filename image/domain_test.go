package image

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/gatehouse-os/gatehouse/site"
)

func TestDomain(t *testing.T) {
	lan := func(name, iface string, vlan uint16, addr string) site.LAN {
		return site.LAN{Name: name, Interface: iface, VLAN: vlan, IPv4: netip.MustParsePrefix(addr)}
	}
	wan := func(iface string) site.WAN {
		return site.WAN{Interface: iface, IPv4: netip.MustParsePrefix("192.0.2.10/24"), IPv6: netip.MustParsePrefix("2001:db8::10/64")}
	}
	office := exampleInput(t, "office").Site
	tests := []struct {
		name string
		wan  site.WAN
		lans []site.LAN
		want []string
		err  string
	}{
		{
			name: "wan and lan", wan: wan("eth0"), lans: []site.LAN{lan("lan", "eth1", 0, "192.168.1.1/24")},
			want: []string{"xenbr0 wan, 192.0.2.10/24, 2001:db8::10/64", "xenbr1 lan, 192.168.1.1/24"},
		},
		{
			name: "no wan", lans: []site.LAN{lan("lan", "eth0", 0, "192.168.1.1/24")},
			want: []string{"xenbr0 lan, 192.168.1.1/24"},
		},
		{
			name: "two networks on one cable", wan: wan("eth1"),
			lans: []site.LAN{lan("lan", "eth0", 0, "192.168.1.1/24"), lan("guests", "eth0", 20, "192.168.2.1/24")},
			want: []string{"xenbr0 lan, 192.168.1.1/24; guests (vlan 20), 192.168.2.1/24", "xenbr1 wan, 192.0.2.10/24, 2001:db8::10/64"},
		},
		{
			name: "a gap keeps its place", wan: wan("eth0"), lans: []site.LAN{lan("lan", "eth2", 0, "192.168.1.1/24")},
			want: []string{"xenbr0 wan, 192.0.2.10/24, 2001:db8::10/64", "xenbr1 not used by the site", "xenbr2 lan, 192.168.1.1/24"},
		},
		{
			name: "the office", wan: office.WAN, lans: office.LANs,
			want: []string{"xenbr0 wan, 203.0.113.10/29, 2001:db8:0:1::10/64", "xenbr1 lan, 10.77.1.1/24, 2001:db8:50:1::1/64; " +
				"servers (vlan 10), 10.77.10.1/24, 2001:db8:50:10::1/64; guests (vlan 20), 10.77.20.1/24, 2001:db8:50:20::1/64; " +
				"things (vlan 30), 10.77.30.1/24, 2001:db8:50:30::1/64"},
		},
		{
			name: "names that no card has", wan: wan("enp1s0"), lans: []site.LAN{lan("lan", "eth16", 0, "192.168.1.1/24"), lan("b", "eth01", 0, "192.168.2.1/24")},
			err: `interface "enp1s0": the appliance's cards are called eth0 to eth15
interface "eth16": the appliance's cards are called eth0 to eth15
interface "eth01": the appliance's cards are called eth0 to eth15`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, err := Domain(&site.Site{Name: "gate", Domain: "net.example", WAN: test.wan, LANs: test.lans}, "/srv/gate")
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Fatalf("got %v", err)
				}
				return
			}
			var got []string
			macs := map[string]bool{}
			for _, v := range d.Vifs {
				got = append(got, fmt.Sprintf("%s %s", v.Bridge, v.Comment))
				macs[v.MAC] = true
			}
			if err != nil || !slices.Equal(got, test.want) || len(macs) != len(got) {
				t.Errorf("got %q, %v; %d MAC addresses", got, err, len(macs))
			}
			if d.Disk != "/srv/gate/firewall.ext2" || d.PermDisk != "/srv/gate/perm.ext2" || d.Kernel != "/srv/gate/vmlinuz" || d.Name != "gate" {
				t.Errorf("got %+v", d)
			}
		})
	}
}
