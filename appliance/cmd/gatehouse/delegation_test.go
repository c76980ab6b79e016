package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// router is what radvd of a provider says who has addresses and prefixes by DHCPv6.
const router = "AdvManagedFlag on; AdvOtherConfigFlag on;"

// byDelegation is a house whose LAN is the first subnet of what the provider delegates, with a host in it.
func byDelegation() houseSite {
	return houseSite{
		wan: "ipv6 = \"auto\"\ndelegation = 56", lan: "subnet = 1",
		more: `[[firewall.allow]]
from = "wan"
to = "web"
service = "http"
[[firewall.forward]]
port = 443
to = "web"
`, hosts: "192.168.32.20 web\n::20 web\n",
	}
}

// TestDelegation: the LAN has its network of the prefix that a provider delegates, and follows it: hosts,
// names and rules.
func TestDelegation(t *testing.T) {
	for _, d := range wantest.Delegators() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 1)
			web := h.host(1, "::20")
			serves(t, web, 80, 81, 443)
			wantest.Radvd(t, h.isp, router)
			server := h.delegates(d, nil, wantest.Pool{Prefix: delegated()[0]})
			h.start(byDelegation())
			other := h.dhcpcd
			if !d.TakesBack {
				other = h.networkd
			}
			first := h.prefix("obtained", delegated()[0])
			h.follows("obtained", web, in(first, 1, "::20"))
			resolver := other()
			resolver("obtained", in(first, 1, "::1"))

			h.staysIn("renewed", func() {
				h.gatehouse("wan", "renew")
				h.says("msg=updated6 cause=extended", 1)
			})
			h.staysIn("the client is started again", func() {
				h.kill("wan")
				h.says("msg=router6", 2)
				h.says("msg=bound6", 2)
			})

			server = h.delegates(d, server, wantest.Pool{Prefix: delegated()[1]})
			h.renews("another one is there", func() bool { return !slices.Equal(h.prefixes(), []string{first}) })
			second := h.prefix("changed", delegated()[1])
			h.follows("changed", web, in(second, 1, "::20"), "-"+in(first, 1, "::20"))
			resolver("changed", in(second, 1, "::1"))
			for _, port := range []int{80, 443} {
				if dials(h.isp, in(first, 1, "::20"), port) {
					t.Errorf("changed: port %d is open at the old address", port)
				}
			}

			// What there is holds to its end, if it is not taken back.
			server = h.delegates(d, server, wantest.Pool{Prefix: delegated()[1], Valid: 40 * time.Second})
			h.renews("it holds for less", func() bool { return strings.Contains(h.gatehouse("log", "-n", "20", "wan"), "/56 for another 40s") })
			h.delegates(d, server, wantest.Pool{})
			h.renews("it is withdrawn", func() bool { return len(h.prefixes()) == 0 })
			has(t, "withdrawn", web, "-"+in(first, 1, "::20"), "-"+in(second, 1, "::20"))
			leads(t, "withdrawn", web, false)
		})
	}
}

// dhcpcd has a host with dhcpcd(8), which does without the kernel; what it returns waits until that has a
// resolver, an address of its network and a way out.
func (h *house) dhcpcd() func(when, resolver string) {
	h.t.Helper()
	host, dir := h.host(1, ""), h.t.TempDir()
	for name, text := range map[string]string{
		"conf": "slaac hwaddr\n", "script": "#!/bin/sh\n[ $reason != ROUTERADVERT ] || env | sort >" + dir + "/env\n", // the last
	} {
		if err := testnet.WriteProgram(filepath.Join(dir, name), []byte(text)); err != nil {
			h.t.Fatal(err)
		}
	}
	host.Alone(dir, testnet.Need(h.t, "dhcpcd", "dhcpcd-base"), "-B", "-6", "-f", dir+"/conf", "-c", dir+"/script", "eth0")
	return func(when, resolver string) {
		h.t.Helper()
		h.client("dhcpcd "+when, host, resolver, func() string {
			env, _ := os.ReadFile(dir + "/env")
			return string(env)
		})
	}
}

// networkd is the same with that of systemd.
func (h *house) networkd() func(when, resolver string) {
	h.t.Helper()
	host := h.host(1, "")
	d := host.Networkd(h.t.TempDir(), "eth0", "[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\n")
	return func(when, resolver string) {
		h.t.Helper()
		h.client("networkd "+when, host, resolver, func() string { return d.Within("sh", "-c", "cat /run/systemd/netif/links/* || true") })
	}
}

// client waits until a host's program has a resolver, an address of its network that is preferred, and a way
// out.
func (h *house) client(when string, host *testnet.Namespace, resolver string, told func() string) {
	h.t.Helper()
	network := netip.PrefixFrom(netip.MustParseAddr(resolver), 64)
	testnet.Eventually(h.t, patience, when+": the resolver is "+resolver, func() bool { return strings.Contains(told(), resolver) })
	testnet.Eventually(h.t, patience, when+": it has one address to begin by, of "+network.String(), func() bool {
		preferred, ours := 0, 0
		for a, state := range made(host) {
			if state == "preferred" {
				preferred++
				if network.Contains(netip.MustParseAddr(a)) {
					ours++
				}
			}
		}
		return preferred == 1 && ours == 1
	})
	leads(h.t, when, host, true)
	pings(h.t, when, host, outside)
}

// follows waits until a host of the LAN has its first address, and others, and all is as it says.
func (h *house) follows(when string, web *testnet.Namespace, want string, others ...string) {
	h.t.Helper()
	has(h.t, when, web, append(others, want)...)
	leads(h.t, when, web, true)
	pings(h.t, when, web, outside)
	h.named(when, "web.home.example", web, want)
	own := strings.TrimSuffix(want, "20") + "1"
	if out := h.advertised(web); !strings.Contains(out, "Recursive DNS server     : "+own) {
		h.t.Errorf("%s: the resolver is not %s:\n%s", when, own, out)
	}
	for port, open := range map[int]bool{80: true, 81: false, 443: true} {
		if dials(h.isp, want, port) != open {
			h.t.Errorf("%s: port %d of %s is open: %v\n%s", when, port, want, !open, h.gatehouse("status"))
		}
	}
}

// staysIn checks that the kernel of the box sees nothing of something that happens, and that nobody else is
// started again.
func (h *house) staysIn(when string, happens func()) {
	h.t.Helper()
	testnet.Eventually(h.t, patience, "the kernel has looked for all of its IPv6 addresses", func() bool {
		return h.Run("ip", "-6", "addr", "show", "tentative") == ""
	})
	was, ear := h.processes(), listen(h.testBox)
	happens()
	now := h.processes()
	for _, event := range ear.heard() {
		h.t.Errorf("%s: the kernel tells of %s", when, event)
	}
	if now, was := wanPID.ReplaceAllString(now, ""), wanPID.ReplaceAllString(was, ""); now != was {
		h.t.Errorf("%s: processes are %s, they were %s", when, now, was)
	}
}

var wanPID = regexp.MustCompile(`\bwan=\d+`)

// kill kills a service.
func (h *house) kill(service string) {
	h.t.Helper()
	m := regexp.MustCompile(`\b` + service + `=(\d+)`).FindStringSubmatch(h.processes())
	if m == nil {
		h.t.Fatalf("%s does not run", service)
	}
	pid, _ := strconv.Atoi(m[1])
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
}

// prefixes are the delegated ones.
func (h *house) prefixes() (all []string) {
	h.t.Helper()
	for _, r := range h.objects("ip", "-j", "-6", "route", "show", "type", "unreachable") {
		p, _, _ := strings.Cut(fmt.Sprint(r["dst"]), "/")
		all = append(all, p)
	}
	return all
}

// prefix waits until the box has one that is of a pool.
func (h *house) prefix(when, pool string) (got string) {
	h.t.Helper()
	testnet.Eventually(h.t, patience, when+" there is a prefix of "+pool, func() bool {
		for _, p := range h.prefixes() {
			if strings.HasPrefix(p, strings.TrimSuffix(pool, "::")) {
				got = p
			}
		}
		return got != ""
	})
	return got
}
