package dhcp

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

var t0 = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func mac(s string) (m lease.MAC) {
	if err := m.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return m
}

var (
	web1     = mac("00:16:3e:20:00:11")
	printer  = mac("00:00:5e:00:53:20")
	laptop   = mac("00:00:5e:00:53:21")
	stranger = mac("00:00:5e:00:53:99")
	visitor  = mac("00:00:5e:00:53:98")
)

// home is the reference site as this service is told of it.
func home() Config {
	return Config{
		Subnets: []Subnet{{
			Name: "lan", Interface: "eth1", Address: ip("192.168.32.1"), Prefix: netip.MustParsePrefix("192.168.32.0/24"),
			Router: ip("192.168.32.1"), DNS: []netip.Addr{ip("2001:db8::53"), ip("192.0.2.53")}, NTP: []netip.Addr{ip("192.0.2.123")},
			Domain: "home.example", Pool: []lease.Range{{First: ip("192.168.32.100"), Last: ip("192.168.32.199")}},
			LeaseTime: 12 * time.Hour,
		}},
		Hosts: []Host{
			{Name: "firewall", Addrs: []netip.Addr{ip("192.168.32.1")}},
			{Name: "store", MACs: []lease.MAC{mac("00:16:3e:20:00:10")}, Addrs: []netip.Addr{ip("192.168.32.10")}},
			{Name: "web1", MACs: []lease.MAC{web1}, Addrs: []netip.Addr{ip("192.168.32.11"), ip("2001:db8::11")}, Netboot: &Netboot{
				Server: ip("192.168.32.10"), RootPath: "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root",
				Initiator: "iqn.2011-03.example.home:web1", Script: "http://192.168.32.10/boot.ipxe",
				BIOS: "undionly.kpxe", UEFI: "ipxe.efi", UEFIARM64: "ipxe-arm64.efi",
			}},
			{Name: "printer", MACs: []lease.MAC{printer}, Addrs: []netip.Addr{ip("192.168.32.20")}},
			{Name: "laptop", MACs: []lease.MAC{laptop}},
		},
		ReservedNames: []string{"gateway"},
	}
}

func newServer(t testing.TB, conf Config) *Server {
	t.Helper()
	s, err := New(conf)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask builds a message with the library of another author.
func ask(m lease.MAC, kind dhcpv4.MessageType, mods ...dhcpv4.Modifier) []byte {
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithHwAddr(m[:]), dhcpv4.WithMessageType(kind), dhcpv4.WithTransactionID([4]byte{1, 2, 3, 4}),
	}, mods...)...)
	if err != nil {
		panic(err)
	}
	return p.ToBytes()
}

func opt(code uint8, value string) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(code), []byte(value))
}

func wanted(addr string) dhcpv4.Modifier { return opt(50, string(ip(addr).AsSlice())) }
func from(addr string) dhcpv4.Modifier   { return opt(54, string(ip(addr).AsSlice())) }
func having(addr string) dhcpv4.Modifier {
	return func(p *dhcpv4.DHCPv4) { p.ClientIPAddr = ip(addr).AsSlice() }
}
func broadcast(p *dhcpv4.DHCPv4) { p.SetBroadcast() }

// handle runs one message and has the reply read by that library.
func handle(t testing.TB, s *Server, now time.Time, msg []byte) (*Outcome, *dhcpv4.DHCPv4) {
	t.Helper()
	out := new(Outcome)
	s.Handle(now, 0, lease.MAC{}, msg, out)
	if len(out.Reply) == 0 {
		return out, nil
	}
	if len(out.Reply) < packet.MinLen {
		t.Errorf("a reply of %d bytes", len(out.Reply))
	}
	p, err := dhcpv4.FromBytes(out.Reply)
	if err != nil {
		t.Fatalf("the peer cannot read the reply: %v", err)
	}
	return out, p
}

// dora takes a lease and returns the address.
func dora(t testing.TB, s *Server, now time.Time, m lease.MAC, mods ...dhcpv4.Modifier) netip.Addr {
	t.Helper()
	_, offer := handle(t, s, now, ask(m, dhcpv4.MessageTypeDiscover, mods...))
	if offer == nil {
		t.Fatalf("%s: no offer", m)
	}
	a := offer.YourIPAddr.String()
	out, ack := handle(t, s, now, ask(m, dhcpv4.MessageTypeRequest, append(mods, wanted(a), from("192.168.32.1"))...))
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck || ack.YourIPAddr.String() != a {
		t.Fatalf("%s: offered %s, then %+v", m, a, out)
	}
	return ip(a)
}

func TestWholeAnswer(t *testing.T) {
	s := newServer(t, home())
	_, offer := handle(t, s, t0, ask(printer, dhcpv4.MessageTypeDiscover))
	out, ack := handle(t, s, t0, ask(printer, dhcpv4.MessageTypeRequest, wanted("192.168.32.20"), from("192.168.32.1")))
	for kind, p := range map[string]*dhcpv4.DHCPv4{"offer": offer, "ack": ack} {
		got := map[string]string{
			"yiaddr": p.YourIPAddr.String(), "siaddr": p.ServerIPAddr.String(), "ciaddr": p.ClientIPAddr.String(),
			"server": p.ServerIdentifier().String(), "mask": fmt.Sprint(p.SubnetMask()), "router": fmt.Sprint(p.Router()),
			"dns": fmt.Sprint(p.DNS()), "domain": p.DomainName(), "name": p.HostName(), "ntp": fmt.Sprint(p.NTPServers()),
			"broadcast": p.BroadcastAddress().String(), "lease": p.IPAddressLeaseTime(0).String(),
			"t1": p.IPAddressRenewalTime(0).String(), "t2": p.IPAddressRebindingTime(0).String(),
			"root": p.RootPath(), "file": p.BootFileName, "67": p.BootFileNameOption(), "203": string(p.Options[203]),
		}
		want := map[string]string{
			"yiaddr": "192.168.32.20", "siaddr": "0.0.0.0", "ciaddr": "0.0.0.0", "server": "192.168.32.1", "mask": "ffffff00",
			"router": "[192.168.32.1]", "dns": "[192.0.2.53]", "domain": "home.example", "name": "printer",
			"ntp": "[192.0.2.123]", "broadcast": "192.168.32.255", "lease": "12h0m0s", "t1": "6h0m0s", "t2": "10h30m0s",
			"root": "", "file": "", "67": "", "203": "",
		}
		for k := range want {
			if got[k] != want[k] {
				t.Errorf("%s: %s is %q, want %q", kind, k, got[k], want[k])
			}
		}
	}
	want := []lease.Lease{{Addr: ip("192.168.32.20"), MAC: printer, Name: "printer", State: lease.Bound, Since: t0, Until: t0.Add(12 * time.Hour)}}
	if !slices.Equal(out.Records, want) {
		t.Errorf("records %v, want %v", out.Records, want)
	}
}

// TestWhereRepliesGo is RFC 2131 section 4.1.
func TestWhereRepliesGo(t *testing.T) {
	s := newServer(t, home())
	dora(t, s, t0, printer)
	relay := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = ip("192.168.32.2").AsSlice() }
	lan, bad := "192.168.32.20", "198.51.100.7"
	for name, tc := range map[string]struct {
		msg  []byte
		want Destination
	}{
		"no address":           {ask(printer, dhcpv4.MessageTypeDiscover), Destination{Direct, ip(lan), printer}},
		"broadcast wanted":     {ask(printer, dhcpv4.MessageTypeDiscover, broadcast), Destination{Via: Broadcast}},
		"renewing":             {ask(printer, dhcpv4.MessageTypeRequest, having(lan)), Destination{Via: Routed, IP: ip(lan)}},
		"renewing a wrong one": {ask(printer, dhcpv4.MessageTypeRequest, having("192.168.32.21")), Destination{Via: Broadcast}},
		"foreign":              {ask(printer, dhcpv4.MessageTypeRequest, having(bad)), Destination{Via: Broadcast}},
		"claims in discover":   {ask(printer, dhcpv4.MessageTypeDiscover, having(bad)), Destination{Direct, ip(lan), printer}},
		"claims in selecting":  {ask(printer, dhcpv4.MessageTypeRequest, having(bad), wanted(lan), from("192.168.32.1")), Destination{Direct, ip(lan), printer}},
		// Old clients, and VPCS, fill ciaddr in before they answer ARP for it.
		"ciaddr in selecting": {ask(printer, dhcpv4.MessageTypeRequest, having(lan), wanted(lan), from("192.168.32.1")), Destination{Direct, ip(lan), printer}},
		"ciaddr, broadcast":   {ask(printer, dhcpv4.MessageTypeRequest, having(lan), wanted(lan), from("192.168.32.1"), broadcast), Destination{Via: Broadcast}},
		"renewing, named":     {ask(printer, dhcpv4.MessageTypeRequest, having(lan), from("192.168.32.1")), Destination{Direct, ip(lan), printer}},
		"ciaddr in reboot":    {ask(printer, dhcpv4.MessageTypeRequest, having(lan), wanted(lan)), Destination{Direct, ip(lan), printer}},
		"the same, broadcast": {ask(printer, dhcpv4.MessageTypeRequest, having(lan), wanted(lan), broadcast), Destination{Via: Broadcast}},
		"renewing, broadcast": {ask(printer, dhcpv4.MessageTypeRequest, having(lan), broadcast), Destination{Via: Routed, IP: ip(lan)}},
		"inform":              {ask(printer, dhcpv4.MessageTypeInform, having("192.168.32.77")), Destination{Via: Routed, IP: ip("192.168.32.77")}},
		"relayed":             {ask(printer, dhcpv4.MessageTypeDiscover, relay), Destination{Via: Relay, IP: ip("192.168.32.2")}},
		"relayed refusal":     {ask(printer, dhcpv4.MessageTypeRequest, relay, having(bad)), Destination{Via: Relay, IP: ip("192.168.32.2")}},
	} {
		out, p := handle(t, s, t0, tc.msg)
		if p == nil || out.To != tc.want {
			t.Errorf("%s: %+v (%s), want %+v", name, out.To, out.Reason, tc.want)
		}
		if name == "relayed refusal" && !p.IsBroadcast() {
			t.Error("a relayed NAK lacks the broadcast bit")
		}
	}
}

func TestRequestedOptions(t *testing.T) {
	s := newServer(t, home())
	codes := func(list string) []int {
		_, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, opt(55, list), opt(61, "\xff any id")))
		var c []int
		for code := range p.Options {
			c = append(c, int(code))
		}
		slices.Sort(c)
		return c
	}
	if got, want := codes("\x03\x06"), []int{1, 3, 6, 51, 53, 54, 58, 59, 61}; !slices.Equal(got, want) {
		t.Errorf("asked for 3 and 6: %v, want %v", got, want)
	}
	if got, want := codes("\x2a\x1c\x0f\x0c\x11"), []int{1, 15, 28, 42, 51, 53, 54, 58, 59, 61}; !slices.Equal(got, want) {
		t.Errorf("asked for 42, 28, 15, 12 and 17: %v, want %v", got, want)
	}
}

func TestRelayOptionComesBackLast(t *testing.T) {
	s := newServer(t, home())
	relay := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = ip("192.168.32.2").AsSlice() }
	out, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, relay, opt(82, "\x01\x04port")))
	if string(p.Options[82]) != "\x01\x04port" || !strings.Contains(string(out.Reply), "\x52\x06\x01\x04port\xff") {
		t.Errorf("option 82 is %q", p.Options[82])
	}
	// A switch that is no relay agent gets it back in all replies (RFC 3046 2.2), and it is not believed.
	for want, msg := range map[packet.MessageType][]byte{
		packet.Offer: ask(visitor, dhcpv4.MessageTypeDiscover, opt(82, "\x01\x04port")),
		packet.NAK:   ask(visitor, dhcpv4.MessageTypeRequest, wanted("198.51.100.7"), opt(82, "\x01\x04port")),
		packet.ACK:   ask(visitor, dhcpv4.MessageTypeInform, having("192.168.32.77"), opt(82, "\x01\x04port")),
	} {
		if out, p := handle(t, s, t0, msg); out.ReplyType != want || string(p.Options[82]) != "\x01\x04port" || !strings.HasSuffix(strings.TrimRight(string(out.Reply), "\x00"), "\x52\x06\x01\x04port\xff") {
			t.Errorf("%s, where %s is wanted: option 82 is %q", out.ReplyType, want, p.Options[82])
		}
	}
}

// TestSizes: a reply is never longer than what the client takes, and what cannot
// be sent is said.
func TestSizes(t *testing.T) {
	conf := home()
	conf.Subnets[0].DNS = slices.Repeat([]netip.Addr{ip("192.0.2.53")}, 16)
	n := conf.Hosts[2].Netboot
	n.RootPath = strings.Repeat("r", 255)
	n.Initiator = strings.Repeat("i", 223)
	n.Script = "http://" + strings.Repeat("s", 200)
	s := newServer(t, conf)
	relay := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = ip("192.168.32.2").AsSlice() }
	long := strings.Repeat("x", 255)
	for size, want := range map[string]int{"": 548, "\x02\x40": 548, "\x00\x00": 548, "\x03\x00": 740, "\x05\xc0": 1444, "\xff\xff": 1472} {
		mods := []dhcpv4.Modifier{opt(175, "\xb1\x01\x01"), opt(61, long), opt(82, long), relay}
		if size != "" {
			mods = append(mods, opt(57, size))
		}
		out, _ := handle(t, s, t0, ask(web1, dhcpv4.MessageTypeDiscover, mods...))
		if len(out.Reply) > want || len(out.Reply) < want-257 || !strings.Contains(out.Reason, "left out") {
			t.Errorf("size %x: %d bytes, %s", size, len(out.Reply), out.Reason)
		}
	}
}

// TestPoolMayCoverEverything: what is somebody's own is left out of it.
func TestPoolMayCoverEverything(t *testing.T) {
	conf := home()
	sub := &conf.Subnets[0]
	sub.Router, sub.DNS, sub.NTP = ip("192.168.32.2"), []netip.Addr{ip("192.168.32.3")}, []netip.Addr{ip("192.168.32.4")}
	sub.Pool = []lease.Range{{First: ip("192.168.32.0"), Last: ip("192.168.32.255")}}
	sub.Exclude = []lease.Range{{First: ip("192.168.32.200"), Last: ip("192.168.32.209")}}
	conf.Hosts = append(conf.Hosts, Host{Name: "quiet", Addrs: []netip.Addr{ip("192.168.32.5")}})
	s := newServer(t, conf)
	given := map[netip.Addr]bool{}
	for i := range 300 {
		out, _ := handle(t, s, t0, ask(lease.MAC{0, 0, 0x5e, 1, byte(i >> 8), byte(i)}, dhcpv4.MessageTypeDiscover))
		given[out.Addr] = true
	}
	for _, a := range []string{"0", "1", "2", "3", "4", "5", "10", "11", "20", "200", "209", "255"} {
		if given[ip("192.168.32."+a)] {
			t.Errorf("192.168.32.%s was offered", a)
		}
	}
	if n := len(given); n != 256-10-10 {
		t.Errorf("%d addresses were offered", n)
	}
}

func TestLeaseTimeWishes(t *testing.T) {
	s := newServer(t, home())
	for wish, want := range map[string]time.Duration{
		"\x00\x00\x0e\x10": time.Hour, "\x00\x00\x00\x01": MinLeaseTime, "\xff\xff\xff\xff": 12 * time.Hour, "\x00": 12 * time.Hour, "\x00\x00\x00\x00": 12 * time.Hour,
	} {
		_, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, opt(51, wish)))
		if got := p.IPAddressLeaseTime(0); got != want {
			t.Errorf("asked for %x: %s, want %s", wish, got, want)
		}
	}
}

func TestConfigRoundTrip(t *testing.T) {
	for _, conf := range []Config{home(), campus(), everything(), bootable()} {
		b, err := json.Marshal(conf)
		if err != nil {
			t.Fatal(err)
		}
		var again Config
		if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(conf, again) {
			t.Errorf("%v\n%+v\nwant\n%+v", err, again, conf)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for _, tc := range []struct {
		want   string
		change func(*Config)
	}{
		{"no subnet to serve", func(c *Config) { c.Subnets = nil }},
		{"no subnet to serve on a link", func(c *Config) { c.Subnets[0].Relayed, c.Subnets[0].Interface = true, "" }},
		{"subnet lan: it is relayed and on interface eth1", func(c *Config) { c.Subnets[0].Relayed = true }},
		{"subnet lan: route to 10.0.0.0/8: router 192.0.2.1 is not in", func(c *Config) {
			c.Subnets[0].Routes = []option.Route{{To: netip.MustParsePrefix("10.0.0.0/8"), Via: ip("192.0.2.1")}}
		}},
		{"subnet lan: route to 10.1.0.0/8: want", func(c *Config) { c.Subnets[0].Routes = []option.Route{{To: netip.MustParsePrefix("10.1.0.0/8")}} }},
		{"subnet lan: domain \"a..b\"", func(c *Config) { c.Subnets[0].Search = []string{"a..b"} }},
		{"subnet lan: MTU 67", func(c *Config) { c.Subnets[0].MTU = 67 }},
		{"subnet lan: captive portal \"a b\"", func(c *Config) { c.Subnets[0].CaptivePortal = "a b" }},
		{"subnet lan: IPv6-only wait 1s", func(c *Config) { c.Subnets[0].IPv6OnlyWait = time.Second }},
		{"subnet lan: probe for 1m0s", func(c *Config) { c.Subnets[0].Probe = time.Minute }},
		{"subnet lan: option 53 is the server's own", func(c *Config) { c.Subnets[0].Options = []Option{{Code: 53}} }},
		{"subnet lan: option 6 is there twice", func(c *Config) { c.Subnets[0].Options = []Option{{Code: 6}, {Code: 6}} }},
		{"host laptop: option 43 is 1025 bytes long", func(c *Config) { c.Hosts[4].Options = []Option{{Code: 43, Data: make([]byte, 1025)}} }},
		{"host laptop: lease time 1s", func(c *Config) { c.Hosts[4].LeaseTime = time.Second }},
		{"host laptop: lease time 720h1m0s: want whole seconds from 2m0s to 720h0m0s", func(c *Config) { c.Hosts[4].LeaseTime = MaxLeaseTime + time.Minute }},
		{"subnet lan: excluded ::1-::1: want IPv4", func(c *Config) { c.Subnets[0].Exclude = []lease.Range{{First: ip("::1"), Last: ip("::1")}} }},
		{"subnet lan: excluded 192.168.32.9-192.168.32.1: want", func(c *Config) {
			c.Subnets[0].Exclude = []lease.Range{{First: ip("192.168.32.9"), Last: ip("192.168.32.1")}}
		}},
		{"host laptop: router 198.51.100.1 is in no subnet", func(c *Config) { c.Hosts[4].Router = ip("198.51.100.1") }},
		{"host laptop: router 192.168.32.2, and none", func(c *Config) { c.Hosts[4].Router, c.Hosts[4].NoRouter = ip("192.168.32.2"), true }},
		{"host laptop: port /: want", func(c *Config) { c.Hosts[4].Ports = []Port{{}} }},
		{"host laptop: port 61/ is also web1's", func(c *Config) {
			c.Hosts[2].Ports = []Port{{Circuit: []byte("a")}}
			c.Hosts[4].Ports = []Port{{Circuit: []byte("a")}}
		}},
		{"root path \"iscsi:192.168.32.10\": want iscsi:", func(c *Config) { c.Hosts[2].Netboot.RootPath = "iscsi:192.168.32.10" }},
		{"LUN \"x\": want hex", func(c *Config) { c.Hosts[2].Netboot.RootPath = "iscsi:192.168.32.10:::x:iqn.2011-03.example:a" }},
		{"protocol \"17\": want 6", func(c *Config) { c.Hosts[2].Netboot.RootPath2 = "iscsi:[2001:db8::1]:17:::iqn.2011-03.example:a" }},
		{"port \"iscsi\": want a number", func(c *Config) { c.Hosts[2].Netboot.RootPath = "iscsi:store::iscsi::iqn.2011-03.example:a" }},
		{"file for ARM32 UEFI \"a b\"", func(c *Config) { c.Hosts[2].Netboot.Files = map[Arch]string{ArchUEFIARM32: "a b"} }},
		{"subnet lan: no interface", func(c *Config) { c.Subnets[0].Interface = "" }},
		{"subnet lan: prefix 192.168.32.1/24", func(c *Config) { c.Subnets[0].Prefix = netip.MustParsePrefix("192.168.32.1/24") }},
		{"subnet lan: our address 192.168.33.1 is not in", func(c *Config) { c.Subnets[0].Address = ip("192.168.33.1") }},
		{"subnet lan: router 192.168.33.1 is not in", func(c *Config) { c.Subnets[0].Router = ip("192.168.33.1") }},
		{"subnet lan: 17 servers", func(c *Config) { c.Subnets[0].NTP = make([]netip.Addr, 17) }},
		{"subnet lan: pool 192.168.33.1-", func(c *Config) { c.Subnets[0].Pool[0].First = ip("192.168.33.1") }},
		{"subnet lan: pool 192.168.32.200-", func(c *Config) { c.Subnets[0].Pool[0].First = ip("192.168.32.200") }},
		{"subnet lan: lease time 1s", func(c *Config) { c.Subnets[0].LeaseTime = time.Second }},
		{"subnet lan: domain \"a..b\"", func(c *Config) { c.Subnets[0].Domain = "a..b" }},
		{"subnets lan and lan2 are both on eth1", func(c *Config) { s := c.Subnets[0]; s.Name = "lan2"; c.Subnets = append(c.Subnets, s) }},
		{"subnets lan and lan2 overlap", func(c *Config) { s := c.Subnets[0]; s.Name = "lan2"; c.Subnets = append(c.Subnets, s) }},
		{"host a.b: the name", func(c *Config) { c.Hosts[1].Name = "a.b" }},
		{"card 01:00:5e:00:53:01", func(c *Config) { c.Hosts[1].MACs[0] = mac("01:00:5e:00:53:01") }},
		{"host laptop: card 00:16:3e:20:00:11 is also web1's", func(c *Config) { c.Hosts[4].MACs = []lease.MAC{web1} }},
		{"192.168.32.11 is reserved twice", func(c *Config) { c.Hosts[4].Addrs = []netip.Addr{ip("192.168.32.11")} }},
		{"host laptop: 192.168.32.1 cannot be a client's", func(c *Config) { c.Hosts[4].Addrs = []netip.Addr{ip("192.168.32.1")} }},
		{"host laptop: 192.168.32.255 cannot be a client's", func(c *Config) { c.Hosts[4].Addrs = []netip.Addr{ip("192.168.32.255")} }},
		{"root path is 256 bytes long, clients take 255", func(c *Config) { c.Hosts[2].Netboot.RootPath = strings.Repeat("x", 256) }},
		{"BIOS file \"a b\": want printable", func(c *Config) { c.Hosts[2].Netboot.BIOS = "a b" }},
		{"boot server 2001:db8::1", func(c *Config) { c.Hosts[2].Netboot.Server = ip("2001:db8::1") }},
	} {
		conf := home()
		tc.change(&conf)
		if _, err := New(conf); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want one with %q", err, tc.want)
		}
	}
}
