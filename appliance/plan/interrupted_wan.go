package plan

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/site"
)

// wanChanges is about who is asked for the way out, and as whom.
func wanChanges(from, to *site.Site, a netcfg.Config) []string {
	var all []string
	was, is := from.WAN, to.WAN
	asked, asks := was.DHCP != nil, is.DHCP != nil
	switch {
	case was.Interface == "" || is.Interface == "":
		return nil // links come and go, which others say
	case was.Link() != is.Link() && asked && asks:
		return []string{fmt.Sprintf("Conversations through the provider's address %send, and nothing reaches the outside by "+
			"IPv4 until a provider has given the box an address on %s.", leased(from, a), is.Link())}
	case was.Link() != is.Link():
		return nil
	}
	static := func(w site.WAN) string { return w.IPv4.Addr().String() }
	switch {
	case asks && !asked && was.IPv4.IsValid():
		all = append(all, fmt.Sprintf("Conversations through %s (wan) end, and nothing reaches the outside by IPv4 until the "+
			"provider has given the box an address.", static(was)))
	case asked && !asks && is.IPv4.IsValid():
		all = append(all, fmt.Sprintf("Conversations through the provider's address %send: the box is %s there.",
			leased(from, a), static(is)))
	case asked && !asks:
		all = append(all, fmt.Sprintf("Conversations through the provider's address %send.", leased(from, a)))
	case asked && asks && (was.MAC != is.MAC || !reflect.DeepEqual(was.DHCP, is.DHCP)):
		all = append(all, "The provider is asked anew, for it is told something else, and may give the box another address.")
	}
	if was.MAC != is.MAC {
		all = append(all, fmt.Sprintf("The card %s (wan) gets another hardware address: nothing goes over it for a moment.",
			is.Link()))
	}
	return all
}

// leased is the address that the provider of from gave, with a blank behind it; "" if it is not known.
func leased(from *site.Site, a netcfg.Config) string {
	i := slices.IndexFunc(a.Addresses, func(x netcfg.Address) bool {
		return x.Link == from.WAN.Link() && x.Prefix.Addr().Is4() && !x.Beside
	})
	if i < 0 {
		return ""
	}
	return a.Addresses[i].Prefix.Addr().String() + " "
}

// bySource reports whether an address goes with who says what the WAN's is, or with the link that he is asked
// on: wanChanges has it.
func bySource(from, to *site.Site, gone netip.Addr, link string) bool {
	asked, asks, moves := from.WAN.DHCP != nil, to.WAN.DHCP != nil, from.WAN.Link() != to.WAN.Link()
	if link != from.WAN.Link() || to.WAN.Interface == "" || asked == asks && !(asked && moves) ||
		asked != asks && moves {
		return false
	}
	beside := slices.ContainsFunc(from.WAN.Beside, func(p netip.Prefix) bool { return p.Addr() == gone })
	return gone.Is4() && !beside
}
