package main

import (
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/site"
)

// maxInterfaces bounds what a site can ask of one QEMU.
const maxInterfaces = 16

// closed is a network of QEMU's own that reaches nothing: without restrict, the address of its gateway would
// be the loopback of the workstation, and everything else would be what the workstation reaches.
const closed = "user,restrict=on"

// networks returns the QEMU arguments for eth0, eth1, … up to the last interface
// that s names. Interfaces get their names in the order of the devices.
func networks(s *site.Site, sshPort int) ([]string, error) {
	backends := map[string]string{}
	switch {
	case s.WAN.Interface == "" || s.WAN.VLAN != 0:
	case s.WAN.DHCP != nil:
		backends[s.WAN.Interface] = closed // QEMU has a DHCP server there
	case s.WAN.IPv4.IsValid():
		backends[s.WAN.Interface] = userNetwork(s, s.WAN.IPv4, s.WAN.Gateway)
	}
	forwarded := false
	for _, lan := range s.LANs {
		if lan.VLAN != 0 {
			continue // QEMU's own network speaks no 802.1Q
		}
		backend := userNetwork(s, lan.IPv4, netip.Addr{})
		if !forwarded && backend != closed {
			backend += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-%s:22", sshPort, lan.IPv4.Addr())
			forwarded = true
		}
		backends[lan.Interface] = backend
	}
	var args []string
	for i, left := 0, len(backends); left > 0; i++ {
		if i == maxInterfaces {
			return nil, fmt.Errorf("the site names interfaces other than eth0 to eth%d, which QEMU has not",
				maxInterfaces-1)
		}
		id := fmt.Sprintf("net%d", i)
		backend, used := backends[fmt.Sprintf("eth%d", i)]
		if !used {
			backend = closed // keeps the place of an interface that the site does not name
		} else {
			left--
		}
		args = append(args, "-netdev", backend+",id="+id, "-device", "virtio-net-pci,netdev="+id+",romfile=")
	}
	return args, nil
}

// userNetwork is QEMU's own side of a network: it needs two addresses there
// besides the appliance's, for its gateway and its resolver. The gateway's is
// given for the WAN and any free one on a LAN.
func userNetwork(s *site.Site, own netip.Prefix, gateway netip.Addr) string {
	taken := map[netip.Addr]bool{own.Addr(): true, gateway: true}
	for _, h := range s.Hosts {
		for _, a := range h.Addrs {
			taken[a] = true
		}
	}
	for _, o := range s.Firewall.OneToOne {
		taken[o.Outside] = true // the appliance answers for it
	}
	last := own.Masked().Addr().Next()
	var free []netip.Addr
	for ; own.Contains(last.Next()) && len(free) < 2; last = last.Next() {
		if !taken[last] {
			free = append(free, last)
		}
	}
	if gateway.IsValid() {
		free = append([]netip.Addr{gateway}, free...)
	}
	if len(free) < 2 {
		return closed // too small a network for QEMU to live in
	}
	return fmt.Sprintf(closed+",net=%s,host=%s,dns=%s", own.Masked(), free[0], free[1])
}
