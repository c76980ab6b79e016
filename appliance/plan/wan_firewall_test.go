package plan_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/explain"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestProvidersAnswersComeIn: the kernel lets the answers of a DHCP server in, to everybody and before the
// box has an address, and nothing else; where nobody asks, not these either.
func TestProvidersAnswersComeIn(t *testing.T) {
	for i, c := range []struct {
		lines  string
		learnt plan.Learned
		in     bool
	}{
		{`ipv4 = "dhcp"`, plan.Learned{}, true},
		{`ipv4 = "dhcp"`, plan.Learned{WAN: provided()}, true},
		{`ipv4 = "203.0.113.7/24"`, plan.Learned{}, false},
	} {
		table, err := plan.Make(upstream(t, c.lines), c.learnt).Firewall.Table()
		if err != nil {
			t.Fatal(err)
		}
		box, isp := testnet.New(t, "box"), testnet.New(t, "isp")
		box.Connect("eth0", isp, "eth0")
		isp.AddAddr("eth0", "10.64.0.1/24") // a server as CGNAT has it, to which the box has no way back
		isp.Run("ip", "route", "add", "default", "dev", "eth0")
		if err := box.Do(func() error { return nft.Load(table) }); err != nil {
			t.Fatal(err)
		}
		for _, port := range []int{68, 69} {
			want := c.in && port == 68
			within := time.Second // what comes in does so at once
			if want {
				within = patience
			}
			if got := heard(t, box, isp, port, within); got != want {
				t.Errorf("%d: what comes to port %d comes in: %t, want %t", i, port, got, want)
			}
		}
	}
}

// heard sends as a DHCP server does, and reports whether it comes in within a time.
func heard(t *testing.T, box, isp *testnet.Namespace, port int, within time.Duration) bool {
	t.Helper()
	broadcast := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1) })
	}}
	var in net.PacketConn
	err := box.Do(func() (err error) {
		in, err = broadcast.ListenPacket(t.Context(), "udp4", fmt.Sprintf("0.0.0.0:%d", port))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out net.PacketConn
	if err := isp.Do(func() (err error) {
		out, err = broadcast.ListenPacket(t.Context(), "udp4", "10.64.0.1:67")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.WriteTo([]byte("offer"), &net.UDPAddr{IP: net.IPv4bcast, Port: port}); err != nil {
		t.Fatal(err)
	}
	in.SetReadDeadline(time.Now().Add(within))
	_, _, err = in.ReadFrom(make([]byte, 100))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return err == nil
}

// TestForwardsFollowTheLease: a port is offered at whatever address the box has upstream.
func TestForwardsFollowTheLease(t *testing.T) {
	const lines = "ipv4 = \"dhcp\"\n[[firewall.forward]]\nport = 443\nto = \"web1\"\n"
	s := upstream(t, lines)
	for _, own := range []string{"203.0.113.7", "203.0.113.8"} {
		f := provided()
		f.Addrs = []netip.Prefix{netip.MustParsePrefix(own + "/24")}
		p := plan.Make(s, plan.Learned{WAN: f})
		table, err := p.Firewall.Table()
		if err != nil {
			t.Fatal(err)
		}
		from := netip.MustParseAddrPort("9.9.9.9:5000")
		got := explain.Table(table, networkOf(p), explain.Packet{
			In: "eth0", Source: from, Destination: netip.AddrPortFrom(netip.MustParseAddr(own), 443), Proto: firewall.ProtoTCP,
			Flags: firewall.TCPSyn, HopLimit: 60, State: firewall.CTNew,
		})
		if got.Verdict != firewall.VerdictAccept || got.Out != "eth1" || got.Destination.String() != "192.168.32.11:443" {
			t.Errorf("%s: %+v", own, got)
		}
	}
}
