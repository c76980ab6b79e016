package run

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestClaims: a host answers for the address that another has made of its card, and for its link-local one. That is
// told, and no more when the other answers again.
func TestClaims(t *testing.T) {
	box := testnet.New(t, "router")
	box.Sysctl("ipv6.conf.all.forwarding", "1")
	box.Sysctl("ipv6.conf.default.dad_transmits", "0")
	box.Bridge("lan0")
	host, thief := testnet.New(t, "host"), testnet.New(t, "thief")
	for _, n := range []*testnet.Namespace{host, thief} {
		n.Sysctl("ipv6.conf.default.dad_transmits", "0")
		n.Sysctl("ipv6.conf.default.accept_ra", "0")
		box.Plug("lan0", n, "eth0")
		n.Ready("eth0")
	}
	box.Run("ip", "addr", "add", "2001:db8:1::1/64", "dev", "lan0")
	box.Ready("lan0")
	r := newRouter(t, box)
	r.start(link(prefix("2001:db8:1::/64")))

	m := host.MAC("eth0")
	made := fmt.Sprintf("%02x%02x:%02xff:fe%02x:%02x%02x", m[0]^2, m[1], m[2], m[3], m[4], m[5])
	global, local := "2001:db8:1:0:"+made, "fe80::"+made
	host.Run("ip", "addr", "replace", global+"/64", "dev", "eth0", "nodad")
	reached := func(to string) {
		t.Helper()
		testnet.Eventually(t, 20*time.Second, to+" answers", func() bool {
			_, err := box.Try("ping", "-6", "-c1", "-W1", "-I", "lan0", to)
			return err == nil
		})
	}
	told := func(n int) {
		t.Helper()
		testnet.Eventually(t, 20*time.Second, fmt.Sprintf("%d addresses are claimed", n), func() bool {
			found := 0
			for _, p := range r.status().Problems {
				if strings.Contains(p, "belongs to the card "+m.String()+", of which it is made, and the card "+thief.MAC("eth0").String()) {
					found++
				}
			}
			return found == n
		})
	}
	reached(global)
	reached(local)
	told(0)

	host.Down("eth0")
	box.Run("ip", "-6", "neigh", "flush", "dev", "lan0")
	for _, a := range []string{global, local} {
		thief.Run("ip", "addr", "add", a+"/64", "dev", "eth0", "nodad")
		reached(a)
	}
	told(2)
	r.await("another card answers for an address")
	if lines := strings.Count(r.Output(), "another card answers for an address"); lines != 2 {
		t.Errorf("%d lines in the log:\n%s", lines, r.Output())
	}

	for _, a := range []string{global, local} {
		thief.Run("ip", "addr", "del", a+"/64", "dev", "eth0")
	}
	host.Up("eth0")
	host.Ready("eth0")
	host.Run("ip", "addr", "replace", global+"/64", "dev", "eth0", "nodad")
	box.Run("ip", "-6", "neigh", "flush", "dev", "lan0")
	reached(global)
	reached(local)
	told(0)
}
