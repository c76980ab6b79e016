package run

import (
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
)

// TestRegistered: an address that its host only registers is acknowledged to it, and known by that.
func TestRegistered(t *testing.T) {
	r, host := newNetwork(t)
	r.net.Run("ip", "addr", "add", "2001:db8:1::1/64", "dev", "lan0")
	r.start(link(prefix("2001:db8:1::/64")))
	own := netip.MustParseAddr("2001:db8:1::b2")
	host.Run("ip", "addr", "add", own.String()+"/64", "dev", "eth0", "nodad")

	var c *net.UDPConn
	var group *net.UDPAddr
	err := host.Do(func() (err error) {
		i, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		// An index, for it is used outside of this thread.
		group = &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: dhcpServer, Zone: strconv.Itoa(i.Index)}
		c, err = net.ListenUDP("udp6", net.UDPAddrFromAddrPort(netip.AddrPortFrom(own, dhcpClient)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := dhcpv6.Message{Type: dhcpv6.AddrRegInform, ID: 0x010203}
	a := dhcpv6.Address{Addr: own, Preferred: time.Hour, Valid: time.Hour}
	m.Options.Add(dhcpv6.OptionClientID, dhcpv6.LinkLayerDUID([6]byte{2, 0, 0, 0, 0, 9}))
	m.Options.Add(dhcpv6.OptionIAAddr, a.Append(nil))
	if _, err := c.WriteTo(m.Append(nil), group); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, maxRequest)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := dhcpv6.Read(b[:n]); err != nil || reply.Type != dhcpv6.AddrRegReply || reply.ID != m.ID {
		t.Errorf("%+v, %v", reply, err)
	}
	testnet.Eventually(t, 20*time.Second, "the address is known", func() bool {
		var all []stationfile.Station
		if err := control.Call(t.Context(), r.dir, "radvd", "stations", nil, &all); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if s.Addr == own && s.MAC == ethernet.MAC(host.MAC("eth0")) {
				return true
			}
		}
		return false
	})
}
