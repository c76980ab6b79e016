package nft_test

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

// translating is the policy of two LANs with forwards, and an address upstream for the host on guest.
func translating(t *testing.T) firewall.Policy {
	p := twoLANs(t)
	tcp := []firewall.Proto{firewall.TCP}
	p.Sets = []firewall.AddressSet{{Name: "friends", Networks: []netip.Prefix{netip.MustParsePrefix(wan4 + "/32"), netip.MustParsePrefix("2001:db8::/64")}}}
	p.Forwards = []firewall.Forward{
		{Name: "web", From: []string{"wan"}, Protos: tcp, Ports: firewall.Port(8080), ToPort: 80, Zone: "lan",
			To: []netip.Addr{netip.MustParseAddr(lan4), netip.MustParseAddr(lan6)}, Hairpin: []string{"lan", "guest"}},
		{Name: "range", From: []string{"wan"}, Protos: []firewall.Proto{firewall.UDP, firewall.TCP}, Ports: firewall.PortRange{First: 4990, Last: 5010},
			Zone: "lan", To: []netip.Addr{netip.MustParseAddr(lan4), netip.MustParseAddr(lan6)}, Sources: firewall.Sources{Sets: []string{"friends"}}},
		{Name: "foes", From: []string{"wan"}, Protos: []firewall.Proto{firewall.UDP}, Ports: firewall.Port(8081), ToPort: 5000, Zone: "guest",
			To: []netip.Addr{netip.MustParseAddr(guest4)}, Sources: firewall.Sources{Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}},
	}
	p.OneToOne = []firewall.OneToOne{{Outside: netip.MustParseAddr("192.0.2.20"), Inside: netip.MustParseAddr(guest4),
		Zone: "wan", Host: "guest", Hairpin: []string{"lan", "guest"}}}
	p.Rules = append(p.Rules, firewall.Rule{Name: "guest-web", Action: firewall.Allow,
		From:     []firewall.Endpoint{{Zones: []string{"wan"}}},
		To:       []firewall.Endpoint{{Zones: []string{"guest"}, Addresses: []netip.Prefix{netip.MustParsePrefix(guest4 + "/32")}}},
		Services: []firewall.Service{{Name: "http", Flows: []firewall.Flow{{Proto: firewall.TCP, Ports: []firewall.PortRange{firewall.Port(80)}}}}}})
	return p
}

// TestTranslations lets packets say who reaches whom, and as whom.
func TestTranslations(t *testing.T) {
	l := newLab(t, translating(t))
	l.box.run(t, "ip addr add 192.0.2.20/32 dev eth0")
	for _, f := range []flow{
		{"forward", wan, tcpTo(wanBox4, 8080), wan4, 0, "rule_web"},
		{"forward6 is the host's own port", wan, tcpTo(lan6, 80), wan6, 0, "rule_web"},
		{"forward6 has no other port", wan, tcpTo(lan6, 8080), "", 0, "turn_away_silent"},
		{"the host's own address is closed", wan, tcpTo(lan4, 80), "", 0, "turn_away_silent"},
		{"hairpin in the same network", lan, tcpTo(wanBox4, 8080), lanBox4, 0, "rule_web+srcnat_hairpin"},
		{"hairpin from another network", guest, tcpTo(wanBox4, 8080), guest4, 0, "rule_web"},
		{"no hairpin at the address inside", lan, tcpTo(lanBox4, 8080), "", unix.ECONNREFUSED, "turn_away_told"},
		{"no forward from a stranger's network", stranger, tcpTo(wanBox4, 8080), "", 0, "turn_away_silent"},
		{"range", wan, udpTo(wanBox4, 5000, 10), wan4, 0, "rule_range"},
		{"range6", wan, udpTo(lan6, 5000, 10), wan6, 0, "rule_range"},
		{"range, of a host's own address", wan, udpTo(lan4, 5000, 10), "", 0, "turn_away_silent"},
		{"sources of a forward", wan, udpTo(wanBox4, 8081, 10), "", 0, "turn_away_silent"},
		{"one to one, in", wan, tcpTo("192.0.2.20", 80), wan4, 0, "rule_guest-web"},
		{"one to one, not allowed", wan, udpTo("192.0.2.20", 5000, 10), "", 0, "turn_away_silent"},
		{"one to one, out", guest, tcpTo(wan4, 80), "192.0.2.20", 0, "rule_guest-wan"},
		{"one to one, hairpin", guest, tcpTo("192.0.2.20", 80), guestBox4, 0, "forward_hairpin+srcnat_hairpin"},
		{"one to one, from another network", lan, tcpTo("192.0.2.20", 80), "", unix.ECONNREFUSED, "turn_away_told"},
		{"others keep the box's address", lan, tcpTo(wan4, 80), wanBox4, 0, "rule_lan-wan"},
	} {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) { f.run(t, l) })
	}
}
