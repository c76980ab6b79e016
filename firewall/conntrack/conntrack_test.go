package conntrack

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// patience bounds what should come at once.
const patience = 20 * time.Second

const nat = `
table ip t {
	chain pre { type nat hook prerouting priority dstnat; udp dport 53 dnat to 198.51.100.2:5300; }
	chain post { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
}
table ip6 t { chain f { type filter hook input priority 0; ct state new accept; }; }`

// A router with a host on each side, that counts and translates.
func router(t *testing.T) (box, lan *testnet.Namespace) {
	box, lan, wan := testnet.New(t, "box"), testnet.New(t, "lan"), testnet.New(t, "wan")
	box.Connect("lan", lan, "eth0")
	box.Connect("wan", wan, "eth0")
	box.AddAddr("lan", "192.168.32.1/24")
	lan.AddAddr("eth0", "192.168.32.50/24")
	lan.AddRoute("default", "192.168.32.1")
	box.AddAddr("wan", "198.51.100.1/24")
	wan.AddAddr("eth0", "198.51.100.2/24")
	box.Run("ip", "addr", "add", "2001:db8::1/64", "dev", "lan", "nodad")
	lan.Run("ip", "addr", "add", "2001:db8::50/64", "dev", "eth0", "nodad")
	box.Sysctl("ipv4.ip_forward", "1")
	box.Sysctl("netfilter.nf_conntrack_acct", "1")
	box.Run("nft", nat)
	return box, lan
}

func send(t *testing.T, ns *testnet.Namespace, from, to, text string) {
	t.Helper()
	err := ns.Do(func() error {
		c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// flows are the UDP conversations, by their sources.
func flows(t *testing.T, ns *testnet.Namespace) map[netip.AddrPort]Flow {
	t.Helper()
	all := map[netip.AddrPort]Flow{}
	if err := ns.Do(func() error {
		return Each(func(f Flow) {
			if f.Proto == unix.IPPROTO_UDP {
				all[f.Source] = f
			}
		})
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKernel lists what real packets began, counted and translated, and forgets a part.
func TestKernel(t *testing.T) {
	box, lan := router(t)
	send(t, lan, "192.168.32.50:4000", "198.51.100.2:9", "four")
	send(t, lan, "192.168.32.50:4001", "192.168.32.1:53", "12345678")
	send(t, lan, "[2001:db8::50]:4002", "[2001:db8::1]:9", "")
	var got map[netip.AddrPort]Flow
	testnet.Eventually(t, patience, "three conversations", func() bool { got = flows(t, box); return len(got) == 3 })
	at := netip.MustParseAddrPort
	for _, want := range []Flow{
		{Proto: 17, Source: at("192.168.32.50:4000"), Destination: at("198.51.100.2:9"), ReplySource: at("198.51.100.2:9"),
			ReplyDestination: at("198.51.100.1:4000"), Sent: firewall.Count{Packets: 1, Bytes: 32}},
		{Proto: 17, Source: at("192.168.32.50:4001"), Destination: at("192.168.32.1:53"), ReplySource: at("198.51.100.2:5300"),
			ReplyDestination: at("198.51.100.1:4001"), Sent: firewall.Count{Packets: 1, Bytes: 36}},
		{Proto: 17, Source: at("[2001:db8::50]:4002"), Destination: at("[2001:db8::1]:9"), ReplySource: at("[2001:db8::1]:9"),
			ReplyDestination: at("[2001:db8::50]:4002"), Sent: firewall.Count{Packets: 1, Bytes: 48}},
	} {
		f := got[want.Source]
		f.id, f.zone, f.tuple, f.Received = 0, 0, nil, firewall.Count{}
		if d := cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", f)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	forget := func(match func(Flow) bool) (n int) {
		t.Helper()
		if err := box.Do(func() (err error) { n, err = Forget(match); return err }); err != nil {
			t.Error(err)
		}
		return n
	}
	for port := range 3 {
		n := forget(func(f Flow) bool { return f.Proto == unix.IPPROTO_UDP && f.Source.Port() == uint16(4000+port) })
		if left := flows(t, box); n != 1 || len(left) != 2-port {
			t.Errorf("port %d: forgot %d, %d are left", 4000+port, n, len(left))
		}
	}
	if n := forget(func(f Flow) bool { return f.Proto == unix.IPPROTO_UDP }); n != 0 {
		t.Errorf("forgot %d of nothing", n)
	}
	var limits Limits
	if err := box.Do(func() (err error) { limits, err = ReadLimits(); return err }); err != nil || limits.Max == 0 || !limits.Counted {
		t.Errorf("%+v, %v", limits, err)
	}
}

// TestManyForgotten: more than one pass.
func TestManyForgotten(t *testing.T) {
	box, _ := router(t)
	const many = forgotten + 500
	if err := box.Do(func() error {
		c, err := net.ListenUDP("udp", nil)
		if err != nil {
			return err
		}
		defer c.Close()
		for i := range many {
			a := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
			if _, err := c.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(a, 9)); err != nil && !os.IsPermission(err) {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := box.Do(func() (err error) {
		n, err = Forget(func(f Flow) bool { return f.Proto == unix.IPPROTO_UDP && f.Source.Addr().IsLoopback() })
		return err
	}); err != nil || n < many {
		t.Errorf("forgot %d of %d, %v", n, many, err)
	}
}

// FuzzParseFlow has only to survive, and to know both ends.
func FuzzParseFlow(f *testing.F) {
	tuple := func(kind int) []byte {
		ip := nl.NewRtAttr(nl.CTA_TUPLE_IP|unix.NLA_F_NESTED, nil)
		ip.AddRtAttr(nl.CTA_IP_V4_SRC, []byte{192, 0, 2, 1})
		ip.AddRtAttr(nl.CTA_IP_V4_DST, []byte{192, 0, 2, 2})
		proto := nl.NewRtAttr(nl.CTA_TUPLE_PROTO|unix.NLA_F_NESTED, nil)
		proto.AddRtAttr(nl.CTA_PROTO_NUM, []byte{17})
		proto.AddRtAttr(nl.CTA_PROTO_SRC_PORT, binary.BigEndian.AppendUint16(nil, 53))
		return nl.NewRtAttr(kind|unix.NLA_F_NESTED, append(ip.Serialize(), proto.Serialize()...)).Serialize()
	}
	f.Add(append(append([]byte{2, 0, 0, 0}, tuple(nl.CTA_TUPLE_ORIG)...), tuple(nl.CTA_TUPLE_REPLY)...))
	f.Add([]byte(strings.Repeat("\x04\x00\x01\x80", 20)))
	f.Fuzz(func(t *testing.T, b []byte) {
		flow, err := parseFlow(b)
		if err == nil && (!flow.Source.Addr().IsValid() || !flow.ReplySource.Addr().IsValid() || flow.tuple == nil) {
			t.Errorf("%+v", flow)
		}
	})
}
