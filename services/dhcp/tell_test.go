package dhcp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// everything is the home site with every kind of option in it.
func everything() Config {
	conf := home()
	sub := &conf.Subnets[0]
	sub.Routes = []option.Route{{To: netip.MustParsePrefix("10.0.0.0/8"), Via: ip("192.168.32.2")}, {To: netip.MustParsePrefix("198.51.100.0/25")}}
	sub.Search = []string{"home.example", "example"}
	sub.MTU = 1400
	sub.CaptivePortal = "https://portal.home.example/api"
	sub.IPv6OnlyWait = 30 * time.Minute
	sub.Options = []Option{{Code: 6, Data: []byte{192, 0, 2, 54}}, {Code: 66, Data: []byte("tftp.home.example")}, {Code: 224, Data: []byte{1}, Always: true}}
	conf.Hosts[3].Options = []Option{{Code: 66, Data: []byte("print.home.example")}, {Code: 42, Data: []byte{192, 0, 2, 124}}, {Code: 19}}
	conf.Hosts[3].LeaseTime = 48 * time.Hour
	conf.Hosts[4].NoRouter = true
	return conf
}

// TestOptions: what is told to whom, by what the client asks for.
func TestOptions(t *testing.T) {
	const ask3, all = "\x01\x03\x79", "\x01\x03\x06\x0f\x13\x1a\x2a\x42\x6c\x72\x77\x79\xe0"
	for _, tc := range []struct {
		name string
		card lease.MAC
		list string // option 55; empty: none is sent
		want string
	}{
		{"a visitor", visitor, all, `3 router 192.168.32.1 | 6 dns-server 192.0.2.54 | 15 domain-name "home.example" | 26 mtu 1400 | 42 ntp-server 192.0.2.123 |
			66 tftp-server "tftp.home.example" | 108 ipv6-only 1800 | 114 captive-portal "https://portal.home.example/api" |
			119 domain-search home.example,example | 121 classless-static-route 10.0.0.0/8 via 192.168.32.2, 198.51.100.0/25, 0.0.0.0/0 via 192.168.32.1 | 224 01`},
		{"who asks for little", visitor, "\x03", `3 router 192.168.32.1 | 224 01`},
		{"who does not say what", visitor, "", `3 router 192.168.32.1 | 6 dns-server 192.0.2.54 | 15 domain-name "home.example" | 26 mtu 1400 | 28 broadcast 192.168.32.255 | 42 ntp-server 192.0.2.123 |
			66 tftp-server "tftp.home.example" | 114 captive-portal "https://portal.home.example/api" |
			119 domain-search home.example,example | 121 classless-static-route 10.0.0.0/8 via 192.168.32.2, 198.51.100.0/25, 0.0.0.0/0 via 192.168.32.1 | 224 01`},
		{"a host with its own", printer, all, `3 router 192.168.32.1 | 6 dns-server 192.0.2.54 | 15 domain-name "home.example" | 19 ip-forward-enable | 26 mtu 1400 | 42 ntp-server 192.0.2.124 |
			66 tftp-server "print.home.example" | 108 ipv6-only 1800 | 114 captive-portal "https://portal.home.example/api" |
			119 domain-search home.example,example | 121 classless-static-route 10.0.0.0/8 via 192.168.32.2, 198.51.100.0/25, 0.0.0.0/0 via 192.168.32.1 | 224 01`},
		{"a host without a way out", laptop, ask3, `121 classless-static-route 10.0.0.0/8 via 192.168.32.2, 198.51.100.0/25 | 224 01`},
	} {
		mods := []dhcpv4.Modifier{opt(57, "\x05\xc0")}
		if tc.list != "" {
			mods = append(mods, opt(55, tc.list))
		}
		out, _ := handle(t, newServer(t, everything()), t0, ask(tc.card, dhcpv4.MessageTypeDiscover, mods...))
		lines := slices.DeleteFunc(Describe(out.Reply), func(l string) bool {
			return slices.ContainsFunc([]string{"53 ", "54 ", "1 ", "51 ", "58 ", "59 ", "12 "}, func(p string) bool { return strings.HasPrefix(l, p) })
		})
		slices.SortFunc(lines, func(a, b string) int {
			var m, n int
			fmt.Sscan(a, &m)
			fmt.Sscan(b, &n)
			return m - n
		})
		got, want := strings.Join(lines, " | "), strings.Join(strings.Fields(tc.want), " ")
		if got != want {
			t.Errorf("%s is told\n%s\nwant\n%s", tc.name, got, want)
		}
	}
	// A library of another author reads the same.
	_, p := handle(t, newServer(t, everything()), t0, ask(visitor, dhcpv4.MessageTypeDiscover, opt(55, all)))
	if got := fmt.Sprint(p.ClasslessStaticRoute()); !strings.Contains(got, "10.0.0.0/8") || !strings.Contains(got, "0.0.0.0/0") {
		t.Errorf("routes %s", got)
	}
	if got := p.DomainSearch(); got == nil || !slices.Equal(got.Labels, []string{"home.example", "example"}) {
		t.Errorf("search list %v", got)
	}
	if n, err := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, p.Options); err != nil || n != 1400 {
		t.Errorf("MTU %d, %v", n, err)
	}
}

// TestRouterOfAHost: its way out is its own, with and without routes of the subnet.
func TestRouterOfAHost(t *testing.T) {
	conf := home()
	conf.Hosts[4].Router = ip("192.168.32.3")
	told := func(card lease.MAC) string {
		_, p := handle(t, newServer(t, conf), t0, ask(card, dhcpv4.MessageTypeDiscover))
		return fmt.Sprint(p.Router(), p.ClasslessStaticRoute())
	}
	if got := told(laptop); got != "[192.168.32.3] []" {
		t.Errorf("without routes: %s", got)
	}
	conf.Subnets[0].Routes = []option.Route{{To: netip.MustParsePrefix("10.0.0.0/8"), Via: ip("192.168.32.2")}}
	if got := told(laptop); got != "[192.168.32.3] [route to 10.0.0.0/8 via 192.168.32.2 route to 0.0.0.0/0 via 192.168.32.3]" {
		t.Errorf("with routes: %s", got)
	}
	if got := told(visitor); got != "[192.168.32.1] [route to 10.0.0.0/8 via 192.168.32.2 route to 0.0.0.0/0 via 192.168.32.1]" {
		t.Errorf("others: %s", got)
	}
	conf.Subnets[0].Options = []Option{{Code: 3, Data: []byte{192, 168, 32, 9}}}
	if got := told(laptop); !strings.HasPrefix(got, "[192.168.32.3]") {
		t.Errorf("beside an option: %s", got)
	}
	conf.Subnets[0].Pool = []lease.Range{{First: ip("192.168.32.3"), Last: ip("192.168.32.4")}}
	if a := dora(t, newServer(t, conf), t0, visitor); a != ip("192.168.32.4") {
		t.Errorf("a client got %s, the address of a router", a)
	}
}

// TestOwnRouteOut: a default route among the routes takes the place of the router's.
func TestOwnRouteOut(t *testing.T) {
	conf := home()
	conf.Subnets[0].Routes = []option.Route{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: ip("192.168.32.9")}}
	_, p := handle(t, newServer(t, conf), t0, ask(visitor, dhcpv4.MessageTypeDiscover))
	if got := string(p.Options[121]); got != "\x00\xc0\xa8\x20\x09" {
		t.Errorf("%x", got)
	}
}

// TestNetbootGoesBeforeOptions: a number in the site does not break a boot stage.
func TestNetbootGoesBeforeOptions(t *testing.T) {
	conf := home()
	conf.Hosts[2].Options = []Option{{Code: 67, Data: []byte("other")}, {Code: 17, Data: []byte("nfs:other")}}
	s := newServer(t, conf)
	_, p := handle(t, s, t0, ask(web1, dhcpv4.MessageTypeDiscover, opt(60, "PXEClient")))
	if p.BootFileName != "undionly.kpxe" || p.BootFileNameOption() != "undionly.kpxe" {
		t.Errorf("file %q, option 67 %q", p.BootFileName, p.BootFileNameOption())
	}
	if _, p := handle(t, s, t0, ask(web1, dhcpv4.MessageTypeDiscover)); p.RootPath() != conf.Hosts[2].Netboot.RootPath || p.BootFileNameOption() != "other" {
		t.Errorf("root path %q, option 67 %q", p.RootPath(), p.BootFileNameOption())
	}
}

func TestLeaseTimeOfAHost(t *testing.T) {
	s := newServer(t, everything())
	out, p := handle(t, s, t0, ask(printer, dhcpv4.MessageTypeRequest, wanted("192.168.32.20"), from("192.168.32.1")))
	if p.IPAddressLeaseTime(0) != 48*time.Hour || !out.Records[0].Until.Equal(t0.Add(48*time.Hour)) || out.Life != 48*time.Hour {
		t.Errorf("%s %v", p.IPAddressLeaseTime(0), out.Records)
	}
}
