package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// upstream6 are the global addresses of the box upstream, with the flags that the kernel shows.
func (h *house) upstream6() (all []string) {
	h.t.Helper()
	for _, m := range upstreamLine.FindAllStringSubmatch(h.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global"), -1) {
		all = append(all, m[1]+" "+strings.TrimSpace(m[2]))
	}
	return all
}

var upstreamLine = regexp.MustCompile(`inet6 (\S+) scope global (.*?)\\`)

// TestRouterUpstream: the provider is a router that has addresses, and no prefixes. Those of the LAN are
// routed.
func TestRouterUpstream(t *testing.T) {
	for _, c := range []struct {
		name  string
		start func(t *testing.T, isp *testnet.Namespace) *testnet.Process
		want  int // addresses
	}{
		{"dnsmasq", func(t *testing.T, isp *testnet.Namespace) *testnet.Process { return wantest.Dnsmasq6(t, isp, "slaac") }, 2},
		{"radvd", func(t *testing.T, isp *testnet.Namespace) *testnet.Process {
			return wantest.Radvd(t, isp, "prefix 2001:db8:5::/64 { }; RDNSS 2001:db8:5::53 { };")
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 1)
			host := h.host(1, "::20")
			c.start(t, h.isp)
			h.start(houseSite{wan: `ipv6 = "auto"`, lan: `ipv6 = "2001:db8:100:1::1/64"`, more: "[dns]\nupstream = \"wan\"\n"})
			has(t, "at first", host, "2001:db8:100:1::20")
			leads(t, "at first", host, true)
			pings(t, "at first", host, outside)
			testnet.Eventually(t, patience, "all addresses upstream are used", func() bool {
				all := h.upstream6()
				return len(all) == c.want && !strings.Contains(strings.Join(all, " "), "tentative")
			})
			for _, a := range h.upstream6() { // somebody else's word
				if strings.Contains(a, "nodad") {
					t.Errorf("nobody was asked about %s", a)
				}
			}
			if out := h.Run("ip", "-6", "addr", "show", "dev", "eth1", "to", "2001:db8:100:1::1"); !strings.Contains(out, "nodad") {
				t.Errorf("others are asked about an address of the site:\n%s", out)
			}
			testnet.Eventually(t, patience, "the provider's resolver is asked", func() bool {
				return strings.Contains(h.gatehouse("dns"), "2001:db8:5::53")
			})
		})
	}
}

// TestDuplicateUpstream: an address that the provider gives and another station has is given back.
func TestDuplicateUpstream(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	h.isp.Run("ip", "-6", "addr", "add", "2001:db8:5::100/64", "dev", "eth0", "nodad")
	wantest.Radvd(t, h.isp, router)
	wantest.Delegators()[0].Start(t, h.isp, wantest.Pool{Prefix: delegated()[0]})
	h.start(byDelegation())
	testnet.Eventually(t, 2*patience, "the box has another address", func() bool {
		all := h.upstream6()
		return len(all) == 1 && !strings.HasPrefix(all[0], "2001:db8:5::100/") && !strings.Contains(all[0], "tentative") &&
			!strings.Contains(all[0], "dadfailed")
	})
	if got := h.prefixes(); !slices.Equal(got, []string{delegated()[0]}) {
		t.Errorf("the prefix is %q", got)
	}
}

// TestWayOutGoesAndComes: hosts have a default route while there is a way out, and again within a second,
// also while everybody may not be told yet (RFC 4861 6.2.6); among themselves they are not touched by it.
func TestWayOutGoesAndComes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2)
	a, b := h.host(1, "::20"), h.host(2, "::20")
	for _, n := range []*testnet.Namespace{a, b} {
		n.Sysctl("ipv6.conf.eth0.accept_ra_rt_info_max_plen", "64")
	}
	upstream := wantest.Radvd(t, h.isp, router)
	wantest.Delegators()[0].Start(t, h.isp, wantest.Pool{Prefix: delegated()[0]})
	s := byDelegation()
	s.more += `[[lan]]
name = "guests"
interface = "eth2"
ipv4 = "192.168.33.1/24"
subnet = 2
[ipv6]
ula = "auto"
[[firewall.allow]]
from = "lan"
to = "guests"
service = "ping"
`
	h.start(s)
	testnet.Eventually(t, patience, "the box has a way out", func() bool { return h.leadsOut() })
	for n, host := range []*testnet.Namespace{a, b} {
		has(t, "at first", host, in(delegated()[0], byte(1+n), "::20"), in(h.ula(), byte(1+n), "::20"))
		leads(t, "at first", host, true)
	}
	pings(t, "at first", a, outside)
	pings(t, "at first", a, in(h.ula(), 2, "::20"))
	for range 2 {
		upstream.Signal(syscall.SIGTERM) // radvd(8) says that it is no router any more
		_ = upstream.Wait(t.Context())
		for _, host := range []*testnet.Namespace{a, b} {
			leads(t, "without a way out", host, false)
		}
		pings(t, "without a way out", a, in(h.ula(), 2, "::20"))
		pings(t, "without a way out", a, in(delegated()[0], 2, "::20"))
		upstream = wantest.Radvd(t, h.isp, router)
		for end := time.Now().Add(patience); !h.leadsOut(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the way out does not come back")
			}
		}
		back := time.Now()
		for !leadsNow(a) || !leadsNow(b) {
			if time.Sleep(10 * time.Millisecond); time.Since(back) > patience {
				t.Fatal("no default route, though the way out is back")
			}
		}
		t.Logf("default routes %v after the way out is back", time.Since(back).Round(time.Millisecond))
		pings(t, "with a way out again", a, outside)
	}
}

// leadsOut reports whether the box has a default route.
func (h *house) leadsOut() bool { return leadsNow(h.Namespace) }

func leadsNow(n *testnet.Namespace) bool {
	out, _ := n.Try("ip", "-6", "route", "show", "default")
	return strings.Contains(out, "default via")
}

// TestTooSmall: of a prefix that is too small for all LANs some have none, which is said.
func TestTooSmall(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2)
	a, b := h.host(1, "::20"), h.host(2, "::20")
	wantest.Radvd(t, h.isp, router)
	wantest.Delegators()[0].Start(t, h.isp, wantest.Pool{Prefix: delegated()[0], Length: 63})
	s := byDelegation()
	s.more += "[[lan]]\nname = \"guests\"\ninterface = \"eth2\"\nipv4 = \"192.168.33.1/24\"\nsubnet = 2\n"
	h.start(s)
	has(t, "at first", a, in(delegated()[0], 1, "::20"))
	want := fmt.Sprintf("! ipv6: %s/63 (delegated) has subnets 0 to 1 only: none for guests (subnet 2)", delegated()[0])
	testnet.Eventually(t, patience, "status says so", func() bool { return strings.Contains(unfolded(h.gatehouse("status")), want) })
	has(t, "without a network", b)
	leads(t, "without a network", b, false)
}
