package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// A house is a box with IPv6 between a provider and the hosts of a LAN. The wires are bridges, so that
// neither the provider nor a host notices when the power of the box is cut.
type house struct {
	*testBox
	wires, isp *testnet.Namespace
	site, perm string
	hosts      int // that were plugged in
}

const (
	ispOwn   = "2001:db8:5::1"         // the provider's on the way out
	outside  = "2001:db8:f00::1"       // and behind it
	boxCard  = "00:16:3e:00:00:1"      // the cards of the box, up to a digit: eth0, and those of LANs
	boxCard6 = "fe80::216:3eff:fe00:1" // and their link-local addresses, up to a digit
	boxWAN6  = boxCard6 + "0"
	boxLAN6  = boxCard6 + "1"
)

// delegated are the prefixes that the provider routes to the box.
func delegated() []string { return []string{"2001:db8:100::", "2001:db8:200::"} }

// newHouse makes all but the box: the provider, who routes what he delegates, and a wire for each LAN, lan1
// on.
func newHouse(t *testing.T, lans int) *house {
	t.Helper()
	h := &house{testBox: &testBox{t: t}, wires: testnet.New(t, "wires"), isp: testnet.New(t, "isp"), perm: t.TempDir()}
	if err := os.Chmod(h.perm, 0o755); err != nil {
		t.Fatal(err)
	}
	h.isp.Sysctl("ipv6.conf.all.forwarding", "1")
	h.isp.Sysctl("ipv6.conf.default.accept_dad", "0")
	for i := range 1 + lans {
		h.wires.Bridge(fmt.Sprintf("lan%d", i))
	}
	h.wires.Plug("lan0", h.isp, "eth0")
	h.isp.Ready("eth0")
	h.isp.AddAddr("eth0", "192.0.2.1/24")
	h.isp.AddAddr("eth0", ispOwn+"/64")
	h.isp.AddAddr("lo", outside+"/128")
	for _, p := range delegated() {
		h.isp.Run("ip", "-6", "route", "add", p+"/48", "via", boxWAN6, "dev", "eth0")
	}
	h.plug(lans)
	return h
}

// plug makes the machine of the box: a namespace and its cards.
func (h *house) plug(lans int) {
	h.testBox = &testBox{t: h.t, Namespace: testnet.New(h.t, "box")}
	for i := range 1 + lans {
		wire, card := fmt.Sprintf("lan%d", i), fmt.Sprintf("eth%d", i)
		h.Run("ip", "link", "add", card, "address", fmt.Sprint(boxCard, i), "type", "veth",
			"peer", "name", "box"+wire, "netns", h.wires.Name())
		h.wires.Run("ip", "link", "set", "box"+wire, "master", wire, "up")
	}
}

// A houseSite is what is to be in its files beside what all houses have.
type houseSite struct {
	wan, lan, more string // lines of [wan], of the LAN, and what follows
	hosts, ethers  string
}

// start starts the box with a site.
func (h *house) start(s houseSite) {
	h.t.Helper()
	h.site = h.t.TempDir()
	for name, text := range map[string]string{
		"site.toml": `name = "gate"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
` + s.wan + `
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
` + s.lan + "\n" + s.more, "hosts": s.hosts, "ethers": s.ethers, "authorized_keys": keyLine(0), "blocked.list": "",
	} {
		if err := os.WriteFile(filepath.Join(h.site, name), []byte(text), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
	h.boot()
}

// boot starts the box with the site and the disk that it had.
func (h *house) boot() {
	h.t.Helper()
	hosts := h.hosts
	h.testBox = startBoxOn(h.t, h.Namespace, h.site, h.perm)
	h.hosts = hosts
}

// cut cuts the power of the box, of which nothing is left but its disk; plug makes a machine for that again.
func (h *house) cut() {
	h.t.Helper()
	h.crash()
	h.unplug()
}

// unplug takes the cards of the machine away.
func (h *house) unplug() {
	h.t.Helper()
	for _, l := range h.objects("ip", "-j", "link", "show", "type", "veth") {
		h.Run("ip", "link", "del", fmt.Sprint(l["ifname"]))
	}
}

// host plugs a host into a LAN, whose kernel makes itself addresses (RFC 4862) that end in a number.
func (h *house) host(lan int, suffix string) *testnet.Namespace {
	h.t.Helper()
	h.hosts++
	n := testnet.New(h.t, "host")
	h.wires.Run("ip", "link", "add", fmt.Sprintf("host%d", h.hosts), "type", "veth", "peer", "name", "eth0", "netns", n.Name())
	h.wires.Run("ip", "link", "set", fmt.Sprintf("host%d", h.hosts), "master", fmt.Sprintf("lan%d", lan), "up")
	n.Run("ip", "link", "set", "eth0", "address", fmt.Sprintf("02:00:00:00:%02x:%02x", lan, h.hosts))
	if suffix != "" {
		n.Run("ip", "token", "set", suffix, "dev", "eth0")
	}
	n.Up("eth0")
	return n
}

// made are the addresses that a host has made: the state of each by the address.
func made(host *testnet.Namespace) map[string]string {
	all := map[string]string{}
	out, _ := host.Try("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "global")
	for _, m := range madeLine.FindAllStringSubmatch(out, -1) {
		all[m[1]] = "preferred"
		if strings.Contains(m[2], "tentative") {
			all[m[1]] = "tentative"
		} else if m[3] == "0" {
			all[m[1]] = "deprecated"
		}
	}
	return all
}

var madeLine = regexp.MustCompile(`inet6 ([0-9a-f:]+)/\d+ (.*)\s+valid_lft \w+ preferred_lft (\d+)?`)

// has waits until a host has made the addresses, and no others; "-" before one: it is deprecated.
func has(t *testing.T, when string, host *testnet.Namespace, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	begin := time.Now()
	for time.Since(begin) < patience {
		got = nil
		for a, state := range made(host) {
			switch state {
			case "preferred":
				got = append(got, a)
			case "deprecated":
				got = append(got, "-"+a)
			}
		}
		if slices.Sort(got); slices.Equal(got, want) {
			t.Logf("%s: %q after %v", when, want, time.Since(begin).Round(100*time.Millisecond))
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s: the host has %q, want %q", when, got, want)
}

// leads waits until a host has a default route by the box, or none.
func leads(t *testing.T, when string, host *testnet.Namespace, want bool) {
	t.Helper()
	testnet.Eventually(t, patience, fmt.Sprintf("%s a default route is there: %v", when, want), func() bool {
		out, _ := host.Try("ip", "-6", "route", "show", "default")
		return strings.Contains(out, "via "+boxCard6) == want && (want || strings.TrimSpace(out) == "")
	})
}

// pings has a host reach an address.
func pings(t *testing.T, when string, host *testnet.Namespace, to string) {
	t.Helper()
	testnet.Eventually(t, patience, when+" the host reaches "+to, func() bool {
		_, err := host.Try("ping", "-n", "-c1", "-W1", to)
		return err == nil
	})
}

// serves has a host answer at TCP ports.
func serves(t *testing.T, host *testnet.Namespace, ports ...int) {
	t.Helper()
	for _, port := range ports {
		err := host.Do(func() error {
			l, err := net.Listen("tcp6", fmt.Sprintf("[::]:%d", port))
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					c.Close()
				}
			}()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// dials reports whether somebody gets through to an address and port.
func dials(from *testnet.Namespace, address string, port int) bool {
	return from.Do(func() error {
		c, err := net.DialTimeout("tcp6", net.JoinHostPort(address, fmt.Sprint(port)), time.Second)
		if err == nil {
			c.Close()
		}
		return err
	}) == nil
}

// named waits until the names of the box are those addresses.
func (h *house) named(when, name string, host *testnet.Namespace, want ...string) {
	h.t.Helper()
	dig := testnet.Need(h.t, "dig", "bind9-dnsutils")
	slices.Sort(want)
	var got []string
	testnet.Eventually(h.t, patience, fmt.Sprintf("%s %s is %q", when, name, want), func() bool {
		out, _ := host.Try(dig, "+short", "+tries=1", "+time=2", "@"+boxLAN6+"%eth0", name, "AAAA")
		got = strings.Fields(out)
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// advertised is what a host hears of the router when it asks.
func (h *house) advertised(host *testnet.Namespace) (out string) {
	h.t.Helper()
	rdisc6 := testnet.Need(h.t, "rdisc6", "ndisc6")
	testnet.Eventually(h.t, patience, "rdisc6 has an answer", func() bool {
		var err error
		out, err = host.Try(rdisc6, "-1", "-w", "2000", "eth0")
		return err == nil
	})
	return out
}

// renews has the box ask its provider, until something is so.
func (h *house) renews(what string, is func() bool) {
	h.t.Helper()
	asked := time.Time{}
	testnet.Eventually(h.t, 2*patience, what, func() bool {
		if time.Since(asked) > 3*time.Second {
			h.gatehouse("wan", "renew")
			asked = time.Now()
		}
		return is()
	})
}

// delegates has another delegating server in place of the one that is there.
func (h *house) delegates(d wantest.Delegator, was *testnet.Process, p wantest.Pool) *testnet.Process {
	h.t.Helper()
	if was != nil {
		was.Signal(9)
		_ = was.Wait(h.t.Context())
	}
	return d.Start(h.t, h.isp, p)
}

// in is the address of a suffix in a subnet of a /56 or /48: in("2001:db8:100::", 1, "::20").
func in(prefix string, subnet byte, suffix string) string {
	a, b := netip.MustParseAddr(prefix).As16(), netip.MustParseAddr(suffix).As16()
	copy(a[8:], b[8:])
	a[7] = subnet
	return netip.AddrFrom16(a).String()
}
