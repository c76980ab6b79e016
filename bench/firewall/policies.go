package main

import (
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// muchShare is what a source may have where one of them sends all traffic: it is held against its share, and
// never reaches it.
const muchShare = 1 << 30

// twoZones is a policy of a LAN and a WAN between which nothing may pass yet.
func twoZones() firewall.Policy {
	return firewall.Policy{
		Zones: []firewall.Zone{
			{Name: "lan", Interfaces: []string{"eth1"}, Refuse: firewall.Reject,
				Own: []netip.Addr{netip.MustParseAddr(lanOwn)}},
			{Name: "wan", Interfaces: []string{"eth0"}, Refuse: firewall.Drop,
				Own:     []netip.Addr{netip.MustParseAddr(wanOwn)},
				Outside: true, Bogons: firewall.Martians()},
		},
		Masquerade: []firewall.Masquerade{{From: []string{"lan"}, To: "wan"}},
		Log:        firewall.Rate{Count: 5, Per: firewall.Second, Burst: 20},
		Flood:      firewall.Rate{Count: 100, Per: firewall.Second, Burst: 200},
		Share:      muchShare,
	}
}

func zones(names ...string) []firewall.Endpoint { return []firewall.Endpoint{{Zones: names}} }

func single(a netip.Addr) []netip.Prefix { return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())} }

func udpPort(port uint16) []firewall.Service {
	return []firewall.Service{{Name: fmt.Sprintf("udp/%d", port),
		Flows: []firewall.Flow{{Proto: firewall.UDP, Ports: []firewall.PortRange{firewall.Port(port)}}}}}
}

// Where the hosts of grown are, and the ports that they offer and use.
const (
	serverNet, clientNet   = 8, 9
	firstForwarded         = 10_000
	serverPort, clientPort = 5000, 9
)

// grown is a policy with n forwards, each to a host of its own, and n rules about other hosts.
func grown(n int) firewall.Policy {
	p := twoZones()
	for i := range n {
		p.Forwards = append(p.Forwards, firewall.Forward{Name: fmt.Sprintf("f%d", i), From: []string{"wan"},
			Zone: "lan", Protos: []firewall.Proto{firewall.UDP},
			Ports: firewall.Port(uint16(firstForwarded + i)), ToPort: serverPort,
			To: []netip.Addr{address4(serverNet, i)}})
		client := firewall.Endpoint{Zones: []string{"lan"}, Addresses: single(address4(clientNet, i))}
		p.Rules = append(p.Rules, firewall.Rule{Name: fmt.Sprintf("r%d", i), Action: firewall.Allow,
			From: []firewall.Endpoint{client}, To: zones("wan"), Services: udpPort(clientPort)})
	}
	return p
}
