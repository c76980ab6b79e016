// Package testnet builds throw-away networks for tests: network namespaces joined
// by veth pairs and bridges, with taps for virtual machines, and programs that run
// in them. Everything it makes has a name with the process id in it and is removed
// when its test ends, failed or not; what a killed run left behind is removed by
// the next.
//
// It needs root. A missing privilege or program is a failure of the test with a
// message that says what to do, never a skip.
package testnet

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// A Namespace is a network namespace with its loopback up and nothing else in it.
type Namespace struct {
	t     testing.TB
	name  string
	ns    netns.NsHandle
	nl    *netlink.Handle
	ports int // made by Plug
}

// prefix begins the name of every namespace: gh<process id>-<number>-<name>.
const prefix = "gh"

// netnsDir is where ip-netns(8) keeps names.
const netnsDir = "/run/netns"

// New makes a namespace for the duration of the test. The name is for people who
// look at a test that hangs: `ip netns exec` takes what Name returns.
func New(t testing.TB, name string) *Namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces: run it as root")
	}
	removeStale(t)
	n := &Namespace{t: t}
	if err := n.make(name); err != nil {
		t.Fatalf("network namespace %s: %v", n.name, err)
	}
	t.Cleanup(n.remove)
	var err error
	if n.nl, err = netlink.NewHandleAt(n.ns, syscall.NETLINK_ROUTE); err != nil {
		t.Fatalf("network namespace %s: %v", n.name, err)
	}
	n.Up("lo")
	return n
}

// make makes the namespace under the first free name. ip-netns(8) does the work: it makes the directory a
// mount first, and whoever has a namespace in there without that can no longer remove it once somebody else
// has called ip.
func (n *Namespace) make(name string) error {
	ip := Need(n.t, "ip", "iproute2")
	for i := 1; ; i++ {
		n.name = fmt.Sprintf("%s%d-%d-%s", prefix, os.Getpid(), i, name)
		switch out, err := exec.Command(ip, "netns", "add", n.name).CombinedOutput(); {
		case err == nil:
			n.ns, err = netns.GetFromName(n.name)
			return err
		case !bytes.Contains(out, []byte("File exists")):
			return fmt.Errorf("ip netns add: %w: %s", err, out)
		}
	}
}

func (n *Namespace) remove() {
	if n.nl != nil {
		n.nl.Close()
	}
	if err := errors.Join(n.ns.Close(), netns.DeleteNamed(n.name)); err != nil {
		n.t.Errorf("remove network namespace %s: %v", n.name, err)
	}
}

// removeStale removes the namespaces of processes that are gone.
func removeStale(t testing.TB) {
	left, _ := filepath.Glob(filepath.Join(netnsDir, prefix+"[0-9]*-*"))
	for _, path := range left {
		name := filepath.Base(path)
		pid, err := strconv.Atoi(strings.TrimPrefix(strings.SplitN(name, "-", 2)[0], prefix))
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			if err := netns.DeleteNamed(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Logf("remove stale network namespace %s: %v", name, err)
			}
		}
	}
}

// onOwnThread runs f on a thread that ends with it, so that whatever f does to its
// thread is of no consequence.
func onOwnThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock
		done <- f()
	}()
	return <-done
}

// Name returns the name that ip-netns(8) knows the namespace by.
func (n *Namespace) Name() string { return n.name }

// Do runs f in the namespace and returns its error. Sockets and processes that f
// makes stay in the namespace; goroutines that it starts are not in it. f must not
// end the test.
func (n *Namespace) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := netns.Set(n.ns); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", n.name, err)
		}
		return f()
	})
}

func (n *Namespace) must(what string, err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatalf("%s: %s: %v", n.name, what, err)
	}
}

// Connect joins n and peer by a veth pair with one end in each, both up and ready.
func (n *Namespace) Connect(link string, peer *Namespace, peerLink string) {
	n.t.Helper()
	veth := netlink.NewVeth(netlink.NewLinkAttrs())
	veth.Name, veth.PeerName, veth.PeerNamespace = link, peerLink, netlink.NsFd(int(peer.ns))
	n.must("veth "+link, n.nl.LinkAdd(veth))
	n.Up(link)
	peer.Up(peerLink)
	n.Ready(link)
	peer.Ready(peerLink)
}

// Bridge makes a bridge, up and without ports. Frames pass at once.
func (n *Namespace) Bridge(name string) {
	n.t.Helper()
	n.must("bridge "+name, n.nl.LinkAdd(&netlink.Bridge{LinkAttrs: attrs(name)}))
	n.Up(name)
}

// Plug joins a bridge of n to peer: a veth pair, one end a port of the bridge, the
// other a link of peer.
func (n *Namespace) Plug(bridge string, peer *Namespace, peerLink string) {
	n.t.Helper()
	n.ports++
	port := fmt.Sprintf("port%d", n.ports)
	n.Connect(port, peer, peerLink)
	n.enslave(port, bridge)
}

// Tap makes a tap that is a port of a bridge, for a virtual machine started in the
// namespace: qemu -netdev tap,ifname=NAME,script=no,downscript=no.
func (n *Namespace) Tap(name, bridge string) {
	n.t.Helper()
	tap := &netlink.Tuntap{LinkAttrs: attrs(name), Mode: netlink.TUNTAP_MODE_TAP,
		Flags: netlink.TUNTAP_DEFAULTS}
	// The library opens /dev/net/tun in the namespace of the thread.
	n.must("tap "+name, n.Do(func() error { return netlink.LinkAdd(tap) }))
	n.enslave(name, bridge)
	n.Up(name)
}

func (n *Namespace) enslave(port, bridge string) {
	n.t.Helper()
	n.must(port+" into "+bridge, n.nl.LinkSetMaster(n.link(port), n.link(bridge)))
}

func attrs(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return a
}

func (n *Namespace) link(name string) netlink.Link {
	n.t.Helper()
	l, err := n.nl.LinkByName(name)
	n.must("link "+name, err)
	return l
}

// Up sets a link up.
func (n *Namespace) Up(link string) {
	n.t.Helper()
	n.must("set up "+link, n.nl.LinkSetUp(n.link(link)))
}

// Ready waits until a link that was set up takes packets. Until then, which is a moment or two after the
// other end is up as well, the kernel throws away what is sent, and says nothing.
func (n *Namespace) Ready(link string) {
	n.t.Helper()
	const limit = 20 * time.Second
	ready := func() bool { return n.link(link).Attrs().OperState == netlink.OperUp }
	for end := time.Now().Add(limit); !ready(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("%s: %s is not ready after %s", n.name, link, limit)
		}
	}
}

// Down sets a link down.
func (n *Namespace) Down(link string) {
	n.t.Helper()
	n.must("set down "+link, n.nl.LinkSetDown(n.link(link)))
}

// SetMAC gives a link a hardware address.
func (n *Namespace) SetMAC(link string, mac net.HardwareAddr) {
	n.t.Helper()
	n.must("address of "+link, n.nl.LinkSetHardwareAddr(n.link(link), mac))
}

// MAC returns the hardware address of a link.
func (n *Namespace) MAC(link string) net.HardwareAddr {
	n.t.Helper()
	return n.link(link).Attrs().HardwareAddr
}

// AddAddr gives a link an address with its prefix length: "192.0.2.1/24".
func (n *Namespace) AddAddr(link, addr string) {
	n.t.Helper()
	a, err := netlink.ParseAddr(addr)
	n.must("address "+addr, err)
	n.must("address "+addr, n.nl.AddrAdd(n.link(link), a))
}

// Addrs returns the IPv4 addresses of a link, with prefix lengths.
func (n *Namespace) Addrs(link string) (all []string) {
	n.t.Helper()
	addrs, err := n.nl.AddrList(n.link(link), netlink.FAMILY_V4)
	n.must("addresses of "+link, err)
	for _, a := range addrs {
		all = append(all, a.IPNet.String())
	}
	return all
}

// AddRoute adds a route to a prefix, "default" for all, through a gateway.
func (n *Namespace) AddRoute(to, via string) {
	n.t.Helper()
	route := &netlink.Route{Gw: net.ParseIP(via)}
	if to != "default" {
		var err error
		route.Dst, err = netlink.ParseIPNet(to)
		n.must("route to "+to, err)
	}
	n.must("route to "+to, n.nl.RouteAdd(route))
}

// Sysctl sets a setting below net of the namespace: "ipv4.ip_forward".
func (n *Namespace) Sysctl(key, value string) {
	n.t.Helper()
	path := "/proc/sys/net/" + strings.ReplaceAll(key, ".", "/")
	n.must("sysctl "+key, n.Do(func() error { return os.WriteFile(path, []byte(value), 0) }))
}
