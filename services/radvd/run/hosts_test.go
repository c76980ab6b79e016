package run

import (
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func prefix(s string) radvd.Prefix {
	return radvd.Prefix{
		Prefix: netip.MustParsePrefix(s), OnLink: true, Autonomous: true, Preferred: radvd.DefaultPreferred,
		Valid: radvd.DefaultValid, PreferredUntil: radvd.Never, ValidUntil: radvd.Never,
	}
}

// link is a LAN with all that can be said.
func link(prefixes ...radvd.Prefix) radvd.Link {
	return radvd.Link{
		Name: "lan0", Network: "home", Lifetime: radvd.DefaultLifetime, Preference: advert.High, HopLimit: 61, MTU: 1480,
		Other: true, Prefixes: prefixes, Resolvers: []netip.Addr{netip.MustParseAddr("fd00:1::1")}, Search: []string{"home.arpa"},
		Routes:        []radvd.Route{{Prefix: netip.MustParsePrefix("fd00::/44"), Preference: advert.Low, Lifetime: 1800 * time.Second}},
		CaptivePortal: "https://portal.example/api", NAT64: netip.MustParsePrefix("64:ff9b::/96"),
	}
}

// newNetwork is a router and a host on one wire. The host's kernel takes all that it can take.
func newNetwork(t *testing.T) (r *router, host *testnet.Namespace) {
	box, host := testnet.New(t, "router"), testnet.New(t, "host")
	box.Sysctl("ipv6.conf.all.forwarding", "1")
	box.Sysctl("ipv6.conf.default.dad_transmits", "0")
	host.Sysctl("ipv6.conf.default.dad_transmits", "0")
	host.Sysctl("ipv6.conf.default.accept_ra_rt_info_max_plen", "64")
	box.Connect("lan0", host, "eth0")
	box.Ready("lan0")
	host.Ready("eth0")
	return newRouter(t, box), host
}

// lifetime reads a number of seconds behind a word of iproute2.
func lifetime(t *testing.T, text, word string) time.Duration {
	t.Helper()
	m := regexp.MustCompile(word + ` (\d+)sec`).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	d, err := time.ParseDuration(m[1] + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func near(got, want time.Duration) bool { return got <= want && got > want-20*time.Second }

// TestKernel: a Linux host takes addresses, routes, MTU and hop limit as they are configured, and follows
// when they change, across a crash of the service too.
func TestKernel(t *testing.T) {
	r, host := newNetwork(t)
	r.start(link(prefix("2001:db8:1::/64")))
	address := func() string { return host.Run("ip", "-6", "addr", "show", "dev", "eth0", "scope", "global") }
	routes := func() string { return host.Run("ip", "-6", "route", "show", "dev", "eth0") }
	testnet.Eventually(t, 20*time.Second, "the host has an address", func() bool { return contains(address(), "2001:db8:1:") })
	if a := address(); !near(lifetime(t, a, "valid_lft"), radvd.DefaultValid) || !near(lifetime(t, a, "preferred_lft"), radvd.DefaultPreferred) {
		t.Errorf("addresses:\n%s", a)
	}
	got := routes()
	for _, want := range []string{`default via fe80:\S+ proto ra .*hoplimit 61 pref high`, `2001:db8:1::/64 proto kernel`,
		`fd00::/44 via fe80:\S+ proto ra .*pref low`, `mtu 1480`} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("no route %q in\n%s", want, got)
		}
	}
	// The way out goes, and comes back.
	down := link(prefix("2001:db8:1::/64"))
	down.Lifetime = 0
	r.reconfigure(down)
	testnet.Eventually(t, 10*time.Second, "the host has no default route", func() bool { return !contains(routes(), "default") })
	testnet.Eventually(t, 20*time.Second, "everybody may be told again", func() bool { // 3 s after the last time
		s := r.status()
		lan := s.LANs[0]
		return lan.Advertised[0].Lifetime == 0 && s.Up-lan.Last > 3*time.Second && lan.Next > s.Up
	})
	back := time.Now()
	r.reconfigure(link(prefix("2001:db8:1::/64")))
	// How soon, virtual time says (TestBackAtOnce, TestAwaited): a machine that is busy takes its time.
	testnet.Eventually(t, 20*time.Second, "the host has a default route", func() bool { return contains(routes(), "default") })
	t.Logf("a default route %s after it is back", time.Since(back).Round(time.Millisecond))
	// The prefix becomes another while the service is dead.
	r.end(syscall.SIGKILL)
	began := time.Now()
	r.start(link(prefix("2001:db8:2::/64")))
	deprecated := regexp.MustCompile(`2001:db8:1:\S+ .*deprecated[^\n]*\n[^\n]*preferred_lft 0sec`)
	testnet.Eventually(t, 20*time.Second, "the old address is deprecated", func() bool {
		return deprecated.MatchString(address()) && contains(address(), "2001:db8:2:")
	})
	t.Logf("an old prefix is deprecated %s after the start", time.Since(began).Round(time.Millisecond))
	// The last word: no router any more, and the addresses stay.
	time.Sleep(3 * time.Second)
	r.end(syscall.SIGTERM)
	testnet.Eventually(t, 20*time.Second, "the host has no default route", func() bool { return !contains(routes(), "default") })
	if a := address(); lifetime(t, a[strings.Index(a, "2001:db8:2:"):], "preferred_lft") < radvd.DefaultPreferred-time.Minute {
		t.Errorf("addresses:\n%s", a)
	}
}

// TestJudges: rdisc6 and radvdump read what is configured.
func TestJudges(t *testing.T) {
	testnet.Need(t, "rdisc6", "ndisc6")
	testnet.Need(t, "radvdump", "radvdump")
	r, host := newNetwork(t)
	dump := host.Start(exec.Command("radvdump"))
	conf := link(prefix("2001:db8:1::/64"), prefix("fd00:1::/64"))
	conf.Prefixes[1].Autonomous = false
	r.start(conf)
	var out string
	testnet.Eventually(t, 20*time.Second, "rdisc6 has an answer", func() bool {
		var err error
		out, err = host.Try("rdisc6", "-1", "-w", "2000", "eth0")
		return err == nil
	})
	for _, want := range []string{
		`Hop limit +: +61 `, `Stateful address conf\. +: +No`, `Stateful other conf\. +: +Yes`, `Router preference +: +high`,
		`Router lifetime +: +2700 `, `Prefix +: 2001:db8:1::/64`, `Valid time +: +5400 `, `Pref\. time +: +2700 `, `Prefix +: fd00:1::/64`,
		`Route +: fd00::/44`, `Route lifetime +: +1800 `, `MTU +: +1480 `, `Source link-layer address: ` + strings.ToUpper(r.net.MAC("lan0").String()),
		`Recursive DNS server +: fd00:1::1`, `DNS server lifetime +: +1800 `, `DNS search list +: home\.arpa`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("rdisc6 does not say %q:\n%s", want, out)
		}
	}
	testnet.Eventually(t, 20*time.Second, "radvdump has heard an advertisement", func() bool { return contains(dump.Output(), "End of interface") })
	for _, want := range []string{
		"AdvDefaultLifetime 2700;", "AdvOtherConfigFlag on;", "AdvLinkMTU 1480;", "AdvSourceLLAddress on;", "prefix 2001:db8:1::/64", "AdvAutonomous off;",
		"AdvValidLifetime 5400;", "route fd00::/44", "AdvRoutePreference low;", "RDNSS fd00:1::1", "DNSSL home.arpa", "AdvDNSSLLifetime 1800;",
	} {
		if !contains(dump.Output(), want) {
			t.Errorf("radvdump does not say %q", want)
		}
	}
	if s := r.status(); len(s.LANs) != 1 || s.LANs[0].Counts.Solicited == 0 || s.LANs[0].Counts.Unicast == 0 || len(s.Problems) > 0 {
		t.Errorf("%+v", s)
	}
}

// TestRogue: another router is named with its card, and radvd's advertisements are read.
func TestRogue(t *testing.T) {
	testnet.Need(t, "radvd", "radvd")
	r, host := newNetwork(t)
	r.start(link(prefix("2001:db8:1::/64")))
	host.Sysctl("ipv6.conf.all.forwarding", "1")
	file := t.TempDir() + "/radvd.conf"
	host.Run("sh", "-c", fmt.Sprintf("cat >%s <<'X'\ninterface eth0 { AdvSendAdvert on; AdvManagedFlag on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; "+
		"prefix 2001:db8:bad::/64 { }; };\nX\nchmod 644 %s", file, file))
	host.Start(exec.Command("radvd", "-n", "-u", "root", "-C", file, "-p", t.TempDir()+"/pid"))
	var s Status
	testnet.Eventually(t, 20*time.Second, "the other router is known", func() bool {
		s = r.status()
		return len(s.LANs[0].Others) == 1 && len(s.Problems) == 1
	})
	o := s.LANs[0].Others[0]
	if o.MAC.String() != host.MAC("eth0").String() || len(o.Prefixes) != 1 || !contains(s.Problems[0], "2001:db8:bad::/64") ||
		!contains(s.Problems[0], "addresses by DHCPv6") {
		t.Errorf("%+v\n%q", o, s.Problems)
	}
}

// TestTrouble: what keeps hosts from hearing is said, and a link that comes back is served again.
func TestTrouble(t *testing.T) {
	r, host := newNetwork(t)
	r.start(link(prefix("2001:db8:1::/64")))
	problem := func(what string) {
		t.Helper()
		testnet.Eventually(t, 20*time.Second, "it is said: "+what, func() bool { return contains(fmt.Sprint(r.status().Problems), what) })
	}
	host.Down("eth0")
	problem("no carrier")
	host.Up("eth0")
	r.net.Sysctl("ipv6.conf.lan0.forwarding", "0")
	r.net.Run("ip", "link", "set", "lan0", "mtu", "1499") // so that the kernel says that the link is another
	problem("net.ipv6.conf.lan0.forwarding is 0")
	r.net.Sysctl("ipv6.conf.lan0.forwarding", "1")
	// Taken out, and put back with the address of another station.
	r.net.Run("ip", "link", "del", "lan0")
	mac := "02:00:00:00:00:07"
	host.Sysctl("ipv6.conf.all.forwarding", "1")
	r.net.Sysctl("ipv6.conf.default.dad_transmits", "1")
	r.net.Connect("lan0", host, "eth0")
	for n, l := range map[*testnet.Namespace]string{host: "eth0", r.net: "lan0"} {
		n.Run("ip", "link", "set", l, "down")
		n.Run("ip", "link", "set", l, "address", mac)
	}
	// The kernel looks for another station once, so that one is to have its address before.
	r.net.Sysctl("ipv6.conf.lan0.disable_ipv6", "1")
	host.Run("ip", "link", "set", "eth0", "up")
	r.net.Run("ip", "link", "set", "lan0", "up")
	testnet.Eventually(t, 20*time.Second, "the other station has its address", func() bool {
		return contains(host.Run("ip", "-6", "addr", "show", "dev", "eth0", "scope", "link", "-tentative"), "fe80::ff:fe00:7/64")
	})
	r.net.Sysctl("ipv6.conf.lan0.disable_ipv6", "0")
	problem("another station has the link-local address")
	if s := r.status(); s.LANs[0].Up {
		t.Errorf("it advertises with an address that is another's: %+v", s)
	}
	r.net.Run("ip", "link", "set", "lan0", "down")
	r.net.Run("ip", "link", "set", "lan0", "address", "02:00:00:00:00:08")
	r.net.Run("ip", "link", "set", "lan0", "up")
	testnet.Eventually(t, 20*time.Second, "it advertises again", func() bool {
		s := r.status()
		return s.LANs[0].Up && s.LANs[0].MAC.String() == "02:00:00:00:00:08" && len(s.Problems) == 0
	})
	// As a bridge does it: another card under the same link-local address.
	local := r.status().LANs[0].Local
	r.net.Run("ip", "link", "set", "lan0", "address", "02:00:00:00:00:09")
	testnet.Eventually(t, 20*time.Second, "the other card is advertised", func() bool {
		s := r.status()
		return s.LANs[0].Up && s.LANs[0].MAC.String() == "02:00:00:00:00:09" && s.LANs[0].Local == local
	})
}

// TestDHCPv6: a host that asks by DHCPv6 is told what is advertised, and time servers.
func TestDHCPv6(t *testing.T) {
	testnet.Need(t, "dhclient", "isc-dhcp-client")
	r, host := newNetwork(t)
	l := link(prefix("2001:db8:1::/64"))
	l.NTP = []netip.Addr{netip.MustParseAddr("fd00:1::2")}
	r.start(l)
	dir := t.TempDir()
	host.Run("sh", "-c", fmt.Sprintf(`printf 'also request dhcp6.sntp-servers;\n' >%s/conf; printf '#!/bin/sh\nenv >>%s/env\n' >%s/script; chmod 755 %s/script`, dir, dir, dir, dir))
	testnet.Eventually(t, 20*time.Second, "the host has a link-local address", func() bool {
		return regexp.MustCompile(`fe80::\S+ scope link`).MatchString(host.Run("ip", "-6", "addr", "show", "dev", "eth0", "-tentative"))
	})
	out, err := host.Try("timeout", "30", "dhclient", "-6", "-S", "-1", "-v", "-cf", dir+"/conf", "-sf", dir+"/script", "-lf", dir+"/leases", "-pf", dir+"/pid", "eth0")
	env := host.Run("cat", dir+"/env")
	for _, want := range []string{"new_dhcp6_name_servers=fd00:1::1", "new_dhcp6_domain_search=home.arpa", "new_dhcp6_sntp_servers=fd00:1::2"} {
		if err != nil || !contains(env, want) {
			t.Errorf("dhclient: %v, without %q\n%s\n%s", err, want, out, env)
		}
	}
}

// TestDHCPCD: dhcpcd, which does router discovery by itself, hands on resolvers, search domains and prefixes.
func TestDHCPCD(t *testing.T) {
	testnet.Need(t, "dhcpcd", "dhcpcd-base")
	r, host := newNetwork(t)
	r.start(link(prefix("2001:db8:1::/64")))
	dir := t.TempDir()
	host.Run("sh", "-c", fmt.Sprintf(`printf 'option rdnss, dnssl\nslaac hwaddr\n' >%s/conf; printf '#!/bin/sh\nenv | sort >>%s/env\n' >%s/script; chmod 755 %s/script`, dir, dir, dir, dir))
	host.Start(exec.Command("dhcpcd", "-B", "-6", "-d", "-f", dir+"/conf", "-c", dir+"/script", "eth0"))
	env := func() string { return host.Run("sh", "-c", "cat "+dir+"/env 2>/dev/null || true") }
	testnet.Eventually(t, 30*time.Second, "dhcpcd has a router", func() bool { return contains(env(), "reason=ROUTERADVERT") })
	for _, want := range []string{`nd1_rdnss1_servers=fd00:1::1`, `nd1_dnssl1_search=home\.arpa`, `nd1_prefix_information1_prefix=2001:db8:1::`,
		`nd1_prefix_information1_vltime=5400`, `nd1_mtu=1480`} {
		if !regexp.MustCompile(want).MatchString(env()) {
			t.Errorf("dhcpcd does not say %q:\n%s", want, env())
		}
	}
}
