package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/site"
)

// Random sites are drawn from parts. Each part has a source of its own, so that a site can be another one but
// for a part or two, as sites are that people change.
const (
	partName = iota
	partWAN
	partLANs
	partClients
	partHosts
	partRoutes
	partTold
	partNetboot
	partRules
	partForwards
	partIPv6
	partList
	partKeys
	parts
)

// seeds are what a random site is made of.
type seeds [parts]uint64

func newSeeds(r *rand.Rand) (s seeds) {
	for i := range s {
		s[i] = r.Uint64()
	}
	return s
}

// with is s with up to n of its parts drawn anew.
func (s seeds) with(r *rand.Rand, n int) seeds {
	for range n {
		s[r.IntN(parts)] = r.Uint64()
	}
	return s
}

// randomPair draws two sites that are accepted: sometimes one is the other but for a part or two.
func randomPair(r *rand.Rand) (a, b fstest.MapFS) {
	s := newSeeds(r)
	for a = draw(s); !accepted(a); a = draw(s) {
		s = newSeeds(r)
	}
	near := r.IntN(3)
	for {
		t := newSeeds(r)
		if near > 0 {
			t = s.with(r, near)
		}
		if b = draw(t); accepted(b) {
			return a, b
		}
	}
}

func accepted(files fstest.MapFS) bool {
	_, err := site.Load(files)
	return err == nil
}

// drawn is a site while it is drawn.
type drawn struct {
	seeds
	lans    []drawnLAN
	toml    strings.Builder
	wan4    string   // the WAN's IPv4 network up to the host's number; "" if it has none, or a provider's
	sources []string // that the LANs have IPv6 networks of; not "tunnel", since the host's kernel may have no sit
}

// A drawnLAN is a LAN: number n has the networks 192.168.(32+n).0/24 and 2001:db8:0:(20+n)::/64, or less of
// the first, and subnet n of what there is besides.
type drawnLAN struct {
	name, iface string
	net4, net6  string // up to the host's number; net6 is "" without a fixed one
	six         bool   // it has IPv6
}

func (d *drawn) of(part int) *rand.Rand { return rand.New(rand.NewPCG(d.seeds[part], uint64(part))) }

func (d *drawn) add(format string, args ...any) { fmt.Fprintf(&d.toml, format, args...) }

// draw makes a site of seeds, which site.Load may well refuse.
func draw(s seeds) fstest.MapFS {
	d := &drawn{seeds: s}
	d.drawName(d.of(partName))
	d.drawWAN(d.of(partWAN))
	d.drawIPv6(d.of(partIPv6))
	d.drawLANs(d.of(partLANs), d.of(partClients))
	d.drawRoutes(d.of(partRoutes))
	d.drawTold(d.of(partTold))
	d.drawNetboot(d.of(partNetboot))
	d.drawRules(d.of(partRules))
	d.drawForwards(d.of(partForwards))
	hosts, ethers := d.hosts(d.of(partHosts))
	files := map[string]string{
		"site.toml": d.toml.String(), "hosts": hosts, "ethers": ethers, "authorized_keys": keys(d.of(partKeys)),
		"blocked.list": some(d.of(partList), 5, "198.51.100.0/25\n", "203.0.113.7\n", "2001:db8:bad::/48\n",
			"198.51.100.128/26\n", "10.66.0.0/16\n"),
	}
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// some returns each of lines with a chance of n in eight.
func some(r *rand.Rand, n int, lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		if r.IntN(8) < n {
			b.WriteString(l)
		}
	}
	return b.String()
}

// one returns one of words.
func one[T any](r *rand.Rand, words ...T) T { return words[r.IntN(len(words))] }

func (d *drawn) drawName(r *rand.Rand) {
	d.add("name = %q\ndomain = %q\n", one(r, "firewall", "gate", "box-7"), one(r, "home.example", "lab.example"))
	d.add("%s", some(r, 3, "[console]\nlogin = \"locked\"\n"))
}

func (d *drawn) drawWAN(r *rand.Rand) {
	if r.IntN(8) == 0 {
		return
	}
	d.add("[wan]\ninterface = \"eth0\"\n")
	auto := r.IntN(3) == 0
	if auto {
		d.add("ipv6 = \"auto\"\n")
		if r.IntN(2) == 0 {
			d.add("delegation = %d\n", one(r, 56, 60))
			d.sources = append(d.sources, "delegated")
		}
	}
	if r.IntN(5) == 0 { // whose server there is not
		d.add("ipv4 = %s\n", one(r, `"dhcp"`, `["dhcp", "192.168.100.2/24"]`))
		d.add("%s", some(r, 2, "hostname = \"customer\"\n", "broadcast = true\n"))
		return
	}
	if r.IntN(8) < 7 {
		d.wan4 = "192.0.2."
		d.add("ipv4 = \"192.0.2.%d/%d\"\n", 10+r.IntN(3), one(r, 24, 25, 27))
		d.add("%s", some(r, 7, fmt.Sprintf("gateway = \"192.0.2.%d\"\n", 1+r.IntN(2))))
	}
	if !auto && (d.wan4 == "" || r.IntN(2) == 0) {
		d.add("ipv6 = \"2001:db8:0:1::%d/64\"\n", 10+r.IntN(2))
		d.add("%s", some(r, 6, fmt.Sprintf("gateway6 = %q\n", one(r, "2001:db8:0:1::1", "fe80::1", "fe80::2"))))
	}
}

func (d *drawn) drawLANs(r, clients *rand.Rand) {
	names, cards, nets := r.Perm(3), r.Perm(3), r.Perm(3)
	for i := range 1 + r.IntN(3) {
		l := drawnLAN{name: []string{"lan", "guests", "things"}[names[i]], iface: fmt.Sprintf("eth%d", 1+cards[i]),
			net4: fmt.Sprintf("192.168.%d.", 32+nets[i])}
		d.add("[[lan]]\nname = %q\ninterface = %q\n", l.name, l.iface)
		d.add("ipv4 = \"%s%d/%d\"\n", l.net4, one(r, 1, 1, 2), one(r, 24, 24, 25))
		d.drawNetworks(r, &l, nets[i])
		d.lans = append(d.lans, l)
		d.drawClients(clients, l.net4)
	}
}

// drawIPv6 draws what LANs have of IPv6 together.
func (d *drawn) drawIPv6(r *rand.Rand) {
	if ula := one(r, "", "auto", "fd4a:1c2e:93b7::/48", "fd4a:1c2e:93b8::/48"); ula != "" {
		d.add("[ipv6]\nula = %q\n", ula)
		d.add("%s", some(r, 3, fmt.Sprintf("names = %q\n", one(r, "all", "off"))))
		d.sources = append(d.sources, "ula")
	}
}

// drawNetworks draws the IPv6 networks of LAN number n.
func (d *drawn) drawNetworks(r *rand.Rand, l *drawnLAN, n int) {
	var all []string
	if r.IntN(2) == 0 {
		l.net6 = fmt.Sprintf("2001:db8:0:%d::", 20+n)
		all = append(all, fmt.Sprintf("%s%d/64", l.net6, one(r, 1, 1, 2)))
	}
	shared := r.IntN(2) == 0
	if shared {
		all = append(all, d.sources...)
	}
	switch {
	case len(all) > 0:
		d.add("ipv6 = [\"%s\"]\n", strings.Join(all, `", "`))
	case r.IntN(2) == 0:
		d.add("ipv6 = \"off\"\n")
	default: // all that there is
		shared = true
	}
	if shared = shared && len(d.sources) > 0; shared {
		d.add("subnet = %d\n", n)
	}
	l.six = shared || l.net6 != ""
}

// drawClients draws what clients of a network are told.
func (d *drawn) drawClients(r *rand.Rand, net4 string) {
	pool := fmt.Sprintf("pool = [\"%s100-%[1]s109\", \"%[1]s112-%[1]s%d\"]\n", net4, 113+r.IntN(8))
	d.add("%s", some(r, 6, pool))
	d.add("%s", some(r, 1, "lease-time = \"2m\"\n", "probe = \"off\"\n", "rapid-commit = true\n", "dns = []\n",
		"ntp = [\""+net4+"9\"]\n", "search = [\"a.example\"]\n", "mtu = 1400\n",
		"routes = [\"10.9.0.0/16 via "+net4+"3\"]\n", "captive-portal = \"https://portal.example/api\"\n",
		"options = { 224 = \"01\" }\n", "options-always = { 225 = \"text:x\" }\n", "ipv6-only-wait = \"1d\"\n"))
}

func (d *drawn) drawRoutes(r *rand.Rand) {
	l := one(r, d.lans...)
	if r.IntN(2) == 0 {
		d.add("[[route]]\nto = \"10.8.0.0/16\"\nvia = \"%s%d\"\n", l.net4, 4+r.IntN(2))
		if r.IntN(2) == 0 {
			d.add("[[relayed]]\nname = \"shop\"\nnetwork = \"10.8.40.0/24\"\nrouter = \"10.8.40.1\"\n")
			d.drawClients(r, "10.8.40.")
		}
		d.add("%s", some(r, 3, "[[firewall.zone]]\nname = \"branch\"\nnetworks = [\"10.8.0.0/17\"]\n"))
	}
	d.add("%s", some(r, 2, fmt.Sprintf("[[route]]\nto = \"10.10.0.0/%d\"\nvia = \"%s5\"\n", 16+r.IntN(2), l.net4)))
	if l.net6 != "" {
		via := fmt.Sprintf("via = \"%s%d\"\n", l.net6, 4+r.IntN(2))
		d.add("%s", some(r, 3, "[[route]]\nto = \"2001:db8:8::/48\"\n"+via))
	}
	if d.wan4 != "" {
		d.add("%s", some(r, 1, "[[route]]\nto = \"10.20.0.0/16\"\nvia = \"192.0.2.3\"\n"))
	}
}

func (d *drawn) drawTold(r *rand.Rand) {
	d.add("%s", some(r, 5, fmt.Sprintf("[dns]\nupstream = [\"192.0.2.%d\"]\n", 53+r.IntN(2))))
	d.add("%s", some(r, 4, "[ntp]\nservers = [\"192.0.2.123\"]\n"))
}

func (d *drawn) drawNetboot(r *rand.Rand) {
	if r.IntN(2) == 0 {
		return
	}
	d.add("[netboot]\nserver = \"store\"\nhosts = [\"web*\"]\n")
	d.add("root-path = \"iscsi:{server}:::1:iqn.2011-03.example.home:{name}.root\"\n")
	d.add("%s", some(r, 4, "initiator = \"iqn.2011-03.example.home:{name}\"\n",
		"script = \"http://{server}/{name}.ipxe\"\n", "uefi = \"ipxe.efi\"\n"))
	d.add("%s", some(r, 2, "[[host]]\nnames = [\"web1\"]\nlease-time = \"1d\"\n",
		"[[host]]\nnames = [\"web2\"]\nrouter = \"off\"\n", "[[port]]\nhost = \"web2\"\ncircuit = \"a\"\n"))
}

func (d *drawn) hosts(r *rand.Rand) (hosts, ethers string) {
	l := d.lans[0]
	hosts = l.net4 + "10 store\n" + l.net4 + "11 web1 www\n" + l.net4 + "12 web2\n" +
		some(r, 4, l.net4+"13 printer\n", d.lans[len(d.lans)-1].net4+"20 camera\n", "192.0.2.99 mail.other.example\n")
	if l.net6 != "" {
		hosts += some(r, 4, l.net6+"11 web1\n")
	}
	if l.six {
		hosts += some(r, 4, "::20 store\n", "::12 web2\n")
	}
	for i := range r.IntN(10) {
		hosts += fmt.Sprintf("%s%d h%d\n", l.net4, 30+i, i)
		ethers += fmt.Sprintf("00:16:3e:21:00:%02x h%d\n", i, i)
	}
	ethers += some(r, 7, "00:16:3e:20:00:10 store\n", "00:16:3e:20:00:11 web1\n", "00:16:3e:20:00:12 web2\n")
	return hosts, ethers + some(r, 4, "00:16:3e:20:00:14 laptop\n")
}

func (d *drawn) drawRules(r *rand.Rand) {
	if r.IntN(4) == 0 {
		return
	}
	places := []string{"any", "blocked", "servers", "web1", "198.51.100.0/24", "2001:db8:7::/48"}
	for _, l := range d.lans {
		places = append(places, l.name, l.name)
	}
	if d.wan4 != "" {
		places = append(places, "wan")
	}
	d.add("[firewall]\n%s", some(r, 1, "masquerade = []\n"))
	d.add("[firewall.group]\nservers = [\"web*\", \"192.168.33.128/28\"]\n")
	d.add("[firewall.list]\nblocked = \"blocked.list\"\n")
	d.add("[firewall.service]\ngame = [\"tcp/25565\", \"udp/19132-19133\"]\n")
	for i := range r.IntN(6) {
		verb := one(r, "allow", "allow", "deny")
		d.add("[[firewall.%s]]\nfrom = %q\nto = %q\n", verb, one(r, places...), one(r, append(places, "box")...))
		d.add("service = %q\n", one(r, "http", "ssh", "game", "ping", "tcp/8080", "ipsec"))
		d.add("%s", some(r, 2, "log = true\n", fmt.Sprintf("name = \"rule%d\"\n", i)))
		if verb == "allow" {
			d.add("%s", some(r, 2, "rate = \"10/second burst 30\"\n"))
		}
	}
}

func (d *drawn) drawForwards(r *rand.Rand) {
	if d.wan4 == "" {
		return
	}
	for i := range r.IntN(3) {
		d.add("[[firewall.forward]]\nport = %d\nto = %q\n", 8000+100*i, one(r, "web1", "web2", "web1:443", "store"))
		d.add("%s", some(r, 2, "proto = [\"tcp\", \"udp\"]\n", "sources = \"198.51.100.0/24\"\n", "log = true\n",
			"rate = \"5/minute\"\n"))
	}
	for i, host := range []string{"web1", "web2"} {
		address := one(r, 11, 20, 21) + 5*i
		pair := fmt.Sprintf("[[firewall.one-to-one]]\naddress = \"192.0.2.%d\"\nhost = %q\n", address, host)
		d.add("%s", some(r, 2, pair))
	}
}

// keys are lines of authorized_keys.
func keys(r *rand.Rand) string {
	lines := keyLine(0)
	for i := range 3 {
		if r.IntN(2) == 0 {
			lines += keyLine(byte(1 + i))
		}
	}
	return lines
}

// keyLine is the line of the key with a number.
func keyLine(n byte) string {
	public, err := ssh.NewPublicKey(privateKey(n).Public())
	if err != nil {
		panic(err) // it is a key of ed25519, whatever the seed
	}
	return fmt.Sprintf("%s admin%d@example\n", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), n)
}

// TestRandomPairs: the random pairs are of use, and most of what can be said in a site is said by some.
func TestRandomPairs(t *testing.T) {
	tried, words := 0, map[string]bool{}
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		if files := draw(newSeeds(r)); accepted(files) {
			tried++
			for _, w := range strings.Fields(string(files["site.toml"].Data)) {
				words[w] = true
			}
		}
	}
	t.Logf("%d of 1000 are accepted", tried)
	if tried < 100 {
		t.Errorf("only %d of 1000 are accepted", tried)
	}
	for _, w := range []string{"[wan]", "gateway6", "[[lan]]", "[[route]]", "[[relayed]]", "[[host]]", "[[port]]",
		"[netboot]", "[console]", "[[firewall.zone]]", "[[firewall.allow]]", "[[firewall.deny]]",
		"[[firewall.forward]]", "[[firewall.one-to-one]]", "\"eth3\"", "masquerade", "rate", "[firewall.list]",
		"[ipv6]", "ula", "names", "\"auto\"", "delegation", "\"dhcp\"", "[\"dhcp\",", "[\"ula\"]", "[\"delegated\",", "\"off\"", "subnet"} {
		if !words[w] {
			t.Errorf("no site has %s", w)
		}
	}
}
