package conn

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

func TestStation(t *testing.T) {
	for _, tc := range []struct{ to, network, gateway, want string }{
		{"192.0.2.1", "192.0.2.0/24", "192.0.2.254", "192.0.2.1"},
		{"10.99.0.1", "192.0.2.0/24", "192.0.2.254", "192.0.2.254"},
		{"10.99.0.1", "192.0.2.0/24", "", "10.99.0.1"},
		{"10.99.0.1", "192.0.2.100/32", "198.51.100.1", "198.51.100.1"},
		{"198.51.100.1", "192.0.2.100/32", "198.51.100.1", "198.51.100.1"},
		{"192.0.2.101", "192.0.2.100/31", "", "192.0.2.101"},
	} {
		w := Way{To: addr(tc.to), Network: netip.MustParsePrefix(tc.network)}
		if tc.gateway != "" {
			w.Gateway = addr(tc.gateway)
		}
		if got := w.station(); got != addr(tc.want) {
			t.Errorf("%+v: asks for %s", tc, got)
		}
	}
}

// TestServerElsewhere renews at a server outside the network of the lease, from a box where
// everything is against it: routes lead elsewhere or into nothing, and rules let nothing in
// or out.
func TestServerElsewhere(t *testing.T) {
	for name, tc := range map[string]struct {
		ours, network, gateway string
		silent                 bool // nobody answers ARP for the server
		mac                    bool // who its messages came from is known
		want                   error
	}{
		"by the gateway":                          {"192.0.2.100", "192.0.2.0/24", "192.0.2.1", true, false, nil},
		"/32, by a gateway off the link":          {"203.0.113.5", "203.0.113.5/32", "198.51.100.1", true, false, nil},
		"no gateway, on the link":                 {"192.0.2.100", "192.0.2.0/24", "", false, false, nil},
		"no gateway, silent, its router is known": {"192.0.2.100", "192.0.2.0/24", "", true, true, nil},
		"no gateway, silent":                      {"192.0.2.100", "192.0.2.0/24", "", true, false, ErrSilent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			n.hostile(tc.ours)
			n.isp.AddAddr("eth0", "198.51.100.1/32")
			n.isp.AddAddr("lo", "10.99.0.1/32")
			n.isp.Run("ip", "route", "add", tc.ours, "dev", "eth0", "src", "10.99.0.1")
			if tc.silent {
				n.isp.Sysctl("ipv4.conf.eth0.arp_ignore", "1") // but for what is on the card itself
			}
			seen := sniff(t, n.isp, "eth0", "icmp")
			w := Way{To: addr("10.99.0.1"), From: addr(tc.ours), Network: netip.MustParsePrefix(tc.network)}
			if tc.gateway != "" {
				w.Gateway = addr(tc.gateway)
			}
			if tc.mac {
				w.MAC = ethernet.MAC(n.isp.MAC("eth0"))
			}
			n.renew(w, tc.want)
			if strings.Contains(seen(), "ICMP") {
				t.Errorf("seen:\n%s", seen())
			}
		})
	}
}

// hostile gives the box its address, and routes and rules that keep everything off wan0.
func (n *network) hostile(ours string) {
	n.box.Connect("lan0", n.isp, "eth1")
	n.box.AddAddr("lan0", "192.168.32.1/24")
	n.box.AddAddr("wan0", ours+"/32")
	n.box.AddRoute("default", "192.168.32.2")
	n.box.Run("ip", "route", "add", "blackhole", "10.0.0.0/8")
	n.box.Run("ip", "route", "add", "192.0.2.0/24", "via", "192.168.32.2")
	n.box.Run(testnet.Need(n.t, "nft", "nftables"), "-f", write(n.t, n.t.TempDir(), "rules", `table inet none {
		chain in { type filter hook input priority 0; policy drop; }
		chain out { type filter hook output priority 0; policy drop; }
	}`))
}

// renew sends a message to a server that answers each by a reply.
func (n *network) renew(w Way, want error) {
	t := n.t
	var server *net.UDPConn
	err := n.isp.Do(func() (err error) {
		server, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(w.To, serverPort)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := n.open()
	n.in(func() error {
		if err := c.Send(t.Context(), w, make([]byte, 300)); !errors.Is(err, want) {
			t.Errorf("sent: %v, want %v", err, want)
		}
		return nil
	})
	if want != nil {
		return
	}
	_ = server.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 1000)
	size, from, err := server.ReadFromUDPAddrPort(b)
	if err != nil || size != 300 || from != netip.AddrPortFrom(w.From, clientPort) {
		t.Fatalf("the server heard %d bytes from %s, %v", size, from, err)
	}
	b[0] = 2
	copy(b[28:], c.MAC[:])
	if _, err := server.WriteToUDPAddrPort(b[:size], from); err != nil {
		t.Fatal(err)
	}
	c.packet.Deadline(time.Now().Add(10 * time.Second))
	if m, err := c.Read(); err != nil || m.From != w.To || len(m.Payload) != 300 {
		t.Errorf("heard %+v, %v", m, err)
	}
}

// TestPortIsHeld: who answers us by unicast is not told that nobody is there, and what is
// for other ports of ours still is.
func TestPortIsHeld(t *testing.T) {
	n := newNetwork(t)
	n.box.AddAddr("wan0", "192.0.2.100/24")
	n.box.Sysctl("ipv4.ip_forward", "1")
	c, w := n.open(), n.wire()
	seen := sniff(t, n.isp, "eth0", "icmp")
	w.write(w.to, nil, unix.ETH_P_IP, w.reply(1, nil))
	w.write(w.to, nil, unix.ETH_P_IP, datagram(69, []byte("x")))
	testnet.Eventually(t, 10*time.Second, "port 69 is unreachable", func() bool {
		return strings.Contains(seen(), "udp port 69 unreachable")
	})
	if strings.Contains(seen(), "port 68") {
		t.Errorf("seen:\n%s", seen())
	}
	if _, err := c.Read(); err != nil {
		t.Error(err)
	}
}
