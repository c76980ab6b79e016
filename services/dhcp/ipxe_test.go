package dhcp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

const (
	secretOfWeb1  = "secret-of-web1"
	secretOfStore = "secret-of-store"
)

// proving is the home site, where the target of web1 wants CHAP.
func proving() Config {
	conf := home()
	conf.Hosts[2].Netboot.CHAP = &CHAP{User: "web1", Secret: secretOfWeb1, TargetUser: "store", TargetSecret: secretOfStore}
	return conf
}

// TestIPXEAlone: what a site says to iPXE goes into one option with what we say, and to nobody else.
func TestIPXEAlone(t *testing.T) {
	const ours = "\xb0\x01\x01"
	option175 := func(value string) []Option { return []Option{{Code: 175, Data: []byte(value), Always: true}} }
	for _, tc := range []struct {
		name       string
		lan, host  []Option
		change     func(*Netboot)
		web1, tour string // what web1 and a visitor hear as iPXE
	}{
		{name: "nothing said", web1: ours},
		{name: "of the host", host: option175("\x12\x01\x00"), web1: "\x12\x01\x00" + ours},
		{name: "of the network", lan: option175("\x12\x01\x00"), web1: "\x12\x01\x00" + ours, tour: "\x12\x01\x00"},
		{name: "of both: the host's counts", lan: option175("\x12\x01\x00\x13\x01\x07"), host: option175("\x12\x01\x01"),
			web1: "\x12\x01\x01\x13\x01\x07" + ours, tour: "\x12\x01\x00\x13\x01\x07"},
		{name: "to wait for a proxy", host: option175("\xb0\x01\x00"), web1: "\xb0\x01\x00"},
		{name: "in install mode", host: option175("\x08\x01\x00\x12\x01\x00"), change: func(n *Netboot) { n.Install = true },
			web1: "\x08\x01\x01\x09\x01\x01\x12\x01\x00" + ours},
		{name: "with CHAP", host: option175("\xbf\x01x\x12\x01\x00"), change: func(n *Netboot) { n.CHAP = &CHAP{User: "u", Secret: "s"} },
			web1: "\xbe\x01u\xbf\x01s\x12\x01\x00" + ours},
		{name: "padded", host: option175("\x00\x12\x01\x00\xff"), web1: "\x12\x01\x00" + ours},
	} {
		t.Run(tc.name, func(t *testing.T) {
			conf := home()
			conf.Subnets[0].Options, conf.Hosts[2].Options = tc.lan, tc.host
			if tc.change != nil {
				tc.change(conf.Hosts[2].Netboot)
			}
			s := newServer(t, conf)
			for card, want := range map[lease.MAC]string{web1: tc.web1, visitor: tc.tour} {
				if _, p := handle(t, s, t0, ask(card, dhcpv4.MessageTypeDiscover, opt(175, ""))); string(p.Options[175]) != want {
					t.Errorf("iPXE on %s is told %x, want %x", card, p.Options[175], want)
				}
				for _, class := range []string{"PXEClient", "HTTPClient", "BRCM ISAN", "U-Boot.armv8", "udhcp"} {
					_, p := handle(t, s, t0, ask(card, dhcpv4.MessageTypeDiscover, opt(60, class), opt(55, "\x01\xaf")))
					if p.Options[175] != nil {
						t.Errorf("%s on %s, which asks for it, is told %x", class, card, p.Options[175])
					}
				}
			}
		})
	}
}

// TestIPXEReadsOneOption: what does not fit is left out, and said.
func TestIPXEReadsOneOption(t *testing.T) {
	conf := home()
	long := "\x20\xc8" + strings.Repeat("x", 200)
	conf.Hosts[2].Options = []Option{{Code: 175, Data: []byte(long + "\x21\x40" + strings.Repeat("y", 64))}}
	out, p := handle(t, newServer(t, conf), t0, ask(web1, dhcpv4.MessageTypeDiscover, opt(175, ""), opt(57, "\x05\xc0")))
	if got := string(p.Options[175]); got != long+"\xb0\x01\x01" || !strings.Contains(out.Reason, "no room in option 175") {
		t.Errorf("told %d bytes, %s", len(got), out.Reason)
	}
}

// TestSecretsGoToTheirHost: whoever else asks, or would hear, is told none of them.
func TestSecretsGoToTheirHost(t *testing.T) {
	conf := proving()
	conf.Hosts[2].Ports = []Port{{Circuit: []byte("ge-7")}}
	port := opt(82, "\x01\x04ge-7")
	relayed := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = ip("192.168.32.1").AsSlice() }
	broadcast := func(p *dhcpv4.DHCPv4) { p.SetBroadcast() }
	for _, tc := range []struct {
		name  string
		card  lease.MAC
		kind  dhcpv4.MessageType
		says  []dhcpv4.Modifier
		told  bool
		cause string
	}{
		{"DISCOVER", web1, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(175, "")}, true, ""},
		{"REQUEST", web1, dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{opt(77, "iPXE"), wanted("192.168.32.11"), from("192.168.32.1")}, true, ""},
		{"renewal", web1, dhcpv4.MessageTypeRequest, []dhcpv4.Modifier{opt(175, ""), having("192.168.32.11")}, false, "says that it has an address"},
		{"by a relay agent on its LAN", web1, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(175, ""), relayed}, false, "through a relay agent"},
		{"another card", visitor, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(175, "")}, false, ""},
		{"another host's card", printer, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(175, "")}, false, ""},
		{"its ROM", web1, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(60, "PXEClient"), opt(55, "\x01\xaf")}, false, ""},
		{"its system", web1, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(55, "\x01\xaf")}, false, ""},
		{"in a broadcast", web1, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(175, ""), broadcast}, false, "not told in a broadcast"},
		{"to wherever an INFORM says", web1, dhcpv4.MessageTypeInform, []dhcpv4.Modifier{opt(175, ""), having("192.168.32.66")}, false, "says that it has an address"},
		{"another card at its port", visitor, dhcpv4.MessageTypeDiscover, []dhcpv4.Modifier{opt(175, ""), relayed, port}, false, "own cards alone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, p := handle(t, newServer(t, conf), t0, ask(tc.card, tc.kind, tc.says...))
			if told := strings.Contains(string(out.Reply), secretOfWeb1) && strings.Contains(string(p.Options[175]), "\xc1\x0f"+secretOfStore); told != tc.told {
				t.Errorf("told: %t", told)
			}
			if !tc.told && strings.Contains(string(out.Reply), "secret") || !strings.Contains(out.Reason, tc.cause) {
				t.Errorf("because %s, told %q", out.Reason, p.Options[175])
			}
			if to := out.To.Via; tc.told && to == Broadcast {
				t.Errorf("the reply goes to everybody")
			}
		})
	}
}

// TestSecretsBehindRelayAgent: where a network is behind one, that is the way to its hosts.
func TestSecretsBehindRelayAgent(t *testing.T) {
	conf := campus()
	conf.Hosts[2].Netboot.CHAP = proving().Hosts[2].Netboot.CHAP
	behind := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = ip("192.168.40.1").AsSlice() }
	out, _ := handle(t, newServer(t, conf), t0, ask(web1, dhcpv4.MessageTypeDiscover, opt(175, ""), behind))
	if strings.Contains(string(out.Reply), secretOfWeb1) || !strings.Contains(out.Reason, "has an address of its own") {
		t.Errorf("it is told elsewhere than at home: %s", out.Reason)
	}
	conf.Hosts[2].Addrs = append(conf.Hosts[2].Addrs, ip("192.168.40.11"))
	out, _ = handle(t, newServer(t, conf), t0, ask(web1, dhcpv4.MessageTypeDiscover, opt(175, ""), behind))
	if !strings.Contains(string(out.Reply), secretOfWeb1) || out.To.Via != Relay {
		t.Errorf("%s: %s", out.To.Via, out.Reason)
	}
}

// TestSecretsAreNotShown: nothing but the reply itself has them.
func TestSecretsAreNotShown(t *testing.T) {
	conf := proving()
	all, err := conf.Preview("web1")
	if err != nil {
		t.Fatal(err)
	}
	out, _ := handle(t, newServer(t, conf), t0, ask(web1, dhcpv4.MessageTypeDiscover, opt(175, "\xbf\x0e"+secretOfWeb1)))
	if !strings.Contains(string(out.Reply), secretOfWeb1) {
		t.Fatal("it is not told")
	}
	shown := fmt.Sprintf("%+v %q %q %q %q %q", all, out.Says, out.Told, out.Reason, DescribeOptions(out.Told), Describe(out.Reply))
	if strings.Contains(shown, "secret-of") || strings.Count(shown, `190="web1" 191="(secret)" 192="store" 193="(secret)"`) != 1 {
		t.Errorf("shown is %s", shown)
	}
}

// TestDisplaced: no option of a site is lost without a word.
func TestDisplaced(t *testing.T) {
	conf := bootable()
	mine := func(code uint8) Option { return Option{Code: code, Data: []byte("mine"), Always: true} }
	conf.Subnets[0].Options = []Option{mine(66), mine(67)}
	conf.Hosts[2].Options = []Option{mine(43), mine(60), mine(17)}
	s := newServer(t, conf)
	for class, want := range map[string]string{
		"PXEClient":  "its boot stage has its own in place of options [66 67]",
		"HTTPClient": "its boot stage has its own in place of options [60 67]",
		"BRCM ISAN":  "its boot stage has its own in place of options [43 60 17]",
		"udhcp":      "its boot stage has its own in place of options [17]",
	} {
		says := []dhcpv4.Modifier{opt(60, class)}
		if class == "HTTPClient" {
			says = append(says, opt(93, "\x00\x10"))
		}
		out, _ := handle(t, s, t0, ask(web1, dhcpv4.MessageTypeDiscover, says...))
		if !strings.HasSuffix(out.Reason, want) {
			t.Errorf("%s: %s, want %s", class, out.Reason, want)
		}
		if out, _ := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, says...)); strings.Contains(out.Reason, "stage") {
			t.Errorf("%s of a visitor: %s", class, out.Reason)
		}
	}
}

// TestBadCHAP: what could not be told is refused, without a secret in the words.
func TestBadCHAP(t *testing.T) {
	for want, c := range map[string]CHAP{
		"want a name and a secret":             {User: "u"},
		"or both twice":                        {User: "u", Secret: "s", TargetUser: "t"},
		"have the same secret":                 {User: "u", Secret: "secret-of", TargetUser: "t", TargetSecret: "secret-of"},
		"printable ASCII without spaces":       {User: "u", Secret: "secret-of all"},
		"do not fit into an option of 255":     {User: strings.Repeat("u", 200), Secret: "secret-of" + strings.Repeat("s", 60)},
		"host web1: CHAP: want a name and a s": {},
	} {
		conf := home()
		conf.Hosts[2].Netboot.CHAP = &c
		if err := conf.Check(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-of") {
			t.Errorf("%q: %v", want, err)
		}
	}
	conf := home()
	conf.Hosts[2].Options = []Option{{Code: 175, Data: []byte("\x12\x02\x00")}}
	if err := conf.Check(); err == nil || !strings.Contains(err.Error(), "option 175 is to be options within it") {
		t.Errorf("175 that is cut short: %v", err)
	}
}
