package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// talk starts a conversation, which need not come about.
func talk(ns *testnet.Namespace, network, to string) error {
	return ns.Do(func() error {
		c, err := net.DialTimeout(network, to, time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("hello"))
		return err
	})
}

// download has a host of the WAN send n bytes to who connects to it, and fetches them; the conversation stays
// open.
func (w *wiring) download(n int) net.Conn {
	w.t.Helper()
	var l net.Listener
	var c net.Conn
	err := w.wan.Do(func() (err error) { l, err = net.Listen("tcp", "192.0.2.1:80"); return err })
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close() })
	go func() {
		if server, err := l.Accept(); err == nil {
			server.Write(make([]byte, n))
		}
	}()
	err = w.lan.Do(func() (err error) { c, err = net.Dial("tcp", "192.0.2.1:80"); return err })
	if err == nil {
		_, err = io.CopyN(io.Discard, c, int64(n))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// prints waits until a command has printed what matches all patterns.
func (w *wiring) prints(command string, patterns ...string) {
	w.t.Helper()
	text := ""
	testnet.Eventually(w.t, patience, "gatehouse "+command+" prints "+strings.Join(patterns, " and "), func() bool {
		text = w.gatehouse(strings.Fields(command)...)
		for _, p := range patterns {
			if !regexp.MustCompile(p).MatchString(text) {
				return false
			}
		}
		return true
	})
	w.t.Logf("$ gatehouse %s\n%s", command, text)
}

// TestFirewallCommand asks the firewall of a whole box about packets that were sent to it and through it.
func TestFirewallCommand(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	w.start()
	w.works("at first")

	talk(w.wan, "tcp", "192.0.2.10:22")
	talk(w.lan, "tcp", "192.168.32.1:23")
	talk(w.lan, "udp", "192.168.32.1:161")
	const time = `(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} deny  refused `
	w.prints("firewall log",
		time+`eth0\(wan\)→box icmp 192.0.2.1 → box\(192.0.2.10\) echo-request$`,
		time+`eth0\(wan\)→box tcp 192.0.2.1:\d+ → box\(192.0.2.10\):22 SYN$`,
		time+`eth1\(lan\)→box tcp laptop\(192.168.32.100\):\d+ → box\(192.168.32.1\):23 SYN$`,
		time+`eth1\(lan\)→box udp laptop\(192.168.32.100\):\d+ → box\(192.168.32.1\):161$`)
	w.prints("firewall log -n 1 --json lan", `^{"seq":\d+.*"rule":"refused","in":"eth1".*"source_name":"laptop".*}\n$`)
	w.prints("firewall log printer", `^no packet that a rule has dropped or logged has to do with printer\n$`)
	if log := w.gatehouse("log"); strings.Contains(log, "refused") {
		t.Errorf("packets are in the box's own log: %s", log)
	}

	c := w.download(3_000_000)
	w.prints("firewall top", `conversations, at most \d+\n`, `laptop\(192.168.32.100\) +lan +\d+ .* 3\.\d\d MB\n`,
		`tcp +laptop\(192.168.32.100\):\d+ +→ 192.0.2.1:80 .* 3\.\d\d MB\n`)
	var top admin.Top
	if err := json.Unmarshal([]byte(w.gatehouse("firewall", "top", "-n", "1", "--json")), &top); err != nil || len(top.Hosts) != 1 || len(top.Talks) != 1 ||
		top.Talks[0].Received.Bytes < 3_000_000 || !top.Counted || top.Talks[0].Leaves.Addr().String() != "192.0.2.10" {
		t.Errorf("%+v, %v", top, err)
	}

	for _, who := range []string{"192.168.32.100", "192.168.32.96/28"} {
		if out, err := w.ssh(program, "firewall", "ban", who); err == nil || !strings.Contains(out, "you are logged in from 192.168.32.100") {
			t.Errorf("the administrator may lock himself out by %s: %v %s", who, err, out)
		}
	}
	if text := w.gatehouse("firewall", "ban", "192.0.2.1", "10m"); !strings.Contains(text, "192.0.2.1 is the router to 0.0.0.0/0") {
		t.Errorf("the router may be banned: %s", text)
	}
	text := w.gatehouse("firewall", "ban", "192.0.2.1", "10m", "--force")
	if !regexp.MustCompile(`^192.0.2.1 is banned for 10m; (one conversation was|\d+ conversations were) cut\n$`).MatchString(text) {
		t.Error(text)
	}
	w.prints("firewall bans", `192.0.2.1 +- +10m +(10m|9m \d+s)\n`)
	talk(w.wan, "udp", "192.0.2.10:5000")
	w.prints("firewall log banned", `deny  banned eth0\(wan\) udp 192.0.2.1:\d+ → box\(192.0.2.10\):5000`)
	if _, err := fmt.Fprint(c, "x"); err != nil { // what had begun is cut: its next packet begins a conversation
		t.Error(err)
	}
	w.prints("firewall log banned", `deny  banned eth1\(lan\) tcp laptop\(192.168.32.100\):\d+ → 192.0.2.1:80 PSH,ACK\n`)
	if err := talk(w.lan, "tcp", "192.0.2.1:80"); err == nil {
		t.Error("who is banned answers")
	}
	w.prints("firewall show", `elements = \{ 192.0.2.1 `)
	w.prints("firewall diff", `^The kernel has the rules that were loaded, and they are what the site says.\n$`)
	w.prints("firewall unban 192.0.2.1", `^192.0.2.1 is not banned any more\n$`)
	w.prints("firewall bans", `^nobody is banned\n$`)
	if err := talk(w.lan, "tcp", "192.0.2.1:80"); err != nil {
		t.Errorf("the ban is over: %v", err)
	}
	w.unbroken()
}
