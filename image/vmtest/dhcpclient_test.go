package vmtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// A dhcpClient is that of a host without an address. It asks more often than real ones do, and knows when an
// answer came.
type dhcpClient struct {
	conn net.PacketConn
	mac  net.HardwareAddr
}

func newDHCPClient(t *testing.T, host *testnet.Namespace) *dhcpClient {
	t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), eth0) })
		if failed != nil {
			return failed
		}
		return err
	}}
	c := &dhcpClient{mac: host.MAC(eth0)}
	err := host.Do(func() (err error) {
		c.conn, err = config.ListenPacket(t.Context(), "udp4", fmt.Sprintf(":%d", clientPort))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	return c
}

// offer gets an OFFER.
func (c *dhcpClient) offer(ctx context.Context, name string) (*dhcpv4.DHCPv4, error) {
	m, err := dhcpv4.NewDiscovery(c.mac, dhcpv4.WithBroadcast(true), dhcpv4.WithOption(dhcpv4.OptHostName(name)))
	if err != nil {
		return nil, err
	}
	return c.ask(ctx, m, dhcpv4.MessageTypeOffer)
}

// lease gets a lease, and gives its address.
func (c *dhcpClient) lease(ctx context.Context, name string) (string, error) {
	offer, err := c.offer(ctx, name)
	if err != nil {
		return "", err
	}
	m, err := dhcpv4.NewRequestFromOffer(offer, dhcpv4.WithBroadcast(true), dhcpv4.WithOption(dhcpv4.OptHostName(name)))
	if err != nil {
		return "", err
	}
	ack, err := c.ask(ctx, m, dhcpv4.MessageTypeAck)
	if err != nil {
		return "", err
	}
	return ack.YourIPAddr.String(), nil
}

// ask sends a message again and again until an answer of a kind comes.
func (c *dhcpClient) ask(ctx context.Context, m *dhcpv4.DHCPv4, want dhcpv4.MessageType) (*dhcpv4.DHCPv4, error) {
	var b [1500]byte
	for ctx.Err() == nil {
		if _, err := c.conn.WriteTo(m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: serverPort}); err != nil {
			return nil, err
		}
		if err := c.conn.SetReadDeadline(time.Now().Add(askEvery)); err != nil {
			return nil, err
		}
		for {
			n, _, err := c.conn.ReadFrom(b[:])
			if os.IsTimeout(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			answer, err := dhcpv4.FromBytes(b[:n])
			if err == nil && answer.TransactionID == m.TransactionID && answer.MessageType() == want {
				return answer, nil
			}
		}
	}
	return nil, fmt.Errorf("no %v: %w", want, ctx.Err())
}
