package nft_test

import (
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
)

// A frameWire is the far end of one of a box's links.
type frameWire struct{ *os.File }

func (w frameWire) Send(frame []byte) error {
	_, err := w.Write(frame)
	return err
}

func (w frameWire) Receive(deadline time.Time) ([]byte, error) {
	if err := w.SetReadDeadline(deadline); err != nil {
		return nil, err
	}
	frame := make([]byte, 1<<16)
	n, err := w.Read(frame)
	return frame[:n], err
}

// openWire takes all frames that come to an interface, and none that are sent by it.
func openWire(t *testing.T, ns netns, dev string) frameWire {
	t.Helper()
	var w frameWire
	ns.do(t, func() {
		link, err := net.InterfaceByName(dev)
		if err != nil {
			t.Error(err)
			return
		}
		all := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Error(err)
			return
		}
		w.File = os.NewFile(uintptr(fd), dev)
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			t.Error(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index}); err != nil {
			t.Error(err)
		}
	})
	if w.File == nil || t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// newBox makes a box with some links, whose far ends are the returned wires, one for each link. It has the
// addresses of the links, and routes everything else to its neighbours number 1 on the first link.
func newBox(t *testing.T, links []flowtest.Link, gateways ...string) (netns, []flowtest.Wire) {
	t.Helper()
	box, far := newNetns(t, "box"), newNetns(t, "far")
	for key, value := range map[string]string{
		"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv6/conf/default/accept_dad": "0", "ipv4/icmp_ratelimit": "0",
		"ipv6/icmp/ratelimit": "0", "ipv4/conf/all/send_redirects": "0", "ipv4/conf/default/send_redirects": "0",
		"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0",
	} {
		box.sysctl(t, key, value)
	}
	far.sysctl(t, "ipv6/conf/default/disable_ipv6", "1")
	var wires []flowtest.Wire
	for _, l := range links {
		box.Connect(l.Name, far.Namespace, l.Name)
		for _, a := range l.Addrs {
			box.AddAddr(l.Name, a.String())
		}
		for _, r := range l.Routes {
			box.run(t, "ip route add "+r.To.String()+" via "+r.Via.String())
		}
		wires = append(wires, openWire(t, far, l.Name))
	}
	for _, via := range gateways {
		if net.ParseIP(via).To4() != nil {
			box.run(t, "ip route add default via "+via)
		} else {
			box.run(t, "ip -6 route add default via "+via)
		}
	}
	return box, wires
}

// oneCPU keeps the test on one processor, the last but n: the kernel takes packets from veth in their order
// on each, not on all.
func oneCPU(t *testing.T, n int) {
	t.Helper()
	runtime.LockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	n %= before.Count()
	for cpu := 1024; n >= 0; cpu-- {
		if before.IsSet(cpu) {
			one.Zero()
			one.Set(cpu)
			n--
		}
	}
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // on the same goroutine, and so the same thread
		if err := unix.SchedSetaffinity(0, &before); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}
