package conn

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

type prober interface {
	Probe(netip.Addr) error
	Answer() (netip.Addr, lease.MAC, error)
	Close() error
}

// TestARP asks for an address that a neighbour has, after one that nobody has.
func TestARP(t *testing.T) {
	router, client := testnet.New(t, "router"), testnet.New(t, "client")
	router.Connect("eth1", client, "eth0")
	router.AddAddr("eth1", "192.168.32.1/24")
	client.AddAddr("eth0", "192.168.32.100/24")
	var a *ARP
	err := router.Do(func() (err error) { a, err = OpenARP("eth1", netip.MustParseAddr("192.168.32.1")); return err })
	if err != nil {
		t.Fatal(err)
	}
	probes(t, a, netip.MustParseAddr("192.168.32.99"), netip.MustParseAddr("192.168.32.100"), lease.MAC(client.MAC("eth0")))
	for _, link := range []string{"lo", "eth9"} {
		if err := router.Do(func() error { _, err := OpenARP(link, a.source); return err }); err == nil {
			t.Errorf("ARP was opened on %s", link)
		}
	}
}

// TestICMP does the same through a router in between.
func TestICMP(t *testing.T) {
	server, router, far := testnet.New(t, "server"), testnet.New(t, "router"), testnet.New(t, "far")
	server.Connect("eth1", router, "eth0")
	router.Connect("eth1", far, "eth0")
	server.AddAddr("eth1", "192.168.32.1/24")
	router.AddAddr("eth0", "192.168.32.2/24")
	router.AddAddr("eth1", "192.168.40.1/24")
	far.AddAddr("eth0", "192.168.40.100/24")
	router.Sysctl("ipv4.ip_forward", "1")
	server.AddRoute("192.168.40.0/24", "192.168.32.2")
	far.AddRoute("default", "192.168.40.1")
	var p *ICMP
	if err := server.Do(func() (err error) { p, err = OpenICMP(4711); return err }); err != nil {
		t.Fatal(err)
	}
	probes(t, p, netip.MustParseAddr("192.168.40.99"), netip.MustParseAddr("192.168.40.100"), lease.MAC{})
}

func probes(t *testing.T, p prober, nobody, somebody netip.Addr, card lease.MAC) {
	t.Helper()
	for _, a := range []netip.Addr{nobody, somebody} {
		if err := p.Probe(a); err != nil {
			t.Fatal(err)
		}
	}
	if a, by, err := p.Answer(); err != nil || a != somebody || by != card {
		t.Errorf("%s answered from %s, %v", a, by, err)
	}
	ended := make(chan error)
	go func() { _, _, err := p.Answer(); ended <- err }()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := p.Probe(somebody); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
