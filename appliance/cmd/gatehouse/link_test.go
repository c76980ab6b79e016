package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const patience = 40 * time.Second

// A wiring is the reference site's box between its two networks, each with one host.
type wiring struct {
	*testBox
	lan, wan *testnet.Namespace
	dir      string // of the LAN's host: its key, its DHCP client's script and what that heard
	image    string // the directory of the image's site, if it was started by DHCP
}

// plugLAN puts a card in and joins it with the LAN's host; plugWAN likewise.
func (w *wiring) plugLAN() { plugCard(w.Namespace, "eth1", w.lan) }
func (w *wiring) plugWAN() {
	plugCard(w.Namespace, "eth0", w.wan)
	w.wan.AddAddr("eth0", "192.0.2.1/24")
}

// plugCard makes a card as Xen does: the box's end is down and has nothing on it. The
// host's card is always the same.
func plugCard(box *testnet.Namespace, card string, host *testnet.Namespace) {
	box.Run("ip", "link", "add", card, "type", "veth", "peer", "name", "eth0", "address", "00:00:5e:00:53:21", "netns", host.Name())
	host.Up("eth0")
}

func newWiring(t *testing.T) *wiring {
	w := &wiring{testBox: &testBox{Namespace: testnet.New(t, "box"), t: t}, lan: testnet.New(t, "lan"), wan: testnet.New(t, "wan"), dir: t.TempDir()}
	testnet.Need(t, "ssh-keygen", "openssh-client")
	w.lan.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", w.dir+"/key")
	const script = `#!/bin/sh
case $1 in
bound|renew)
	ip addr flush dev "$interface"
	ip addr add "$ip/$mask" dev "$interface"
	ip route replace default via "$router"
	echo "$ip" >%s/address ;;
esac
`
	if err := testnet.WriteProgram(w.dir+"/script", fmt.Appendf(nil, script, w.dir)); err != nil {
		t.Fatal(err)
	}
	return w
}

// start starts the box.
func (w *wiring) start() {
	w.t.Helper()
	key, err := os.ReadFile(w.dir + "/key.pub")
	if err != nil {
		w.t.Fatal(err)
	}
	w.testBox = startBox(w.t, w.Namespace, homeSite(w.t, key))
}

// works has the LAN's host get an address, reach the WAN through the box, and log in.
func (w *wiring) works(when string) {
	w.t.Helper()
	udhcpc := testnet.Need(w.t, "udhcpc", "udhcpc")
	w.lan.Run(udhcpc, "-f", "-q", "-n", "-i", "eth0", "-T1", "-A1", "-t30", "-s", w.dir+"/script")
	address, err := os.ReadFile(filepath.Join(w.dir, "address"))
	if err != nil || strings.TrimSpace(string(address)) != "192.168.32.100" {
		w.t.Errorf("%s: the host has the address %q, %v", when, address, err)
	}
	w.lan.Run("ping", "-c1", "-w10", "192.0.2.1")
	for _, p := range w.upstream() {
		if out, err := w.wan.Try("ping", "-c1", "-w1", p.Addr().String()); err == nil {
			w.t.Errorf("%s: the firewall lets the WAN in:\n%s", when, out)
		}
	}
	if out, err := w.ssh(program, "status"); err != nil {
		w.t.Errorf("%s: %v\n%s", when, err, out)
	}
	if text := w.gatehouse("status"); !strings.Contains(text, "Everything is as it should be.") {
		w.t.Errorf("%s:\n%s", when, text)
	}
}

// upstream are the box's IPv4 addresses upstream: one at least.
func (w *wiring) upstream() (all []netip.Prefix) {
	w.t.Helper()
	for _, a := range w.Addrs("eth0") {
		if p := netip.MustParsePrefix(a); p.Addr().Is4() {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		w.t.Error("the box has no address upstream")
	}
	return all
}

// ssh runs a command on the box as the administrator does from the LAN's host.
func (w *wiring) ssh(command ...string) (string, error) {
	w.t.Helper()
	return w.lan.Try("ssh", append([]string{"-F", "none", "-i", w.dir + "/key", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10", "admin@192.168.32.1"}, command...)...)
}

// lacks waits until status names problems.
func (w *wiring) lacks(problems ...string) {
	w.t.Helper()
	for _, p := range problems {
		testnet.Eventually(w.t, patience, "status says "+p, func() bool { return strings.Contains(w.gatehouse("status"), "! "+p+"\n") })
	}
}

// unbroken checks that no service was started a second time.
func (w *wiring) unbroken() {
	w.t.Helper()
	w.unbrokenOf(len(homePlan(w.t).Services))
}

// unbrokenOf is unbroken of a box with so many services.
func (w *wiring) unbrokenOf(services int) {
	w.t.Helper()
	var st admin.Status
	if err := json.Unmarshal([]byte(w.gatehouse("status", "--json")), &st); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range st.Services {
		if s.Restarts > 0 {
			w.t.Errorf("%s was restarted: %s", s.Name, s.LastExit)
		}
	}
	if len(st.Services) != services {
		w.t.Errorf("services: %+v", st.Services)
	}
}

// TestCardsGoAndCome takes the cards of a running box out and puts them in again, as
// xl network-detach and network-attach do.
func TestCardsGoAndCome(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	w.start()
	w.works("at first")
	for n := range 2 {
		w.Run("ip", "link", "del", "eth1")
		w.says("network: [init] eth1 (lan) is gone", n+1)
		w.lacks("interface eth1 (lan) is missing", "dhcp: No leases for lan: link eth1 is not there.")
		w.plugLAN()
		w.says("network: [init] eth1 (lan) is back and configured", n+1)
		w.works("with another LAN card")
	}
	w.Run("ip", "link", "del", "eth0")
	w.says("network: [init] eth0 (wan) is gone", 1)
	w.lacks("interface eth0 (wan) is missing")
	w.plugWAN()
	w.says("network: [init] eth0 (wan) is back and configured", 1)
	w.works("with another WAN card")
	w.unbroken()
}

// TestStartWithoutTheLAN: the box serves what there is, says what is missing, and
// takes the card when it comes; by another name it is not it.
func TestStartWithoutTheLAN(t *testing.T) {
	w := newWiring(t)
	w.plugWAN()
	w.start()
	w.lacks("interface eth1 (lan) is missing", "dhcp: No leases for lan: link eth1 is not there.")
	plugCard(w.Namespace, "eth2", w.lan)
	w.lacks("interface eth1 (lan) is missing; not used by the site: eth2")
	w.Run("ip", "link", "set", "eth2", "name", "eth1")
	w.says("network: [init] eth1 (lan) is there and configured", 1)
	w.works("with the LAN card")
	w.unbroken()
}

// TestSetDownByHand: who sets a link down wants it down, until he sets it up.
func TestSetDownByHand(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	w.start()
	w.works("at first")
	w.Run("ip", "link", "set", "eth0", "down")
	w.lacks("interface eth0 (wan) is down")
	w.Run("ip", "link", "set", "eth0", "up")
	w.says("network: [init] eth0 (wan) is up again and configured", 1)
	w.works("when the WAN is up again")
	w.unbroken()
}
