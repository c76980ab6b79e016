package vmtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const (
	brokerAddr = "203.0.113.30"       // the broker's end
	brokerEnd  = "2001:db8:1f0a:1::1" // in the tunnel
	ourEnd     = "2001:db8:1f0a:1::2/64"
	server6    = "2001:db8:99::1" // a server beyond it
	routed64   = "2001:db8:1f0b:1::/64"
	routed48   = "2001:db8:abcd::/48"
)

// A tunnelled has an appliance between a laptop and a server, with a 6in4 tunnel on the way.
type tunnelled struct {
	*testing.T
	wan, laptop, web1 *testnet.Namespace
	end               *farEnd
	*workstation
	listener *net.TCPListener
}

// TestTunnel has IPv6 through a tunnel whose other end is none of ours: pings, transfers both ways that find
// the largest packet, an end that dies and comes back, a way outside that gets narrower, another address from
// the provider, and an appliance behind NAT.
func TestTunnel(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan := newSwitch(t, "wan", gateway+"/24", internet+"/32", brokerAddr+"/32", "192.168.7.1/24")
	lan := newSwitch(t, "lan", storeAddr)
	wan.Sysctl("ipv6/conf/all/forwarding", "1")
	wan.Run("ip", "-6", "addr", "add", server6+"/128", "dev", eth0, "nodad")
	h := &tunnelled{T: t, wan: wan, laptop: newHost(t, lan, "00:00:5e:00:53:21"), web1: newHost(t, lan, web1MAC)}
	h.workstation = newWorkstation(t, admin{from: h.laptop, key: img.Key, address: "192.168.32.1",
		knownHosts: filepath.Join(t.TempDir(), "known_hosts")}, "../../examples/home")
	first, second := netip.MustParseAddr("192.0.2.77"), netip.MustParseAddr("192.0.2.88")
	h.end = newFarEnd(t, wan, netip.MustParseAddr(brokerAddr), first, brokerEnd+"/64", routed64, routed48)
	h.serve()
	h.serveWeb()
	w := h.workstation
	root := disk(ctx, t, img.Root)
	vm := appliance(t, img, wan, lan, root)
	udhcpc(ctx, t, h.laptop)
	h.web1.Run("ip", "token", "set", "::11", "dev", eth0)

	dhcp := h.provide(first.String(), gateway)
	w.change(t, "site.toml", `ipv4      = "192.0.2.10/24"`, `ipv4      = "dhcp"`)
	w.change(t, "site.toml", `gateway   = "192.0.2.1"`, "")
	w.change(t, "site.toml", `lease-time = "12h"`, "lease-time = \"12h\"\nipv6 = \"tunnel\"")
	w.tunnel(t, routed64, routed48)
	w.add(t, "hosts", "::11 web1\n")
	w.add(t, "site.toml", "[[firewall.forward]]\nport = 443\nto = \"web1\"\n")
	w.mustPush(ctx, t)
	h.state(ctx, "up")
	h.hosts(ctx, "2001:db8:abcd::")
	h.laptop.Run("ping", "-c3", "-w30", server6)
	h.wan.Run("ping", "-c1", "-w30", "-I", brokerAddr,
		first.String()) // before a broker takes an endpoint, it pings it
	t.Log(h.must(ctx, t, "gatehouse tunnel"))
	device := func() (index, mtu, ends string) {
		words := strings.Fields(h.must(ctx, t,
			"cd /sys/class/net/tunnel6; cat ifindex mtu address broadcast"))
		return words[0], words[1], strings.Join(words[2:], " to ")
	}
	index, mtu, ends := device()
	if mtu != "1480" || ends != "c0:00:02:4d to cb:00:71:1e" { // 192.0.2.77, 203.0.113.30
		t.Errorf("the tunnel has an MTU of %s, from %s", mtu, ends)
	}

	h.transfers("at first", 1420)
	h.besideByHand(ctx, img, lan, first)
	h.loops(ctx)
	conversation := h.dial()
	h.passes("a conversation", conversation)

	// A router on the way passes less: the appliance is told, and tells who sends (RFC 4213 3.2.2).
	h.end.path.Store(1400)
	h.transfers("on a narrow way", 1420)
	if h.end.tooLarge.Load() == 0 {
		t.Error("no packet was too large for the narrow way")
	}
	h.end.path.Store(0)

	h.dies(ctx)
	h.clean(ctx, t, "with the broker back")
	h.passes("a conversation from before", conversation)

	h.api(brokerAddr)
	w.add(t, "hosts", brokerAddr+" broker\n")
	w.write(t, "tunnel.key", "Zm9vYmFyYmF6\n")
	w.change(t, "site.toml", "# A network of hosts", `[tunnel.update]
user     = "customer"
tunnel   = "1"
key-file = "tunnel.key"
url      = "https://broker.home.example/nic/update"

# A network of hosts`)
	w.mustPush(ctx, t)
	testnet.Eventually(t, Guard, "the broker is not told by who is not the broker", func() bool {
		out, err := h.run(ctx, "gatehouse tunnel")
		return err == nil && strings.Contains(out, "a certificate that is not accepted")
	})
	for _, command := range []string{"gatehouse tunnel --json", "gatehouse log -n 1000",
		"gatehouse status --json"} {
		if out, _ := h.run(ctx, command); strings.Contains(out, "Zm9vYmFyYmF6") {
			t.Errorf("%s shows the key", command)
		}
	}

	dhcp.Signal(9)
	dhcp = h.provide(second.String(), gateway)
	_, _ = h.run(ctx, "gatehouse wan renew")
	testnet.Eventually(t, Guard, "the tunnel begins at the other address", func() bool {
		now, _, ends := device()
		return now == index && ends == "c0:00:02:58 to cb:00:71:1e"
	})
	h.state(ctx, "down")
	h.end.follow(second)
	h.state(ctx, "up")
	h.passes("a conversation from before the other address", conversation)
	h.transfers("from another address", 1420)
	h.renumbered(ctx)

	dhcp.Signal(9)
	h.end.dead.Store(true)
	h.provide("192.168.7.77", "192.168.7.1")
	_, _ = h.run(ctx, "gatehouse wan renew")
	testnet.Eventually(t, Guard, "it is said that the appliance is behind NAT", func() bool {
		out, _ := h.run(ctx, "gatehouse tunnel why")
		return strings.Contains(out, "behind another router (NAT)") && strings.Contains(out, "192.168.7.77")
	})
	out, _ := h.run(ctx, "gatehouse tunnel why")
	t.Log(out)
	for _, bad := range []string{"Out of memory", "could not be applied"} {
		if strings.Contains(vm.Text(), bad) {
			t.Errorf("the console says %q", bad)
		}
	}
}

// provide starts a provider's DHCP server with one address to lease.
func (h *tunnelled) provide(address, router string) *testnet.Process {
	h.Helper()
	conf := filepath.Join(h.TempDir(), "dnsmasq.conf")
	text := fmt.Sprintf("port=0\ninterface=%[2]s\nbind-interfaces\nleasefile-ro\ndhcp-authoritative\nno-ping\n"+
		"dhcp-range=%[1]s,%[1]s,255.255.255.0,1h\ndhcp-option=option:router,%[3]s\n", address, eth0, router)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
	return h.wan.Start(exec.Command(testnet.Need(h.T, "dnsmasq", "dnsmasq-base"), "--keep-in-foreground",
		"--log-facility=-", "--conf-file="+conf))
}

// state waits for what the appliance says of the tunnel.
func (h *tunnelled) state(ctx context.Context, want string) {
	h.Helper()
	testnet.Eventually(h.T, Guard, "the tunnel is "+want, func() bool {
		out, _ := h.run(ctx, "gatehouse tunnel --json") // its exit status is 1 while it is down
		return strings.Contains(out, `"state": "`+want+`"`)
	})
	testnet.Eventually(h.T, Guard, "init has learned that it is "+want, func() bool {
		text, _ := h.run(ctx, "cat /run/gatehouse/learned.json")
		var learned struct{ Tunnel struct{ Up *bool } }
		err := json.Unmarshal([]byte(text), &learned)
		return err == nil && learned.Tunnel.Up != nil && *learned.Tunnel.Up == (want == "up")
	})
}

// loops has nobody's address in what is routed to the appliance be unreachable, not sent out again.
func (h *tunnelled) loops(ctx context.Context) {
	h.Helper()
	before := h.end.received.Load()
	out, err := h.laptop.Try("ping", "-c1", "-w20", "2001:db8:abcd:7::1")
	if err == nil || !strings.Contains(strings.ToLower(out), "unreachable") {
		h.Errorf("an address of nobody in a routed network: %v\n%s", err, out)
	}
	_, _ = h.wan.Try("ping", "-c3", "-i0.3", "-w2", "2001:db8:abcd:7::1")
	if n := h.end.received.Load() - before; n > 20 {
		h.Errorf("%d packets came out of the tunnel for an address of nobody", n)
	}
	saysAll(h.T, "routes", h.must(ctx, h.T, "ip -6 route"), "2001:db8:abcd::/48", "default via "+brokerEnd)
}

// serve starts a server that sends back what it gets.
func (h *tunnelled) serve() {
	h.Helper()
	err := h.wan.Do(func() (err error) {
		h.listener, err = net.ListenTCP("tcp6",
			net.TCPAddrFromAddrPort(netip.MustParseAddrPort("["+server6+"]:7")))
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { h.listener.Close() })
	go func() {
		for {
			c, err := h.listener.AcceptTCP()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, struct{ io.Reader }{c})
			}()
		}
	}()
}

// api starts a server of HTTPS whose certificate nobody vouches for.
func (h *tunnelled) api(address string) {
	h.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h.Errorf("a server that nobody vouches for was asked: %s", r.URL)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what is expected
	err := h.wan.Do(func() (err error) {
		s.Listener.Close()
		s.Listener, err = net.Listen("tcp4", address+":443")
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	s.StartTLS()
	h.Cleanup(s.Close)
}

// dial connects the laptop with the server.
func (h *tunnelled) dial() *net.TCPConn {
	h.Helper()
	var c *net.TCPConn
	err := h.laptop.Do(func() (err error) {
		c, err = net.DialTCP("tcp6", nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort("["+server6+"]:7")))
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { c.Close() })
	return c
}

// passes sends some bytes there and back over a connection.
func (h *tunnelled) passes(what string, c *net.TCPConn) {
	h.Helper()
	h.exchange(what, c, 1000)
}

// transfers sends much there and back at once, over a new connection, whose packets must fit.
func (h *tunnelled) transfers(when string, most int) {
	h.Helper()
	const size = 4 << 20
	c := h.dial()
	took := h.exchange("a transfer "+when, c, size)
	n, err := maxSegment(c)
	if err != nil || n > most || n < 1280-60-20 {
		h.Errorf("%s: a segment of %d bytes (%v), want at most %d", when, n, err, most)
	}
	h.Logf("%s: %d MiB there and back in %v, segments of %d bytes", when, size>>20,
		took.Round(time.Millisecond), n)
	c.Close()
}

func (h *tunnelled) exchange(what string, c *net.TCPConn, size int) time.Duration {
	h.Helper()
	begin := time.Now()
	if err := c.SetDeadline(begin.Add(Guard)); err != nil {
		h.Fatal(err)
	}
	data := make([]byte, size)
	r := rand.NewChaCha8(sha256.Sum256([]byte(what)))
	_, _ = r.Read(data)
	sent := make(chan error, 1)
	go func() { _, err := c.Write(data); sent <- err }()
	back := make([]byte, size)
	if n, err := io.ReadFull(c, back); err != nil {
		h.Fatalf("%s: after %d of %d bytes: %v", what, n, size, err)
	}
	if err := <-sent; err != nil || !bytes.Equal(data, back) {
		h.Errorf("%s: %v, or other bytes came back", what, err)
	}
	return time.Since(begin)
}
