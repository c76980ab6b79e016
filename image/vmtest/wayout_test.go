package vmtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// provider starts dnsmasq upstream, with one address to lease.
func provider(t *testing.T, wan *testnet.Namespace, address string) *testnet.Process {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "dnsmasq.conf")
	text := fmt.Sprintf("port=0\ninterface=%[2]s\nbind-interfaces\nleasefile-ro\ndhcp-authoritative\nno-ping\n"+
		"dhcp-range=%[1]s,%[1]s,255.255.255.0,1h\ndhcp-option=option:router,%[3]s\ndhcp-option=option:dns-server,%[3]s\n", address, eth0, gateway)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return wan.Start(exec.Command(testnet.Need(t, "dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--log-facility=-", "--conf-file="+conf))
}

// TestWayOut gives an appliance its way out by DHCP while it runs, and cuts its power: it is back with the lease
// that it kept, though the provider's server is silent.
func TestWayOut(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24", internet+"/32"), newSwitch(t, "lan", "192.168.32.10/24")
	laptop := newHost(t, lan, "00:00:5e:00:53:21")
	a := admin{from: laptop, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	w := newWorkstation(t, a, "../../examples/home")
	root := disk(ctx, t, img.Root)
	vm := appliance(t, img, wan, lan, root)
	udhcpc(ctx, t, laptop)

	server := provider(t, wan, "192.0.2.77")
	w.change(t, "site.toml", `ipv4      = "192.0.2.10/24"`, `ipv4      = "dhcp"`)
	w.change(t, "site.toml", `gateway   = "192.0.2.1"`, "")
	w.change(t, "site.toml", `upstream = ["192.0.2.53"]`, `upstream = "wan"`)
	ended := ownConnection(ctx, t, a, wan)
	w.change(t, "site.toml", "[wan]\n", "[wan]\nhooks = \"hook.sh\"\n")
	// What takes the place of the shell is process 1 of its namespace, by the program that is init too.
	w.write(t, "hook.sh", "#!/bin/sh -e\necho \"$1 $ip as $(id -u), $(cat /proc/self/oom_score_adj)\"\nexec ip addr show dev \"$interface\"\n")
	w.mustPush(ctx, t)
	ended("192.0.2.10")
	isBound := func(when string) {
		t.Helper()
		testnet.Eventually(t, Guard, when+" the appliance has its lease", func() bool {
			out, err := a.run(ctx, "gatehouse wan")
			return err == nil && strings.Contains(out, "192.0.2.77")
		})
		a.clean(ctx, t, when)
		laptop.Run("ping", "-c1", "-w20", internet)
	}
	isBound("with a provider")
	saysAll(t, "wan", a.must(ctx, t, "gatehouse wan"), "192.0.2.77/24", gateway)
	saysAll(t, "dns", a.must(ctx, t, "gatehouse dns"), gateway)
	hooksSaid := func(what string) {
		t.Helper()
		testnet.Eventually(t, Guard, "hooks say "+what, func() bool {
			out, _ := a.run(ctx, "gatehouse log hooks")
			return strings.Contains(out, what) && strings.Contains(out, "inet 192.0.2.77/24") && strings.Contains(out, "has run")
		})
	}
	hooksSaid("bound 192.0.2.77 as 65534, 1000")

	vm.Kill()
	server.Signal(9)
	vm = appliance(t, img, wan, lan, root)
	// Nobody confirms the lease, so it takes a while until it is used.
	testnet.Eventually(t, Guard, "a host reaches the Internet by the lease that was kept", func() bool {
		_, err := laptop.Try("ping", "-c1", "-w2", internet)
		return err == nil
	})
	out, _ := a.run(ctx, "gatehouse wan") // status 1: no server has confirmed it
	saysAll(t, "wan", out, "192.0.2.77/24", "confirmed")
	hooksSaid("bound 192.0.2.77 as 65534, 1000") // with what was kept of the server's words
	provider(t, wan, "192.0.2.77")
	isBound("with the server back")
	if strings.Contains(vm.Text(), "Out of memory") {
		t.Error("something was killed for memory")
	}
}
