package run

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dns"
	dnsrun "github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// published is the file as the DNS service reads it.
type published struct {
	*stationfile.Follower
	temporary bool
}

// Poll implements dnsrun.Stations.
func (p published) Poll() (all []zone.Station, changed bool, err error) {
	list, changed, err := p.Follower.Poll()
	for _, s := range list {
		if s.Current && (p.temporary || s.Kind != stations.Other) {
			all = append(all, zone.Station{Addr: s.Addr, Client: s.MAC.String()})
		}
	}
	return all, changed, err
}

// A house is a router with names, and two hosts that make their addresses.
type house struct {
	*router
	eui64, private *testnet.Namespace // how they make them; both make temporary ones too
}

func newHouse(t *testing.T) *house {
	testnet.Need(t, "dig", "bind9-dnsutils")
	box := testnet.New(t, "router")
	box.Sysctl("ipv6.conf.all.forwarding", "1")
	box.Sysctl("ipv6.conf.default.dad_transmits", "0")
	box.Bridge("lan0")
	h := &house{router: newRouter(t, box), eui64: testnet.New(t, "eui64"), private: testnet.New(t, "private")}
	for mode, n := range map[string]*testnet.Namespace{"0": h.eui64, "3": h.private} {
		n.Sysctl("ipv6.conf.default.dad_transmits", "0")
		n.Sysctl("ipv6.conf.default.use_tempaddr", "2")
		box.Plug("lan0", n, "eth0")
		n.Run("ip", "link", "set", "eth0", "down") // for it has a link-local address by now
		n.Sysctl("ipv6.conf.eth0.addr_gen_mode", mode)
		n.Sysctl("ipv6.conf.eth0.use_tempaddr", "2")
		n.Run("ip", "link", "set", "eth0", "up")
	}
	box.AddAddr("lan0", "192.168.32.1/24")
	box.Run("ip", "addr", "add", "2001:db8:1::1/64", "dev", "lan0")
	h.eui64.AddAddr("eth0", "192.168.32.50/24")
	return h
}

// serveNames answers with the names of the hosts, and of what is published of them.
func (h *house) serveNames(temporary bool) (end func()) {
	h.t.Helper()
	dir := filepath.Join(h.dir, "state")
	conf := dns.Config{
		Links: []string{"lan0"}, Stations: dir, Temporary: temporary,
		House: zone.Config{
			Domain: "home.example", Router: zone.Host{Name: "gate", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.1")}},
			Hosts: []zone.Host{
				{Name: "web", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.50")}, Clients: []string{h.eui64.MAC("eth0").String()}},
				{Name: "phone", Clients: []string{h.private.MAC("eth0").String()}},
			},
			Networks: []netip.Prefix{
				netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("2001:db8:2::/64"),
			},
		},
		Upstream: servers.Config{Servers: []servers.Server{{Address: netip.MustParseAddr("192.0.2.53"), Kind: servers.Plain}}},
	}
	var s *dnsrun.Service
	err := h.net.Do(func() (err error) {
		s, err = dnsrun.Open(conf, dnsrun.Options{Log: slog.New(slog.DiscardHandler), Stations: func(dir string, temporary bool) dnsrun.Stations {
			return published{stationfile.Follow(dir), temporary}
		}})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() {
		ended <- s.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	<-ready
	return func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	}
}

// made returns the addresses in a network that a host has made: the temporary one, and the other.
func (h *house) made(host *testnet.Namespace, network string) (temporary, kept string) {
	h.t.Helper()
	testnet.Eventually(h.t, 20*time.Second, "a host has addresses in "+network, func() bool {
		text := host.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global", "-tentative")
		temporary, kept = "", ""
		for _, m := range regexp.MustCompile(`inet6 (\S+)/64 scope global (temporary )?`).FindAllStringSubmatch(text, -1) {
			switch {
			case !strings.HasPrefix(m[1], network):
			case m[2] == "":
				kept = m[1]
			default:
				temporary = m[1]
			}
		}
		return temporary != "" && kept != ""
	})
	return temporary, kept
}

// dig asks for the records of a name, or with "-x" of an address.
func (h *house) dig(question ...string) []string {
	h.t.Helper()
	all := strings.Fields(h.eui64.Run("dig", append([]string{"+short", "+tries=4", "+time=5", "@192.168.32.1"}, question...)...))
	slices.Sort(all)
	return all
}

// answers waits until there is an answer.
func (h *house) answers(question, want []string) {
	h.t.Helper()
	slices.Sort(want)
	var got []string
	defer func() {
		if h.t.Failed() {
			h.t.Logf("%v: %v, want %v", question, got, want)
		}
	}()
	testnet.Eventually(h.t, 30*time.Second, fmt.Sprintf("%v is %v", question, want), func() bool {
		got = h.dig(question...)
		return slices.Equal(got, want)
	})
}

// speak has a host speak to the router from some of its addresses.
func speak(host *testnet.Namespace, from ...string) {
	for _, a := range from {
		host.Run("ping", "-6", "-c1", "-w20", "-I", a, "2001:db8:1::1")
	}
}

// TestStations: the address with the hardware address in it has the name of its host, and follows it to
// another prefix; temporary ones have none, unless all are to have one.
func TestStations(t *testing.T) {
	h := newHouse(t)
	h.start(link(prefix("2001:db8:1::/64")))
	end := h.serveNames(false)
	temporary, kept := h.made(h.eui64, "2001:db8:1:")
	temporary2, kept2 := h.made(h.private, "2001:db8:1:")
	speak(h.eui64, temporary)
	speak(h.private, temporary2, kept2)
	began := time.Now()
	speak(h.eui64, kept)
	h.answers([]string{"web.home.example", "AAAA"}, []string{kept})
	t.Logf("%s has its name after %s", kept, time.Since(began).Round(time.Millisecond))
	h.answers([]string{"-x", kept}, []string{"web.home.example."})

	known := func() (all []stationfile.Station) {
		if err := control.Call(t.Context(), h.dir, "radvd", "stations", nil, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	testnet.Eventually(t, 20*time.Second, "all addresses are known", func() bool { return len(known()) == 4 })
	for _, s := range known() {
		want := stations.Other
		if s.Addr.String() == kept {
			want = stations.EUI64
		}
		if s.Kind != want || !s.Current || s.Network != "home" {
			t.Errorf("%+v: want %s", s, want)
		}
	}
	for _, a := range []string{temporary, temporary2, kept2} {
		if got := h.dig("-x", a); len(got) > 0 {
			t.Errorf("%s has the name %s", a, got)
		}
	}

	// Another prefix, and the one from before has no names at once.
	h.net.Run("ip", "addr", "add", "2001:db8:2::1/64", "dev", "lan0")
	h.reconfigure(link(prefix("2001:db8:2::/64")))
	h.answers([]string{"web.home.example", "AAAA"}, nil)
	_, moved := h.made(h.eui64, "2001:db8:2:")
	speak(h.eui64, moved)
	h.answers([]string{"web.home.example", "AAAA"}, []string{moved})
	h.answers([]string{"-x", kept}, nil)

	// The service ends, and knows again what it knew.
	h.end(syscall.SIGTERM)
	h.answers([]string{"web.home.example", "AAAA"}, []string{moved})
	h.start(link(prefix("2001:db8:1::/64"), prefix("2001:db8:2::/64")))
	h.answers([]string{"web.home.example", "AAAA"}, []string{kept, moved})
	end()
	defer h.serveNames(true)()
	h.answers([]string{"phone.home.example", "AAAA"}, []string{temporary2, kept2})
	h.answers([]string{"-x", temporary}, []string{"web.home.example."})
}
