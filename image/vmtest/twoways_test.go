package vmtest

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// twoWays is an appliance with two ways out over IPv6, and what the steps of TestTwoWays share.
type twoWays struct {
	t            *testing.T // of TestTwoWays: what steps start lives as long as it
	*workstation            // the laptop
	img          Image
	root         string
	wan, lan     *testnet.Namespace
	end          *farEnd
	provider     *delegator
	vm           *VM
}

// The networks that the LAN has of both.
const (
	tunnelled6 = "2001:db8:abcd::/64"
	delegated6 = delegated1 + "/64"
)

// TestTwoWays has IPv6 by a tunnel and by a prefix that the provider delegates, side by side; then each alone
// has to do, and the prefix is another one after a power cut.
func TestTwoWays(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	o := &twoWays{t: t, img: theImage(t, homeImage), wan: newSwitch(t, "wan", gateway+"/24", brokerAddr+"/32"),
		lan: newSwitch(t, "lan", storeAddr)}
	o.root = disk(ctx, t, o.img.Root)
	o.wan.Run("ip", "-6", "addr", "add", server6+"/128", "dev", eth0, "nodad")
	o.provider = newDelegator(t, o.wan)
	o.provider.delegates(delegated1)
	o.end = newFarEnd(t, o.wan, netip.MustParseAddr(brokerAddr), netip.MustParseAddr("192.0.2.10"), brokerEnd+"/64", routed48)
	a := admin{from: newHost(t, o.lan, "00:00:5e:00:53:21"), key: o.img.Key, address: "192.168.32.1",
		knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	o.workstation = newWorkstation(t, a, "../../examples/home")
	o.vm = appliance(t, o.img, o.wan, o.lan, o.root)
	udhcpc(ctx, t, o.from)
	defer func() {
		if t.Failed() {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			out, err := o.run(ctx, "gatehouse status; gatehouse wan; gatehouse tunnel; ip -6 rule; ip -6 route show table all")
			t.Log(out, err)
		}
	}()
	for _, step := range []struct {
		name string
		run  func(ctx context.Context, t *testing.T, o *twoWays)
	}{
		{"each has its packets, and conversations begin by the provider", sideBySide},
		{"all services leave memory", memoryOfAll},
		{"the site says that they begin by the tunnel", byTunnel},
		{"the tunnel dies, and the provider takes over", takenOver},
		{"it comes back", byTunnelAgain},
		{"another prefix after a power cut", renumberedInTheDark},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(ctx, t, o) }) {
			return
		}
	}
	if strings.Contains(o.vm.Text(), "Out of memory") {
		t.Error("something was killed for memory")
	}
}

func sideBySide(ctx context.Context, t *testing.T, o *twoWays) {
	o.change(t, "site.toml", noIPv6, delegatedIPv6)
	o.tunnel(t, routed48)
	o.mustPush(ctx, t)
	o.begins(t, delegated6, tunnelled6)
	out := o.must(ctx, t, "ip -6 rule; ip -6 route show table all")
	saysAll(t, "rules and routes", out, "from "+delegated1+"/56 lookup 42", "from "+routed48+" lookup 41",
		"default via fe80::", "default via "+brokerEnd)
	o.leaves(t)
	o.clean(ctx, t, "with two ways out")
}

// begins waits until the laptop begins with the addresses of one network and not with those of the other, and
// has a router.
func (o *twoWays) begins(t *testing.T, with, not string) {
	t.Helper()
	makes6(t, o.from, with, true)
	makes6(t, o.from, not, false)
	advertised6(t, o.from, true)
	in := netip.MustParsePrefix(with)
	testnet.Eventually(t, Guard, "a host begins with "+with, func() bool {
		route := o.from.Run("ip", "-6", "route", "get", server6)
		_, rest, _ := strings.Cut(route, " src ")
		a, err := netip.ParseAddr(strings.Fields(rest + " -")[0])
		return err == nil && in.Contains(a)
	})
	o.from.Run("ping", "-c1", "-w30", server6)
}

// leaves has packets of each network leave by the way that it belongs to, and be answered.
func (o *twoWays) leaves(t *testing.T) {
	t.Helper()
	for network, byTunnel := range map[string]bool{tunnelled6: true, delegated6: false} {
		for from := range made6(o.from, network) {
			before := o.end.received.Load()
			o.from.Run("ping", "-c20", "-i0.01", "-w30", "-I", from.String(), server6)
			if n := o.end.received.Load() - before; n >= 20 != byTunnel {
				t.Errorf("of 20 packets from %s and others %d left by the tunnel", from, n)
			}
		}
	}
}

// memoryOfAll measures an appliance with all services.
func memoryOfAll(ctx context.Context, t *testing.T, o *twoWays) { idle(ctx, t, o.admin) }

func byTunnel(ctx context.Context, t *testing.T, o *twoWays) {
	o.add(t, "site.toml", "[ipv6]\ndefault = \"tunnel\"\n")
	o.mustPush(ctx, t)
	o.begins(t, tunnelled6, delegated6)
	o.leaves(t)
	o.clean(ctx, t, "by the tunnel")
}

func takenOver(_ context.Context, t *testing.T, o *twoWays) {
	told := newJournal(t, o.from, "address")
	o.from.Run("ping", "-c1", "-w30", server6) // its journal is read
	before := time.Now()
	o.end.dead.Store(true)
	over := told.when(t, before, strings.TrimSuffix(tunnelled6, ":/64"), "deprecated")
	o.begins(t, delegated6, tunnelled6)
	t.Logf("the tunnel dies: its network is deprecated after %v, which is %v after it is down",
		over.Sub(before).Round(time.Millisecond), over.Sub(o.end.probe(before, 4)).Round(time.Millisecond))
}

func byTunnelAgain(_ context.Context, t *testing.T, o *twoWays) {
	before := time.Now()
	o.end.dead.Store(false)
	o.begins(t, tunnelled6, delegated6)
	t.Logf("it is back: hosts begin by it after %v", time.Since(before).Round(time.Millisecond))
	o.leaves(t)
}

// renumberedInTheDark has the provider delegate another prefix while the appliance has no power, and the
// tunnel is dead. Hosts have an address of the old one, which is what they begin with.
func renumberedInTheDark(ctx context.Context, t *testing.T, o *twoWays) {
	o.end.dead.Store(true)
	o.begins(t, delegated6, tunnelled6)
	o.vm.Kill()
	o.provider.delegates(delegated2)
	told := newJournal(t, o.from, "address")
	tcpdump := testnet.Need(t, "tcpdump", "tcpdump")
	seen := o.from.Start(exec.Command(tcpdump, "-l", "-n", "-tttt", "-i", eth0, "ether src "+lanMAC))
	testnet.Eventually(t, Guard, "tcpdump listens", func() bool { return strings.Contains(seen.Output(), "listening on") })
	if !made6(o.from, delegated6)[o.eui64(delegated6)] {
		t.Fatal("the laptop lost its address before it was told")
	}
	before := time.Now()
	o.vm = appliance(o.t, o.img, o.wan, o.lan, o.root)
	gone := told.when(t, before, strings.TrimSuffix(delegated1, ":"), "deprecated")
	first, advertised := sent(t, seen, ""), sent(t, seen, "router advertisement")
	t.Logf("a power cut and another prefix: the first frame %v after the start of the machine, the first "+
		"advertisement %v later; the old prefix is deprecated %v after the first frame", first.Sub(before).Round(time.Millisecond),
		advertised.Sub(first).Round(time.Millisecond), gone.Sub(first).Round(time.Millisecond))
	makes6(t, o.from, delegated6, false)
	o.begins(t, delegated2+"/64", tunnelled6)
	t.Logf("hosts begin with the new one %v after the start of the machine", time.Since(before).Round(time.Millisecond))
	o.end.dead.Store(false)
	o.begins(t, tunnelled6, delegated2+"/64")
	o.clean(ctx, t, "with another prefix")
}

// eui64 is the address that the laptop's card makes in a network.
func (o *twoWays) eui64(network string) netip.Addr {
	a := netip.MustParsePrefix(network).Addr().As16()
	copy(a[8:], []byte{0x02, 0x00, 0x5e, 0xff, 0xfe, 0x00, 0x53, 0x21})
	return netip.AddrFrom16(a)
}

// sent waits for the first line of tcpdump's that has a text, and gives its time.
func sent(t *testing.T, seen *testnet.Process, text string) (at time.Time) {
	t.Helper()
	testnet.Eventually(t, Guard, fmt.Sprintf("tcpdump notes %q", text), func() bool {
		for line := range strings.Lines(seen.Output()) {
			const layout = "2006-01-02 15:04:05.000000"
			if len(line) > len(layout) && strings.Contains(line, text) {
				var err error
				at, err = time.ParseInLocation(layout, line[:len(layout)], time.Local)
				if err == nil {
					return true
				}
			}
		}
		return false
	})
	return at
}
