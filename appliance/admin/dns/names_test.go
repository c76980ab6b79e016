package dns

import (
	"net/netip"
	"testing"

	"github.com/gatehouse-os/gatehouse/site"
)

// TestRouterOn: the address of a question about a name is none, and so is that of a LAN without IPv6.
func TestRouterOn(t *testing.T) {
	own := netip.MustParsePrefix("192.168.32.1/24")
	h := house{site: &site.Site{LANs: []site.LAN{{Name: "lan", IPv4: own}}}}
	if got := h.routerOn(netip.Addr{}); got != "" {
		t.Errorf("no address is the appliance's on %q", got)
	}
	if got := h.routerOn(own.Addr()); got != "lan" {
		t.Errorf("%s is the appliance's on %q", own.Addr(), got)
	}
}
