package conn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// open opens a Conn on eth1 of a router, whose other end is eth0 of a client.
func open(t *testing.T) (c *Conn, router, client *testnet.Namespace) {
	router, client = testnet.New(t, "router"), testnet.New(t, "client")
	router.Connect("eth1", client, "eth0")
	router.AddAddr("eth1", "192.168.32.1/24")
	client.AddAddr("eth0", "192.168.32.100/24")
	err := router.Do(func() (err error) {
		c, err = Open("eth1", netip.MustParseAddr("192.168.32.1"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, router, client
}

// TestSend has tcpdump look at a reply of each kind: who it is for, on the link, by
// address and port, and its checksum.
func TestSend(t *testing.T) {
	c, router, client := open(t)
	dump := client.Start(exec.Command(testnet.Need(t, "tcpdump", "tcpdump"), "-lenvv", "--immediate-mode", "-i", "eth0", "udp"))
	testnet.Eventually(t, 10*time.Second, "tcpdump listens", func() bool { return strings.Contains(dump.Output(), "listening on") })
	mac := lease.MAC{0, 0, 0x5e, 0, 0x53, 0x21}
	addr, source := netip.MustParseAddr("192.168.32.100"), router.MAC("eth1")
	for i, tc := range []struct {
		to    dhcp.Destination
		frame string // to whom on the link
		dst   string
	}{
		{dhcp.Destination{Via: dhcp.Broadcast}, "ff:ff:ff:ff:ff:ff", "255.255.255.255.68"},
		{dhcp.Destination{Via: dhcp.Direct, IP: netip.MustParseAddr("192.168.32.150"), MAC: mac}, mac.String(), "192.168.32.150.68"},
		{dhcp.Destination{Via: dhcp.Routed, IP: addr}, client.MAC("eth0").String(), "192.168.32.100.68"},
		{dhcp.Destination{Via: dhcp.Relay, IP: addr}, client.MAC("eth0").String(), "192.168.32.100.67"},
	} {
		if err := c.Send(tc.to, make([]byte, 301+i)); err != nil {
			t.Fatal(err)
		}
		var about string
		testnet.Eventually(t, 10*time.Second, tc.to.Via.String()+" arrives", func() bool {
			_, about, _ = strings.Cut(dump.Output(), fmt.Sprintf("length %d: (tos", 14+20+8+301+i))
			return strings.Count(about, "\n") >= 2
		})
		before, _, _ := strings.Cut(dump.Output(), about)
		head := before[strings.LastIndexByte(before, '\n')+1:]
		if !strings.Contains(head, source.String()+" > "+tc.frame) || !strings.Contains(about, "192.168.32.1.67 > "+tc.dst+": [udp sum ok]") {
			t.Errorf("%s arrived as\n%s%s", tc.to.Via, head, about)
		}
	}
}

// read waits for a message.
func read(c *Conn, p []byte) (n int, err error) {
	for n == 0 && err == nil {
		if err = c.Wait(); err == nil {
			n, _, err = c.Read(p)
		}
	}
	return n, err
}

func TestReadHearsItsLinkOnly(t *testing.T) {
	c, router, client := open(t)
	other := testnet.New(t, "other")
	router.Connect("eth2", other, "eth0")
	router.AddAddr("eth2", "192.168.33.1/24")
	other.AddAddr("eth0", "192.168.33.100/24")
	send := func(n *testnet.Namespace, to, msg string) {
		t.Helper()
		err := n.Do(func() error {
			s, err := net.Dial("udp4", to)
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.Write([]byte(msg))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	send(other, "192.168.33.1:67", "from the other link")
	send(other, "192.168.33.255:67", "from the other link, to all")
	send(client, "192.168.32.1:67", "unicast, as from one who renews")
	send(client, "192.168.32.255:67", "broadcast")
	for _, want := range []string{"unicast, as from one who renews", "broadcast"} {
		b := make([]byte, 100)
		if n, err := read(c, b); err != nil || string(b[:n]) != want {
			t.Errorf("read %q, %v, want %q", b[:n], err, want)
		}
	}
}

func TestCloseEndsRead(t *testing.T) {
	c, _, _ := open(t)
	ended := make(chan error)
	go func() {
		ended <- c.Wait()
	}()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func TestOpenFails(t *testing.T) {
	c, router, _ := open(t)
	again := func(link string) error {
		return router.Do(func() error { _, err := Open(link, c.source); return err })
	}
	if err := again("eth1"); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "link eth1") {
		t.Errorf("a second server: %v", err)
	}
	if err := again("eth7"); !errors.Is(err, links.ErrAbsent) || err.Error() != "link eth7 is not there" {
		t.Errorf("no such link: %v", err)
	}
	if err := again("lo"); !errors.Is(err, links.ErrAbsent) || err.Error() != "link lo: the address 192.168.32.1 is not there" {
		t.Errorf("without our address: %v", err)
	}
	if fds, err := os.ReadDir("/proc/self/fd"); err != nil || len(fds) > 40 {
		t.Errorf("%d descriptors are open, %v", len(fds), err)
	}
}

// TestSendOnADownLink: it fails, and does not wait.
func TestSendOnADownLink(t *testing.T) {
	c, router, _ := open(t)
	router.Down("eth1")
	for _, to := range []dhcp.Destination{{Via: dhcp.Broadcast}, {Via: dhcp.Routed, IP: netip.MustParseAddr("192.168.32.100")}} {
		if err := c.Send(to, make([]byte, 300)); err == nil {
			t.Errorf("%s was sent on a link that is down", to.Via)
		}
	}
}

// TestLinkIsReplaced: another link of the name is not the one that the sockets are on.
func TestLinkIsReplaced(t *testing.T) {
	c, router, client := open(t)
	source := netip.MustParseAddr("192.168.32.1")
	var arp *ARP
	if err := router.Do(func() (err error) { arp, err = OpenARP("eth1", source); return err }); err != nil {
		t.Fatal(err)
	}
	defer arp.Close()
	answers := make(chan error, 1)
	go func() {
		_, _, err := arp.Answer()
		answers <- err
	}()
	check := func() error { return router.Do(c.Check) }
	if err := check(); err != nil {
		t.Error(err)
	}
	router.Down("eth1")
	router.Up("eth1")
	if err := check(); err != nil {
		t.Errorf("down and up: %v", err)
	}
	router.Run("ip", "link", "del", "eth1")
	if err := check(); !errors.Is(err, links.ErrAbsent) || err.Error() != "link eth1 is not there" {
		t.Errorf("gone: %v", err)
	}
	router.Connect("eth1", client, "eth0")
	if err := check(); !errors.Is(err, links.ErrAbsent) || err.Error() != "link eth1 is another one now, the former is not there" {
		t.Errorf("replaced: %v", err)
	}
	if err := c.Send(dhcp.Destination{Via: dhcp.Broadcast}, make([]byte, 300)); err == nil {
		t.Error("the former sockets send")
	}
	if err := arp.Close(); err != nil {
		t.Error(err)
	}
	if err := <-answers; !errors.Is(err, net.ErrClosed) {
		t.Errorf("who hears no answers was told %v", err)
	}
}

// TestWaits: messages are heard while little comes, while much does, and after that, and Close ends both
// waits.
func TestWaits(t *testing.T) {
	c, router, client := open(t)
	say := func(n int) {
		t.Helper()
		for range n {
			if err := client.Do(func() error {
				s, err := net.Dial("udp4", "192.168.32.1:67")
				if err != nil {
					return err
				}
				defer s.Close()
				_, err = s.Write([]byte("message"))
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		for range n {
			if got, err := read(c, make([]byte, 100)); err != nil || got != len("message") {
				t.Fatalf("%d bytes, %v", got, err)
			}
		}
	}
	say(1)
	testnet.Eventually(t, 10*time.Second, "much comes", func() bool { say(many + 1); return c.queue.streak.Load() >= many })
	say(3)
	ended := make(chan error)
	go func() { ended <- c.Wait() }()
	testnet.Eventually(t, 10*time.Second, "a lull", func() bool { return c.queue.streak.Load() == 0 })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("in the poller: %v", err)
	}
	if err := router.Do(func() (err error) { c, err = Open("eth1", c.source); return err }); err != nil {
		t.Fatal(err)
	}
	c.queue.streak.Store(many)
	if err := unix.SetsockoptTimeval(c.udp, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{}); err != nil { // no lull
		t.Fatal(err)
	}
	go func() { ended <- c.Wait() }()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("in the kernel: %v", err)
	}
}
