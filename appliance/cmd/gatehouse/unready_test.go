package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// plainSite is a site with a WAN and some LANs, and with more lines in site.toml.
func plainSite(lans int, more string) fstest.MapFS {
	const wan = `name = "gate"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
`
	const lan = `[[lan]]
name = "lan%d"
interface = "eth%[1]d"
ipv4 = "192.168.%d.1/24"
pool = "192.168.%[2]d.100-192.168.%[2]d.199"
`
	toml := wan
	for i := range lans {
		toml += fmt.Sprintf(lan, i+1, 32+i)
	}
	return fstest.MapFS{"site.toml": {Data: []byte(toml + more)}, "hosts": {}, "ethers": {},
		"authorized_keys": {Data: []byte(keyLine(0))}}
}

// startPlain starts a box with a site of one LAN, where an administrator is logged in.
func startPlain(t *testing.T, files fstest.MapFS) (*applied, *session) {
	t.Helper()
	wan, lan := testnet.New(t, "wan"), testnet.New(t, "lan")
	b := startSite(t, files, 3, wan, lan)
	lan.AddAddr("eth1", "192.168.32.99/24")
	return b, logIn(t, lan, netip.MustParseAddr("192.168.32.1"))
}

// TestUnitThatDoesNotBecomeReady takes the whole change back: rules, addresses, the name, and the other
// services.
func TestUnitThatDoesNotBecomeReady(t *testing.T) {
	t.Parallel()
	// Of the second one everything is different, not the LAN where the administrator is.
	a, b := plainSite(1, ""), plainSite(2, `[[route]]
to = "10.8.0.0/16"
via = "192.168.33.2"
[console]
login = "locked"
[[firewall.deny]]
from = "lan1"
to = "wan"
service = "smtp"
`)
	b["site.toml"].Data = []byte(strings.Replace(string(b["site.toml"].Data), "gate", "other", 1))
	b["authorized_keys"] = &fstest.MapFile{Data: []byte(keyLine(0) + keyLine(1))}
	box, admin := startPlain(t, a)
	fresh, was := box.observe(load(t, a)), box.processes()

	refused := func(what string, mend func(), words ...string) {
		t.Helper()
		out := box.submits(b)
		mend()
		saysAll(t, what, out, append(words, "the box is what it was")...)
		admin.lives("after " + what)
		box.is("taken back: "+what, a, fresh)
		if now := box.processes(); now != was {
			t.Errorf("%s: the services are %s, they were %s", what, now, was)
		}
	}

	release := box.occupy("eth2", "udp4", 67)
	refused("the port of dhcp is taken", release, "dhcp", "lan2", "eth2", "address already in use")
	release = box.occupy("eth2", "tcp4", 22)
	refused("the port of ssh is taken", release, "sshd", "IPv4 port 22 on eth2", "address already in use")

	box.applies(b) // now nothing is in its way
	admin.lives("when it could be applied")
	if now := box.processes(); now != was {
		t.Errorf("the services are %s, they were %s", now, was)
	}
	if out := box.gatehouse("status"); !strings.Contains(out, "Everything is as it should be.") {
		t.Error(out)
	}
}

// occupy has somebody else at a port of a link, who lets nobody beside him.
func (b *applied) occupy(link, network string, port int) (release func()) {
	b.t.Helper()
	var c io.Closer
	err := b.Do(func() (err error) {
		lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
			rc.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), link) })
			return err
		}}
		if address := fmt.Sprintf("0.0.0.0:%d", port); network == "tcp4" {
			c, err = lc.Listen(context.Background(), network, address)
		} else {
			c, err = lc.ListenPacket(context.Background(), network, address)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return func() { c.Close() }
}

// prefixes is a list of n networks that all begin with one byte.
func prefixes(first byte, n int) *fstest.MapFile {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "%d.%d.%d.%d/26\n", first, i>>10&0xff, i>>2&0xff, i&3<<6)
	}
	return &fstest.MapFile{Data: []byte(text.String())}
}

// memory is a line of status of proc(5), in kilobytes.
func (b *applied) memory(key string) int {
	b.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.pid))
	m := regexp.MustCompile(`(?m)^` + key + `:\s+(\d+) kB$`).FindSubmatch(text)
	if err != nil || m == nil {
		b.t.Fatalf("%s: %v", key, err)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// counters are those of the rules.
func (b *applied) counters() map[string]int {
	b.t.Helper()
	all := map[string]int{}
	counter := regexp.MustCompile(`counter (\S+) \{\s+packets (\d+)`)
	for _, m := range counter.FindAllStringSubmatch(b.Run("nft", "list", "counters"), -1) {
		all[m[1]], _ = strconv.Atoi(m[2])
	}
	return all
}

// TestLongListIsReplaced: a list of as many networks as one may have is replaced by another, and no rule is
// touched.
func TestLongListIsReplaced(t *testing.T) {
	t.Parallel()
	const many = 100_000
	const rules = `[firewall.list]
blocked = "blocked.list"
[[firewall.deny]]
from = "blocked"
to = "any"
[[firewall.deny]]
from = "any"
to = "blocked"
`
	a, b := plainSite(1, rules), plainSite(1, rules)
	a["blocked.list"], b["blocked.list"] = prefixes(44, many), prefixes(45, many)
	box, admin := startPlain(t, a)
	rulesNow := func() string { return uncountedText(box.Run("nft", "-a", "-t", "list", "ruleset")) }
	was, handles, counted := box.processes(), rulesNow(), box.counters()
	if counted["input_established"] == 0 {
		t.Fatalf("nothing was counted: %v", counted)
	}
	const peakBeginsAnew = "5" // proc(5), clear_refs
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", box.pid), []byte(peakBeginsAnew), 0); err != nil {
		t.Fatal(err)
	}
	before, ear := box.memory("VmRSS"), listen(box.testBox)

	out := box.submits(b)
	admin.lives("with another list")
	for kind, n := range ear.kinds("rules") {
		switch kind {
		case unix.NFT_MSG_NEWSETELEM, unix.NFT_MSG_DELSETELEM, unix.NFT_MSG_NEWGEN:
		default:
			t.Errorf("%d messages of kind %d from nf_tables", n, kind)
		}
	}
	if now := rulesNow(); now != handles {
		t.Errorf("other rules:\n%s\nthey were\n%s", now, handles)
	}
	for name, n := range box.counters() {
		if n < counted[name] {
			t.Errorf("counter %s has %d, it had %d", name, n, counted[name])
		}
	}
	if now := box.processes(); now != was {
		t.Errorf("the services are %s, they were %s", now, was)
	}
	const same = "The kernel has the rules that were loaded"
	if out := box.gatehouse("firewall", "diff"); !strings.HasPrefix(out, same) {
		t.Error(out)
	}
	peak := box.memory("VmHWM")
	took := regexp.MustCompile(`Applied in (\S+)\.\n`).FindStringSubmatch(out)
	if took == nil {
		t.Fatal(out)
	}
	t.Logf("%d networks replaced in %s; process 1 had %d kB, then %d at most, and has %d",
		many, took[1], before, peak, box.memory("VmRSS"))
}

func uncountedText(rules string) string {
	return regexp.MustCompile(`packets \d+ bytes \d+`).ReplaceAllString(rules, "")
}

// kinds counts what was heard from nf_tables, by the kind of message.
func (e *ear) kinds(socket string) map[int]int {
	e.t.Helper()
	n := map[int]int{}
	for _, m := range e.messages(socket) {
		n[int(binary.NativeEndian.Uint16(m[4:])&0xff)]++
	}
	return n
}
