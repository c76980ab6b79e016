package conn

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// TestLinkIsReplaced takes the card out and puts another in: the sockets say so, and new
// ones hear.
func TestLinkIsReplaced(t *testing.T) {
	n := newNetwork(t)
	var c *Conn
	n.in(func() (err error) { c, err = Open("wan0", 0); return err })
	check := func(want bool) {
		t.Helper()
		n.in(func() error {
			if err := c.Check(); errors.Is(err, links.ErrAbsent) == want || err != nil && want {
				t.Errorf("Check: %v", err)
			}
			return nil
		})
	}
	check(true)
	n.box.Down("wan0")
	check(true)
	n.box.Run("ip", "link", "del", "wan0")
	check(false)
	n.in(func() error {
		if err := c.Send(t.Context(), Way{}, make([]byte, 300)); !errors.Is(err, links.ErrAbsent) {
			t.Errorf("Send: %v", err)
		}
		if _, err := c.Probe(t.Context(), addr("192.0.2.9"), addr("192.0.2.1"), 1); !errors.Is(err, links.ErrAbsent) {
			t.Errorf("Probe: %v", err)
		}
		if _, err := Open("wan0", 0); !errors.Is(err, links.ErrAbsent) || err.Error() != "link wan0 is not there" {
			t.Errorf("Open: %v", err)
		}
		return nil
	})
	n.connect()
	check(false)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	c = n.open()
	check(true)
	w := n.wire()
	w.write(w.to, nil, unix.ETH_P_IP, w.reply(7, nil))
	if _, err := c.Read(); err != nil {
		t.Error(err)
	}
	n.box.Down("wan0")
	n.box.SetMAC("wan0", net.HardwareAddr{2, 0, 0, 0, 0, 7})
	n.box.Up("wan0")
	check(false)
}

// TestOnePerLink: one client on a link, others beside it, and none on what is no Ethernet.
func TestOnePerLink(t *testing.T) {
	n := newNetwork(t)
	n.box.Connect("wan1", n.isp, "eth1")
	n.open()
	n.in(func() error {
		if _, err := Open("wan0", 0); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a second client: %v", err)
		}
		if _, err := Open("lo", 0); err == nil {
			t.Error("lo was opened")
		}
		c, err := Open("wan1", 0)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// TestDown: a message for a link that is down is an error, and afterwards the same sockets
// work.
func TestDown(t *testing.T) {
	n := newNetwork(t)
	c := n.open()
	n.box.Down("wan0")
	n.in(func() error {
		if err := c.Send(t.Context(), Way{}, make([]byte, 300)); !errors.Is(err, syscall.ENETDOWN) {
			t.Errorf("sent: %v", err)
		}
		return nil
	})
	n.box.Up("wan0")
	wantest.Providers()[0].Start(t, n.isp, "192.0.2.100")
	n.until(c, packet.Offer, Way{}, question(c, packet.Discover, 9))
}
