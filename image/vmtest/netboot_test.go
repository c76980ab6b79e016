package vmtest

import (
	"context"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/vmtest/nethost"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// Of web1, as the site's two lines make it a host that boots from the network.
const (
	web1MAC    = "00:16:3e:20:00:11"
	web1Target = "iqn.2011-03.example.home:web1.root"
	web1IPv6   = "2001:db8:abcd:0:216:3eff:fe20:11" // of its card (RFC 4291 A), in what the tunnel gives
	web1Root   = "iscsi:192.168.32.10:::1:" + web1Target
)

// TestHosts has hosts come up behind one appliance, side by side. They share it because none of them changes
// more of it than its own lease; what TestImage and TestTwoDisks do to theirs would end every boot that is
// under way.
func TestHosts(t *testing.T) {
	t.Parallel()
	linux, store, img := linuxKernel(t), debian(t), theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan, lan := newSwitch(t, "wan", gateway+"/24", brokerAddr+"/32"), newSwitch(t, "lan", storeAddr)
	shop := startStore(context.WithoutCancel(ctx), t, lan, store) // it outlasts this function
	appliance(t, img, wan, lan, disk(ctx, t, img.Root))
	// It waits for the boot, which the hosts' own tries do not outlast on a machine of any speed, and takes
	// the first address of the pool.
	laptop := newHost(t, lan, "00:00:5e:00:53:01")
	udhcpc(ctx, t, laptop)
	a := admin{from: laptop, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	w := newWorkstation(t, a, "../../examples/home")
	ipv6ForHosts(t, wan, w)
	w.chap(t)
	w.mustPush(ctx, t)
	w.makeTarget(ctx, t, shop, disk(ctx, t, store.Disk))
	lan.Tap("web1", eth0)
	lan.Tap("client", eth0)
	t.Run("one that the site knows", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 3*Guard) // it may have waited for its turn
		defer cancel()
		web1 := client{"web1", web1MAC, "192.168.32.11", "web1", "192.168.32.10", web1Root}
		stages(ctx, t, lan, linux, web1)
		netboot(ctx, t, lan)
	})
	t.Run("one that it does not know", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
		defer cancel()
		other := client{"client", "00:00:5e:00:53:31", "192.168.32.101", "192.168.32.101", "0.0.0.0", ""}
		stages(ctx, t, lan, linux, other)
	})
}

// ipv6ForHosts has a tunnel lead the hosts to a server outside, which the house knows as "far".
func ipv6ForHosts(t *testing.T, wan *testnet.Namespace, w *workstation) {
	t.Helper()
	wan.Sysctl("ipv6/conf/all/forwarding", "1")
	wan.Run("ip", "-6", "addr", "add", server6+"/128", "dev", eth0, "nodad")
	newFarEnd(t, wan, netip.MustParseAddr(brokerAddr), netip.MustParseAddr("192.0.2.10"), brokerEnd+"/64", routed48)
	listen(t, wan, "["+server6+"]:80")
	w.tunnel(t, routed48)
	w.add(t, "hosts", server6+" far\n")
}

// chap has web1 and the store prove to each other who they are.
func (w *workstation) chap(t *testing.T) {
	t.Helper()
	w.add(t, "site.toml", `
[[host]]
names = ["web1"]
[host.netboot]
chap-user = "{name}"
chap-secret-file = "chap/{name}"
chap-mutual-user = "store"
chap-mutual-secret-file = "chap/store"
`)
	if err := os.Mkdir(filepath.Join(w.site, "chap"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"web1", "store"} {
		w.write(t, "chap/"+name, "secret-of-"+name+"-4711\n")
	}
}

// makeTarget makes the target of web1 by what the appliance says of it, which has no secret in it: these are
// in the site's directory. Nobody who does not know them gets at the disk.
func (w *workstation) makeTarget(ctx context.Context, t *testing.T, store *nethost.Store, disk string) {
	t.Helper()
	script := w.must(ctx, t, "gatehouse host web1 --target")
	if strings.Contains(script, "4711") {
		t.Errorf("there is a secret in\n%s", script)
	}
	if _, err := store.Run(ctx, w.site, script, disk); err != nil {
		t.Fatalf("%v in\n%s", err, script)
	}
	made, err := store.Run(ctx, w.site, "tgtadm --lld iscsi --op show --mode target")
	if err != nil || !regexp.MustCompile(web1Target+`\n(?s:.*)Account information:\s+web1\s+store \(outgoing\)`).MatchString(made) {
		t.Errorf("%v: the target is\n%s", err, made)
	}
}

// netboot is the whole story: a host with an empty card and no disk gets its address from the image by iPXE,
// attaches the disk that the image names, boots a Debian from it that is told nothing by anyone else, and
// that Debian knows who it is, over IPv6 too. iPXE fetches the kernel from "store", and Debian's libc knows
// that name too: both have asked the image.
func netboot(ctx context.Context, t *testing.T, lan *testnet.Namespace) {
	web1 := Start(t, Machine{
		Name: "web1", MemoryMB: 512, CPU: "Nehalem,+rdrand", Firmware: true,
		NICs: []NIC{{MAC: web1MAC, Port: port(t, lan, "web1")}},
	})
	report, err := web1.Expect(ctx, `(?:NETBOOT-OK|Failed to mount) (.*)\n`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, field := range strings.Fields(report[1]) {
		name, value, _ := strings.Cut(field, "=")
		got[name] = value
	}
	want := map[string]string{
		"hostname":          "web1",
		"address":           "192.168.32.11/24",
		"gateway":           "192.168.32.1",
		"rootdev":           "/dev/sda",
		"target":            web1Target,
		"session-initiator": "iqn.2011-03.example.home:web1",
		"initiator":         "iqn.2011-03.example.home:web1", // of the iBFT
		"resolver":          "192.168.32.1",
		"store":             "192.168.32.10,store.home.example",
		"address6":          web1IPv6 + "/64",
		"far":               web1IPv6,
	}
	if !maps.Equal(got, want) {
		t.Errorf("the booted host says\n%v, want\n%v", got, want)
	}
	if err := web1.Wait(ctx); err != nil {
		t.Error(err)
	}
}

// debian is the netboot host's Debian, from the cache or made now.
func debian(t *testing.T) nethost.Host {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	host, err := nethost.Build(t.Context(), filepath.Join(cache, "gatehouse"))
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// startStore starts the store on the switch, without a target.
func startStore(ctx context.Context, t *testing.T, lan *testnet.Namespace, host nethost.Host) *nethost.Store {
	t.Helper()
	store, err := nethost.StartStore(ctx, nethost.Offer{
		Do: lan.Do, Addr: netip.MustParseAddr("192.168.32.10"), Host: host, Dir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("store: %v", err)
		}
	})
	return store
}
