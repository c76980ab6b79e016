package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// The VLAN that a provider has its customers in, and the priorities of the frames that they send and get.
const (
	providerVLAN             = 7
	toProvider, fromProvider = 6, 5
)

// wayOut is an appliance whose way out is by DHCP, and what the steps of TestWayOut share.
type wayOut struct {
	*workstation // the laptop
	img          Image
	root         string
	wan, tagged  *testnet.Namespace // the provider without a tag and in its VLAN, each with the Internet behind it
	lan          *testnet.Namespace
	card         *trunk
	seen         frameCounts
	vm           *VM
	server       *testnet.Process // the provider's for DHCP
}

// TestWayOut gives an appliance its way out by DHCP while it runs, from a provider who first has no VLAN and
// marks what he sends with a priority all the same, and then has one.
func TestWayOut(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	o := &wayOut{img: theImage(t, homeImage)}
	o.root = disk(ctx, t, o.img.Root)
	for _, n := range []**testnet.Namespace{&o.wan, &o.tagged} {
		*n = newSwitch(t, "wan", gateway+"/24", internet+"/32")
		listen(t, *n, internet+":80")
	}
	o.lan = newSwitch(t, "lan", storeAddr)
	a := admin{from: newHost(t, o.lan, "00:00:5e:00:53:21"), key: o.img.Key, address: "192.168.32.1",
		knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	o.workstation = newWorkstation(t, a, "../../examples/home")
	o.start(t)
	udhcpc(ctx, t, o.from)
	for _, step := range []struct {
		name string
		run  func(ctx context.Context, t *testing.T, o *wayOut)
	}{
		{"the provider's address in place of the site's", leasedWayOut},
		{"the provider gives another while people talk", renumberedWayOut},
		{"in a VLAN, with a priority", taggedWayOut},
		{"after a power cut, with a silent provider", keptWayOut},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(ctx, t, o) }) {
			return
		}
	}
	if strings.Contains(o.vm.Text(), "Out of memory") {
		t.Error("something was killed for memory")
	}
}

// start starts the appliance between the provider, who is both of his networks, and the LAN.
func (o *wayOut) start(t *testing.T) {
	t.Helper()
	if o.card != nil {
		o.card.pull()
	}
	up, card := newTrunk(t, map[uint16]*testnet.Namespace{0: o.wan, providerVLAN: o.tagged}, fromProvider, o.seen.note)
	o.card = card
	o.vm = Start(t, Machine{
		Name: "firewall", Kernel: o.img.Kernel, Append: Append, MemoryMB: 96, Disks: []Disk{{Path: o.root}},
		NICs: []NIC{{MAC: wanMAC, Port: up}, {MAC: lanMAC, Port: port(t, o.lan, "firewall")}},
	})
}

// provide has the provider lease one address, from dnsmasq, and no other any more.
func (o *wayOut) provide(t *testing.T, on *testnet.Namespace, address string) {
	t.Helper()
	o.silence(t)
	conf := filepath.Join(t.TempDir(), "dnsmasq.conf")
	text := fmt.Sprintf("port=0\ninterface=%[2]s\nbind-interfaces\nleasefile-ro\ndhcp-authoritative\nno-ping\n"+
		"dhcp-range=%[1]s,%[1]s,255.255.255.0,1h\n"+
		"dhcp-option=option:router,%[3]s\ndhcp-option=option:dns-server,%[3]s\n", address, eth0, gateway)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	dnsmasq := testnet.Need(t, "dnsmasq", "dnsmasq-base")
	o.server = on.Start(exec.Command(dnsmasq, "--keep-in-foreground", "--log-facility=-", "--conf-file="+conf))
}

func (o *wayOut) silence(t *testing.T) {
	t.Helper()
	if o.server != nil {
		o.server.Signal(syscall.SIGKILL)
		_ = o.server.Wait(t.Context()) // says that it was killed
	}
}

// isBound waits until the appliance has a lease and all is well, and a host reaches the Internet by it.
func (o *wayOut) isBound(ctx context.Context, t *testing.T, when, address string) {
	t.Helper()
	testnet.Eventually(t, Guard, when+" the appliance has its lease", func() bool {
		out, err := o.run(ctx, "gatehouse wan")
		return err == nil && strings.Contains(out, address)
	})
	o.clean(ctx, t, when)
	o.isSeenAs(ctx, t, when, address)
}

// isSeenAs waits until the Internet sees the laptop come from an address.
func (o *wayOut) isSeenAs(ctx context.Context, t *testing.T, when, address string) {
	t.Helper()
	testnet.Eventually(t, Guard, when+" the Internet sees the laptop as "+address, func() bool {
		seen, err := ask(ctx, o.from, internet+":80")
		return err == nil && seen == address
	})
}

// hookSaid waits until the hook has run for a lease: as nobody, the first to be killed for memory, and when
// the link had the address.
func (o *wayOut) hookSaid(ctx context.Context, t *testing.T, address string) {
	t.Helper()
	testnet.Eventually(t, Guard, "the hook is told of "+address, func() bool {
		out, _ := o.run(ctx, "gatehouse log hooks")
		return strings.Contains(out, "bound "+address+" as 65534, 1000") &&
			strings.Contains(out, "inet "+address+"/24") && strings.Contains(out, "has run")
	})
}

func leasedWayOut(ctx context.Context, t *testing.T, o *wayOut) {
	o.provide(t, o.wan, "192.0.2.77")
	o.change(t, "site.toml", `ipv4      = "192.0.2.10/24"`, `ipv4      = "dhcp"`)
	o.change(t, "site.toml", `gateway   = "192.0.2.1"`, "")
	o.change(t, "site.toml", `upstream = ["192.0.2.53"]`, `upstream = "wan"`)
	o.change(t, "site.toml", "[wan]\n", "[wan]\nhooks = \"hook.sh\"\n")
	// What takes the place of the shell is process 1 of its namespace, by the program that is init too.
	o.write(t, "hook.sh", "#!/bin/sh -e\necho \"$1 $ip as $(id -u), $(cat /proc/self/oom_score_adj)\"\n"+
		"exec ip addr show dev \"$interface\"\n")
	ended := ownConnection(ctx, t, o.admin, o.wan)
	o.mustPush(ctx, t)
	ended("192.0.2.10")
	o.isBound(ctx, t, "with a provider", "192.0.2.77")
	o.hookSaid(ctx, t, "192.0.2.77")
	saysAll(t, "wan", o.must(ctx, t, "gatehouse wan"), "192.0.2.77/24", gateway)
	saysAll(t, "dns", o.must(ctx, t, "gatehouse dns"), gateway)
}

// renumberedWayOut has the provider give another address, and refuse the one that conversations go through.
// Their other ends do not know the new one, so they end: with a reset, not by waiting.
func renumberedWayOut(ctx context.Context, t *testing.T, o *wayOut) {
	talk := converse(ctx, t, o.wan, o.from)
	session := logIn(t, o.admin)
	o.provide(t, o.wan, "192.0.2.78")
	begin := time.Now()
	o.must(ctx, t, "gatehouse wan renew")
	bound := time.Now()
	o.isSeenAs(ctx, t, "renumbered", "192.0.2.78")
	open := time.Now()
	_ = talk.conn.SetDeadline(open.Add(Guard))
	// Who sends or who receives is told, and the other one sees an end then.
	err := errors.Join(<-talk.over, <-talk.over)
	if !errors.Is(err, syscall.ECONNRESET) || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a conversation through the old address ends with %v", err)
	}
	t.Logf("renewed after %v, new conversations %v later, the old one over %v later; %d bytes had come back",
		bound.Sub(begin), open.Sub(bound), time.Since(bound), talk.n)
	session.answers(t)
	o.isBound(ctx, t, "renumbered", "192.0.2.78")
	testnet.Eventually(t, Guard, "the log says that the address is lost", func() bool {
		out, err := o.run(ctx, "gatehouse log network")
		return err == nil && strings.Contains(out, "the box has lost 192.0.2.77: ")
	})
}

// taggedWayOut moves to the provider's VLAN. All that leaves by it has the priority, whatever the kernel
// thinks of a packet (ping -Q makes it "bulk", tc-prio(8)).
func taggedWayOut(ctx context.Context, t *testing.T, o *wayOut) {
	o.provide(t, o.tagged, "192.0.2.79")
	more := fmt.Sprintf("ipv4 = \"dhcp\"\nvlan = %d\npriority = %d", providerVLAN, toProvider)
	o.change(t, "site.toml", `ipv4      = "dhcp"`, more)
	o.mustPush(ctx, t)
	o.isBound(ctx, t, "in a VLAN", "192.0.2.79")
	o.from.Run("ping", "-c1", "-w20", "-Q", "0x08", internet)
	o.seen.allTagged(t)
}

// keptWayOut cuts the appliance's power: it is back with the lease that it kept, though the provider's server
// is silent.
func keptWayOut(ctx context.Context, t *testing.T, o *wayOut) {
	o.vm.Kill()
	o.silence(t)
	o.start(t)
	// Nobody confirms the lease, so it takes a while until it is used.
	o.isSeenAs(ctx, t, "after a power cut", "192.0.2.79")
	out, _ := o.run(ctx, "gatehouse wan") // status 1: no server has confirmed it
	saysAll(t, "wan", out, "192.0.2.79/24", "confirmed")
	o.hookSaid(ctx, t, "192.0.2.79") // with what was kept of the server's words
	o.provide(t, o.tagged, "192.0.2.79")
	o.isBound(ctx, t, "with the server back", "192.0.2.79")
	o.seen.allTagged(t)
}
