package ip

import (
	"fmt"
	"math"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// showAddrs prints links with their addresses.
func showAddrs(r *request) error {
	all, err := readLinks()
	if err != nil {
		return err
	}
	shown, err := r.shownLinks(all)
	if err != nil {
		return err
	}
	addrs, err := whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, r.family) })
	if err != nil {
		return fmt.Errorf("list of addresses: %w", err)
	}
	for _, l := range shown {
		r.printAddrs(l, all, addrs)
	}
	return nil
}

// printAddrs prints l with those of addrs that it has. With -4 and -6 a link
// without addresses of that family is left out.
func (r *request) printAddrs(l link, all []link, addrs []netlink.Addr) {
	var own []netlink.Addr
	for _, a := range addrs {
		if a.LinkIndex == l.Index {
			own = append(own, a)
		}
	}
	switch {
	case len(own) == 0 && r.family != unix.AF_UNSPEC:
		return
	case r.brief:
		line := l.briefly(all)
		for _, a := range own {
			line += " " + pair(a)
		}
		fmt.Fprintln(r.out, strings.TrimRight(line, " "))
		return
	}
	r.printLink(l, all, "")
	if r.family == unix.AF_UNSPEC {
		r.printLinkLayer(l)
	}
	r.printAltNames(l)
	for _, a := range own {
		fmt.Fprint(r.out, addrLines(a))
	}
	r.printCounters(l)
}

// pair words an address with the length of its network, or with its peer.
func pair(a netlink.Addr) string {
	if a.Peer == nil {
		return prefixOf(a.IPNet).String()
	}
	return fmt.Sprintf("%v peer %v", addrOf(a.IP), prefixOf(a.Peer))
}

// addrLines words everything about an address.
func addrLines(a netlink.Addr) string {
	words := []string{"    inet", pair(a)}
	v6 := addrOf(a.IP).Is6()
	if v6 {
		words[0] = "    inet6"
	}
	if a.Broadcast != nil {
		words = append(words, "brd", a.Broadcast.String())
	}
	words = append(append(words, "scope", scopeName(a.Scope)), addrFlagNames(uint32(a.Flags), v6)...)
	if a.Label != "" {
		words = append(words, a.Label)
	}
	preferred := lifetime(a.PreferedLft)
	if a.Flags&unix.IFA_F_DEPRECATED != 0 {
		preferred = "0sec"
	}
	return fmt.Sprintf("%s\n       valid_lft %s preferred_lft %s\n", strings.Join(words, " "), lifetime(a.ValidLft), preferred)
}

// addrFlagNames words the flags of an address. One that is not permanent is
// dynamic; a secondary one of IPv6 is temporary (RFC 8981).
func addrFlagNames(flags uint32, v6 bool) (names []string) {
	switch secondary := flags&unix.IFA_F_SECONDARY != 0; {
	case secondary && v6:
		names = append(names, "temporary")
	case secondary:
		names = append(names, "secondary")
	}
	early, _ := namesOf(flags, addrFlags())
	names = append(names, early...)
	if flags&unix.IFA_F_PERMANENT == 0 {
		names = append(names, "dynamic")
	}
	late, _ := namesOf(flags, lateAddrFlags())
	return append(names, late...)
}

// lifetime words seconds.
func lifetime(seconds int) string {
	if uint32(seconds) == math.MaxUint32 {
		return "forever"
	}
	return fmt.Sprintf("%dsec", uint32(seconds))
}

// addrChange reads what add and del have in common.
func (r *request) addrChange() (netlink.Link, *netlink.Addr, error) {
	own, err := r.interfaceAddress("local")
	if err != nil {
		return nil, nil, err
	}
	addr := &netlink.Addr{IPNet: wholeNet(own)}
	if r.has(keyPeer) {
		peer, err := r.interfaceAddress(keyPeer)
		if err != nil {
			return nil, nil, err
		}
		if family(peer.Addr()) != family(own.Addr()) || !own.IsSingleIP() {
			return nil, nil, expected(r.given[keyPeer], "a peer of the same family, and a single address of this box beside it")
		}
		addr.Peer = wholeNet(peer)
	}
	link, err := r.device(keyDev)
	return link, addr, err
}

// addAddr adds an address, for IPv4 with the broadcast address of its network as
// the appliance itself does; iproute2 leaves that out without "brd +".
func addAddr(r *request) error {
	link, addr, err := r.addrChange()
	if err != nil {
		return err
	}
	return explain(r.given["local"], netlink.AddrAdd(link, addr))
}

// delAddr deletes an address.
func delAddr(r *request) error {
	link, addr, err := r.addrChange()
	if err != nil {
		return err
	}
	return explain(r.given["local"], netlink.AddrDel(link, addr))
}

// flushAddrs deletes all addresses of a link, of the family of -4 or -6.
func flushAddrs(r *request) error {
	link, err := r.device(keyDev)
	if err != nil {
		return err
	}
	addrs, err := whole(func() ([]netlink.Addr, error) { return netlink.AddrList(link, r.family) })
	if err != nil {
		return fmt.Errorf("list of addresses: %w", err)
	}
	for _, a := range addrs {
		err := netlink.AddrDel(link, &a)
		if err != nil && err != unix.EADDRNOTAVAIL { // gone with the first of its network
			return explain(pair(a), err)
		}
	}
	return nil
}
