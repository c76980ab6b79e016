package run

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// view is a script that gives a program its own view of the machine: how names are found, what users there
// are, and a /run that is gone with it.
const view = `set -e
mount -t tmpfs tmpfs /run
resolv=$(readlink -m /etc/resolv.conf)
[ -e "$resolv" ] || { mkdir -p "${resolv%/*}"; : >"$resolv"; }
for f in resolv.conf nsswitch.conf hosts passwd group; do mount --bind "$1/$f" "/etc/$f"; done
mkdir -p /run/systemd/resolved.conf.d
cp "$1/resolved.conf" /run/systemd/resolved.conf.d/
shift
exec "$@"
`

// A desktop is how programs of the client see their machine.
type desktop struct {
	l   *lab
	dir string
}

// desktop returns one with a resolv.conf.
func (l *lab) desktop(resolv string) desktop {
	l.t.Helper()
	d := desktop{l, l.t.TempDir()}
	user, group := "root:x:0:0::/root:/bin/sh\n", "root:x:0:\n"
	for name, text := range map[string]string{
		"view": view, "resolv.conf": resolv, "nsswitch.conf": "hosts: files dns\n", "hosts": "127.0.0.1 localhost\n",
		"passwd": user + "systemd-resolve:x:990:990::/:/usr/sbin/nologin\n", "group": group + "systemd-resolve:x:990:\n",
		"resolved.conf": "[Resolve]\nDNS=192.168.32.1\nDomains=home.example\nLLMNR=no\nMulticastDNS=no\n" +
			"ResolveUnicastSingleLabel=yes\n",
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	return d
}

// args are those of unshare(1) that run a program in the view.
func (d desktop) args(program string, args ...string) []string {
	return append([]string{"--mount", "--propagation", "private", "/bin/sh", d.dir + "/view", d.dir, program}, args...)
}

// run runs a program to its end, and returns what it says and whether it failed.
func (d desktop) run(program string, args ...string) string {
	out, err := d.l.client.Try("unshare", d.args(program, args...)...)
	if err != nil {
		out += " " + err.Error()
	}
	return out
}

// addresses returns those in a text, in order, without the appliance's own.
func addresses(text string) string {
	var all []string
	for _, word := range strings.Fields(text) {
		if a, err := netip.ParseAddr(word); err == nil && word != "192.168.32.1" {
			all = append(all, a.String())
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// build compiles testdata/lookup.c.
func build(t *testing.T, compiler ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "lookup")
	cmd := exec.Command(compiler[0], append(compiler[1:], "-o", program, "testdata/lookup.c")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", compiler, err, out)
	}
	return program
}

const (
	webAddrs     = "192.168.32.10 fd00:32::10"
	outsideAddrs = "192.0.2.80 2001:db8::80"
)

// TestClients has programs of others look names up, each in its own way.
func TestClients(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.lease("192.168.32.100", "laptop", 1)
	direct := l.desktop("nameserver 192.168.32.1\nnameserver fd00:32::1\nsearch home.example example.net\n")
	dig, kdig := testnet.Need(t, "dig", "bind9-dnsutils"), testnet.Need(t, "kdig", "knot-dnsutils")
	busybox, getent := testnet.Need(t, "busybox", "busybox"), testnet.Need(t, "getent", "libc-bin")
	glibc := build(t, testnet.Need(t, "gcc", "gcc"))
	musl := build(t, testnet.Need(t, "musl-gcc", "musl-tools"), "-static")
	resolved := l.desktop("nameserver 127.0.0.53\nsearch home.example\noptions edns0 trust-ad\n")
	resolved.start(systemdResolved(t))
	testnet.Eventually(t, 10*time.Second, "systemd-resolved answers", func() bool {
		return addresses(resolved.run(glibc, "web.home.example")) != ""
	})
	both := func(name string) []string { return []string{name, "A", name, "AAAA", "+short", "+search"} }
	one := func(name string) []string { return []string{name} }
	for _, c := range []struct {
		name    string
		d       desktop
		program string
		args    func(name string) []string
		search  bool
	}{
		{"dig", direct, dig, both, true},
		{"dig by TCP", direct, dig, func(name string) []string { return append(both(name), "+tcp") }, true},
		{"kdig", direct, kdig, func(name string) []string { return both(name)[:5] }, false},
		{"glibc", direct, glibc, one, true},
		{"getent", direct, getent, func(name string) []string { return []string{"ahosts", name} }, true},
		{"musl", direct, musl, one, true},
		{"busybox", direct, busybox, func(name string) []string { return []string{"nslookup", name} }, true},
		{"glibc by systemd-resolved", resolved, glibc, one, true},
		{"musl by systemd-resolved", resolved, musl, one, true},
		{"dig by systemd-resolved", resolved, dig, both, true},
	} {
		for name, want := range map[string]string{
			"web.home.example": webAddrs, "WWW.Home.Example": webAddrs, "web": webAddrs, "laptop": "192.168.32.100",
			"www.example.net": outsideAddrs, "away.home.example": outsideAddrs, "away": outsideAddrs,
			"nobody.home.example": "", "nobody": "", "nobody.example.net": "",
		} {
			if !c.search && !strings.Contains(name, ".") {
				continue
			}
			if out := c.d.run(c.program, c.args(name)...); addresses(out) != want {
				t.Errorf("%s %s: %q, not %q, in\n%s", c.name, name, addresses(out), want, out)
			}
		}
	}
	reverse := map[string]string{
		"dig":      direct.run(dig, "-x", "192.168.32.10", "+short"),
		"kdig":     direct.run(kdig, "-x", "192.168.32.10", "+short"),
		"glibc":    direct.run(glibc, "192.168.32.10"),
		"getent":   direct.run(getent, "hosts", "fd00:32::10"),
		"musl":     direct.run(musl, "192.168.32.10"),
		"busybox":  direct.run(busybox, "nslookup", "192.168.32.10"),
		"resolved": resolved.run(glibc, "192.168.32.10"),
	}
	for what, out := range reverse {

		if !strings.Contains(out, "web.home.example") {
			t.Errorf("%s of an address: %q", what, out)
		}
	}
	missing(t, []string{glibc, musl}, direct, resolved)
}

// missing has C libraries look for a name that has no address of one family: it is there nevertheless. One
// that is nobody's is not.
func missing(t *testing.T, programs []string, desktops ...desktop) {
	t.Helper()
	for i, d := range desktops {
		for _, program := range programs {
			got := strings.Fields(d.run(program, "laptop.home.example", "nobody.home.example", "nobody.example.net"))
			if !slices.Equal(got, []string{"192.168.32.100", "NONAME", "NONAME"}) {
				t.Errorf("%d, %s: %v", i, program, got)
			}
		}
	}
}

// systemdResolved is the program. Its package makes it the resolver of the whole machine when it is
// installed, so image/packages.sh unpacks it only.
func systemdResolved(t *testing.T) string {
	t.Helper()
	const program = "/lib/systemd/systemd-resolved"
	for _, dir := range []string{"/var/lib/gatehouse-peers/systemd-resolved", ""} {
		if _, err := os.Stat(dir + program); err == nil {
			return dir + program
		}
	}
	t.Fatal("there is no systemd-resolved: image/packages.sh test")
	return ""
}

// start starts a program in the view.
func (d desktop) start(program string) *testnet.Process {
	return d.l.client.Start(exec.Command("unshare", d.args(program)...))
}

// An asker asks several questions at once, as browsers and telephones do.
type asker struct {
	t      *testing.T
	conn   net.Conn
	stream bool
}

func (l *lab) asker(network string) asker {
	l.t.Helper()
	var conn net.Conn
	err := l.client.Do(func() (err error) {
		conn, err = net.Dial(network, "192.168.32.1:53")
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	return asker{l.t, conn, network == "tcp"}
}

// ask sends all questions in one go, and returns the answers in the order of the questions.
func (a asker) ask(questions ...*dns.Msg) []*dns.Msg {
	a.t.Helper()
	var all []byte
	for i, q := range questions {
		q.Id = uint16(i)*257 + 1
		b, err := q.Pack()
		if err != nil {
			a.t.Fatal(err)
		}
		if a.stream {
			all = append(binary.BigEndian.AppendUint16(all, uint16(len(b))), b...)
		} else if _, err := a.conn.Write(b); err != nil {
			a.t.Fatal(err)
		}
	}
	if _, err := a.conn.Write(all); a.stream && err != nil {
		a.t.Fatal(err)
	}
	answers := make([]*dns.Msg, len(questions))
	_ = a.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	conn := dns.Conn{Conn: a.conn}
	for range questions {
		m, err := conn.ReadMsg()
		if err != nil {
			a.t.Fatal(err)
		}
		i := int(m.Id) / 257
		if i >= len(questions) || m.Id%257 != 1 || answers[i] != nil || m.Question[0] != questions[i].Question[0] {
			a.t.Fatalf("the answer\n%v\nis to nothing that was asked, or to another question in its letters", m)
		}
		answers[i] = m
	}
	return answers
}

// TestBrowsers asks for A, AAAA and HTTPS at once, from one socket and over one connection, in letters of
// both cases: each has its answer in the letters it was asked in, also the second time, from the cache.
func TestBrowsers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	names := map[string][3]string{
		"wEb.HoMe.ExAmPlE.":    {"A", "AAAA", ""},
		"wWw.eXaMpLe.NeT.":     {"A", "AAAA", ""},
		"aLiAs.ExAmPlE.nEt.":   {"CNAME A", "CNAME AAAA", "CNAME"},
		"aWaY.hOmE.eXaMpLe.":   {"CNAME CNAME A", "CNAME CNAME AAAA", "CNAME CNAME"},
		"nObOdY.hOmE.eXaMpLe.": {"NX", "NX", "NX"},
		"nObOdY.eXaMpLe.nEt.":  {"NX", "NX", "NX"},
		"gAtE.":                {"A", "", ""}, // as in the domain of the site
		"xYz.LoCaL.":           {"NX", "NX", "NX"},
	}
	for _, network := range []string{"udp", "tcp"} {
		for range 2 {
			a := l.asker(network)
			var questions []*dns.Msg
			var want []string
			for name, types := range names {
				for i, typ := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS} {
					q := new(dns.Msg).SetQuestion(name, typ)
					q.SetEdns0(1232, false)
					questions, want = append(questions, q), append(want, types[i])
				}
			}
			for i, m := range a.ask(questions...) {
				if got := shape(m); got != want[i] {
					t.Errorf("%s, %s %s: %q, not %q", network, m.Question[0].Name, dns.Type(m.Question[0].Qtype), got, want[i])
				}
				if len(m.Answer) > 0 && m.Answer[0].Header().Name != m.Question[0].Name {
					t.Errorf("%s: the answer is about %s", m.Question[0].Name, m.Answer[0].Header().Name)
				}
			}
		}
	}
}

// shape is what kinds of records an answer has.
func shape(m *dns.Msg) string {
	switch {
	case m.Rcode == dns.RcodeNameError && len(m.Answer) == 0 && len(m.Ns) == 1:
		return "NX"
	case m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 && len(m.Ns) != 1:
		return fmt.Sprintf("%s with %d authorities", dns.RcodeToString[m.Rcode], len(m.Ns))
	}
	var types []string
	for _, rr := range m.Answer {
		types = append(types, dns.Type(rr.Header().Rrtype).String())
	}
	return strings.Join(types, " ")
}
