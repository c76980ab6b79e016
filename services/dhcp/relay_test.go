package dhcp

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// campus is the home site with two more networks behind relay agents, and a host
// that is known by its port.
func campus() Config {
	conf := home()
	conf.Subnets = append(conf.Subnets, Subnet{
		Name: "shop", Relayed: true, Prefix: netip.MustParsePrefix("192.168.40.0/24"), Router: ip("192.168.40.1"),
		Pool: []lease.Range{{First: ip("192.168.40.100"), Last: ip("192.168.40.199")}}, LeaseTime: time.Hour,
	}, Subnet{
		Name: "yard", Relayed: true, Address: ip("192.168.32.1"), Prefix: netip.MustParsePrefix("192.168.41.0/24"),
		Pool: []lease.Range{{First: ip("192.168.41.100"), Last: ip("192.168.41.199")}}, LeaseTime: time.Hour,
	})
	conf.Hosts = append(conf.Hosts,
		Host{Name: "till", Addrs: []netip.Addr{ip("192.168.40.7")}, Ports: []Port{{Circuit: []byte("ge-7"), Remote: []byte("sw1")}}},
		Host{Name: "camera", Ports: []Port{{Circuit: []byte("ge-8")}}},
	)
	return conf
}

func through(addr string) dhcpv4.Modifier {
	return func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = ip(addr).AsSlice() }
}

// agent is option 82 with sub-options in turn: a code, then a value.
func agent(codesAndValues ...string) dhcpv4.Modifier {
	var b strings.Builder
	for i := 0; i < len(codesAndValues); i += 2 {
		b.WriteString(codesAndValues[i] + string(rune(len(codesAndValues[i+1]))) + codesAndValues[i+1])
	}
	return opt(82, b.String())
}

func bytesOf(addr string) string { return string(ip(addr).AsSlice()) }

// TestRelayed: which network a message is about, who answers, and whereto.
func TestRelayed(t *testing.T) {
	const selection, override = "\x05", "\x0b"
	discover := func(mods ...dhcpv4.Modifier) []byte { return ask(visitor, dhcpv4.MessageTypeDiscover, mods...) }
	for _, tc := range []struct {
		name   string
		msg    []byte
		addr   string
		server string
		to     Destination
		subnet int
	}{
		{"through a relay agent", discover(through("192.168.40.1")), "192.168.40.100", "192.168.32.1", Destination{Via: Relay, IP: ip("192.168.40.1")}, 1},
		{"another one", discover(through("192.168.41.1")), "192.168.41.100", "192.168.32.1", Destination{Via: Relay, IP: ip("192.168.41.1")}, 2},
		{"on our own link", discover(through("192.168.32.2")), "192.168.32.100", "192.168.32.1", Destination{Via: Relay, IP: ip("192.168.32.2")}, 0},
		{"RFC 3527: the link is selected", discover(through("192.168.32.2"), agent(selection, bytesOf("192.168.40.0"))),
			"192.168.40.100", "192.168.32.1", Destination{Via: Relay, IP: ip("192.168.32.2")}, 1},
		{"RFC 3527: by a relay agent from anywhere", discover(through("198.51.100.1"), agent(selection, bytesOf("192.168.41.0"))),
			"192.168.41.100", "192.168.32.1", Destination{Via: Relay, IP: ip("198.51.100.1")}, 2},
		{"RFC 5107: its own identifier", discover(through("192.168.40.1"), agent(override, bytesOf("192.168.40.1"))),
			"192.168.40.100", "192.168.40.1", Destination{Via: Relay, IP: ip("192.168.40.1")}, 1},
		{"a client that claims to be an agent", discover(agent(selection, bytesOf("192.168.40.0"), override, bytesOf("192.168.32.66"))),
			"192.168.32.100", "192.168.32.1", Destination{Via: Direct, IP: ip("192.168.32.100"), MAC: visitor}, 0},
		{"a damaged option 82", discover(through("192.168.40.1"), opt(82, "\x05\x03\xc0\xa8\x29\x01\x09\x00")), "192.168.40.100", "192.168.32.1",
			Destination{Via: Relay, IP: ip("192.168.40.1")}, 1},
		{"from nowhere", discover(through("198.51.100.1")), "", "", Destination{}, 0},
		{"a link selected that is not served", discover(through("192.168.40.1"), agent(selection, bytesOf("198.51.100.0"))), "", "", Destination{}, 0},
	} {
		out, p := handle(t, newServer(t, campus()), t0, tc.msg)
		if tc.addr == "" {
			if out.Drop != DropRelay {
				t.Errorf("%s: %+v", tc.name, out)
			}
			continue
		}
		if p == nil || p.YourIPAddr.String() != tc.addr || p.ServerIdentifier().String() != tc.server || out.To != tc.to || out.Subnet != tc.subnet {
			t.Errorf("%s: subnet %d, to %v, %s", tc.name, out.Subnet, out.To, p.Summary())
		}
		in, _ := dhcpv4.FromBytes(tc.msg)
		if string(p.Options[82]) != string(in.Options[82]) {
			t.Errorf("%s: option 82 came back as %q", tc.name, p.Options[82])
		}
	}
}

// TestRelayedLife: a client behind a relay agent takes a lease through it, then
// renews, informs and releases by itself; and the server is known by each of its names.
func TestRelayedLife(t *testing.T) {
	s := newServer(t, campus())
	over := agent("\x0b", bytesOf("192.168.40.1"))
	_, offer := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, through("192.168.40.1"), over))
	a := offer.YourIPAddr.String()
	request := []dhcpv4.Modifier{wanted(a), from("192.168.40.1"), through("192.168.40.1")}
	if out, _ := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeRequest, request...)); out.Drop != DropOtherServer {
		t.Errorf("an identifier that nobody said is ours: %+v", out)
	}
	if out, _ := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeRequest, append(request, over)...)); out.ReplyType != packet.ACK {
		t.Errorf("selecting: %+v", out)
	}
	for _, tc := range []struct {
		name string
		kind dhcpv4.MessageType
		mods []dhcpv4.Modifier
		want packet.MessageType
	}{
		{"renewing", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{having(a)}, packet.ACK},
		{"renewing, and naming us", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{having(a), from("192.168.32.1")}, packet.ACK},
		{"rebinding through the agent", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{having(a), through("192.168.40.1")}, packet.ACK},
		{"init-reboot through the agent", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{wanted(a), through("192.168.40.1")}, packet.ACK},
		{"init-reboot on another network", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{wanted(a)}, packet.NAK},
		{"init-reboot through another agent", dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{wanted(a), through("192.168.41.1")}, packet.NAK},
		{"inform", dhcpv4.MessageTypeInform, []dhcpv4.Modifier{having(a)}, packet.ACK},
		{"release", dhcpv4.MessageTypeRelease, []dhcpv4.Modifier{having(a), from("192.168.32.1")}, 0},
	} {
		out, _ := handle(t, s, t0, ask(visitor, tc.kind, tc.mods...))
		if out.ReplyType != tc.want || out.Drop != 0 || tc.want != packet.NAK && out.Subnet != 1 {
			t.Errorf("%s: %s, subnet %d, drop %q: %s", tc.name, out.ReplyType, out.Subnet, out.Drop, out.Reason)
		}
		if tc.want == packet.ACK && tc.name != "rebinding through the agent" && tc.name != "init-reboot through the agent" && out.To.Via != Routed {
			t.Errorf("%s: answered by %s", tc.name, out.To.Via)
		}
	}
}

// TestPorts: a host that is known by its port is whoever is plugged in there last,
// after a restart too, unless the site knows the card.
func TestPorts(t *testing.T) {
	port := []dhcpv4.Modifier{through("192.168.40.1"), agent("\x01", "ge-7", "\x02", "sw1")}
	s := newServer(t, campus())
	for _, card := range []lease.MAC{visitor, stranger, visitor} {
		if a := dora(t, s, t0, card, port...); a != ip("192.168.40.7") {
			t.Errorf("%s got %s", card, a)
		}
	}
	if l := s.Leases(t0)[0]; l.Name != "till" || l.Kind != "reserved" {
		t.Errorf("%+v", l)
	}
	out, p := handle(t, s, t0, ask(laptop, dhcpv4.MessageTypeDiscover, port...))
	if out.Addr == ip("192.168.40.7") || p.HostName() != "laptop" {
		t.Errorf("a card of another host got %s and was called %s", out.Addr, p.HostName())
	}
	if out, _ := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeDiscover, through("192.168.40.1"), agent("\x01", "ge-7"))); out.Addr == ip("192.168.40.7") {
		t.Error("the same circuit of another switch is taken for it")
	}
	if _, p := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeDiscover, through("192.168.40.1"), agent("\x01", "ge-8", "\x02", "sw9"))); p.HostName() != "camera" {
		t.Errorf("a host known by its circuit is called %q", p.HostName())
	}
	if out, _ := handle(t, newServer(t, campus()), t0, ask(visitor, dhcpv4.MessageTypeDiscover, through("192.168.41.1"), agent("\x01", "ge-7", "\x02", "sw1"))); out.Name != "till" || out.Addr != ip("192.168.41.100") {
		t.Errorf("in another network: %s, %s", out.Name, out.Addr)
	}
	moved := newServer(t, campus())
	for _, giaddr := range []string{"192.168.41.1", "192.168.40.1"} { // a port that is moved to the network where the host has an address
		out, _ = handle(t, moved, t0, ask(visitor, dhcpv4.MessageTypeDiscover, through(giaddr), agent("\x01", "ge-7", "\x02", "sw1")))
	}
	if out.Addr != ip("192.168.40.7") {
		t.Errorf("after its port was moved it got %s: %s", out.Addr, out.Reason)
	}
	again := newServer(t, campus())
	for l := range s.All(t0) {
		again.Restore(l)
	}
	out, _ = handle(t, again, t0.Add(time.Minute), ask(visitor, dhcpv4.MessageTypeRequest, having("192.168.40.7")))
	if out.ReplyType != packet.ACK || out.Name != "till" {
		t.Errorf("renewing after a restart, without the agent: %s, %s", out.ReplyType, out.Reason)
	}
}

// TestRapidCommit is RFC 4039.
func TestRapidCommit(t *testing.T) {
	conf := home()
	rapid := opt(80, "")
	if out, p := handle(t, newServer(t, conf), t0, ask(visitor, dhcpv4.MessageTypeDiscover, rapid)); out.ReplyType != packet.Offer || p.Options.Has(dhcpv4.GenericOptionCode(80)) {
		t.Errorf("where it is not wanted: %s", p.Summary())
	}
	conf.Subnets[0].RapidCommit = true
	conf.Subnets[0].IPv6OnlyWait = time.Hour
	s := newServer(t, conf)
	out, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, rapid, opt(12, "tablet")))
	if _, says := p.Options[80]; out.ReplyType != packet.ACK || !says || p.IPAddressLeaseTime(0) != 12*time.Hour || len(out.Records) != 1 || out.Records[0].Name != "tablet" {
		t.Errorf("%+v", out)
	}
	if out, _ := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeDiscover)); out.ReplyType != packet.Offer {
		t.Errorf("a client that does not ask for it: %+v", out)
	}
	if out, _ := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeDiscover, rapid, opt(55, "\x6c"))); out.ReplyType != packet.Offer {
		t.Errorf("a client that may do without IPv4: %+v", out)
	}
}
