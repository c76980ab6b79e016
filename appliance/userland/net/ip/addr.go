package ip

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"

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
	if r.has(keyTo) { // of one family, as with -4 and -6
		within, err := r.prefixGiven(keyTo)
		if err != nil {
			return err
		}
		r.family = family(within.Addr())
	}
	addrs, err := whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, r.family) })
	if err != nil {
		return fmt.Errorf("list of addresses: %w", err)
	}
	for _, l := range shown {
		own := slices.DeleteFunc(slices.Clone(addrs), func(a netlink.Addr) bool {
			return a.LinkIndex != l.Index
		})
		none := len(own) == 0
		if own, err = r.shownAddrs(own); err != nil {
			return err
		}
		if len(own) > 0 || r.family == unix.AF_UNSPEC && none { // one that has others only is left out
			r.showLinkAddrs(l, all, own)
		}
	}
	return nil
}

// shownAddrs are those of all that r asks for.
func (r *request) shownAddrs(all []netlink.Addr) ([]netlink.Addr, error) {
	scope, err := 0, error(nil)
	if r.has(keyScope) {
		if scope, err = r.scope(); err != nil {
			return nil, err
		}
	}
	within := netip.Prefix{}
	if r.has(keyTo) {
		if within, err = r.prefixGiven(keyTo); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(a netlink.Addr) bool {
		return r.has(keyScope) && a.Scope != scope || !r.marked(a) ||
			within.IsValid() && !within.Contains(prefixOf(a.IPNet).Addr())
	}), nil
}

// addrMarks are the words for addresses by what the kernel says of them.
func addrMarks() []string {
	return []string{"permanent", "dynamic", "primary", "secondary", "temporary", "deprecated", "tentative",
		"dadfailed"}
}

// marked reports whether a is what such words ask for.
func (r *request) marked(a netlink.Addr) bool {
	set := uint32(a.Flags)
	for _, m := range []struct {
		name string
		is   bool
	}{
		{"permanent", set&unix.IFA_F_PERMANENT != 0}, {"dynamic", set&unix.IFA_F_PERMANENT == 0},
		{"primary", set&unix.IFA_F_SECONDARY == 0}, {"secondary", set&unix.IFA_F_SECONDARY != 0},
		{"temporary", set&unix.IFA_F_TEMPORARY != 0}, {"deprecated", set&unix.IFA_F_DEPRECATED != 0},
		{"tentative", set&unix.IFA_F_TENTATIVE != 0}, {"dadfailed", set&unix.IFA_F_DADFAILED != 0},
	} {
		if r.has(m.name) && !m.is {
			return false
		}
	}
	return true
}

// showLinkAddrs prints l with its addresses.
func (r *request) showLinkAddrs(l link, all []link, own []netlink.Addr) {
	p, addrs := &record{}, &record{}
	list := make([]members, 0, len(own))
	for _, a := range own {
		one := &record{}
		if r.brief {
			sayPair(one, a, "%s ")
		} else {
			sayAddr(one, a)
		}
		list = append(list, one.members)
		if r.out.oneline && !r.brief && !r.out.json {
			p.printf("%d: %s%s", l.Index, l.Name, &one.text)
			r.out.write(p)
			p = &record{}
		}
		addrs.printf("%s", &one.text)
	}
	switch {
	case r.brief:
		l.sayBriefly(p, all)
		p.printf(" %s\n", &addrs.text)
	case r.out.oneline && !r.out.json:
		return
	default:
		r.sayLink(p, l, all, false)
		if r.family == unix.AF_UNSPEC {
			r.sayLinkLayer(p, l, false)
		}
		if r.details && l.Alias != "" {
			p.say("ifalias", "    alias %s\n", l.Alias)
		}
		l.sayAltNames(p)
		p.printf("%s", &addrs.text)
		r.sayCounters(p, l)
	}
	p.set("addr_info", list)
	r.out.write(p)
}

// pair words an address with the length of its network, or with its peer.
func pair(a netlink.Addr) string {
	if a.Peer == nil {
		return prefixOf(a.IPNet).String()
	}
	return fmt.Sprintf("%v peer %v", addrOf(a.IP), prefixOf(a.Peer))
}

// sayPair says a pair.
func sayPair(p *record, a netlink.Addr, format string) {
	length := prefixOf(a.IPNet).Bits()
	p.set("local", addrOf(a.IP).String())
	if a.Peer != nil {
		p.set("address", addrOf(a.Peer.IP).String())
		length = prefixOf(a.Peer).Bits()
	}
	p.set("prefixlen", length)
	p.printf(format, pair(a))
}

// sayAddr says everything about an address. A space ends the first line where no label does.
func sayAddr(p *record, a netlink.Addr) {
	v6, family := addrOf(a.IP).Is6(), "inet"
	if v6 {
		family = "inet6"
	}
	p.say("family", "    %s ", family)
	sayPair(p, a, "%s ")
	if a.Broadcast != nil {
		p.say("broadcast", "brd %s ", a.Broadcast.String())
	}
	p.say("scope", "scope %s ", scopeName(a.Scope))
	for _, name := range addrFlagNames(uint32(a.Flags), v6) {
		p.set(name, true)
		p.printf("%s ", name)
	}
	if a.Label != "" {
		p.say("label", "%s", a.Label)
	}
	if a.Flags&unix.IFA_F_DEPRECATED != 0 {
		a.PreferedLft = 0
	}
	p.set("valid_life_time", uint32(a.ValidLft))
	p.set("preferred_life_time", uint32(a.PreferedLft))
	p.printf("\n       valid_lft %s preferred_lft %s\n", lifetime(a.ValidLft), lifetime(a.PreferedLft))
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
			return nil, nil, expected(r.given[keyPeer],
				"a peer of the same family, and a single address of this box beside it")
		}
		addr.Peer = wholeNet(peer)
	}
	if err := r.addrOptions(addr); err != nil {
		return nil, nil, err
	}
	link, err := r.device(keyDev)
	return link, addr, err
}

// addrOptions reads what else an address has.
func (r *request) addrOptions(addr *netlink.Addr) error {
	switch text := r.given[keyBroadcast]; text {
	case "", "+": // the library's own: that of the network
	case "-":
		addr.Broadcast = net.IPv4zero
	default:
		broadcast, err := r.address(keyBroadcast)
		if err != nil || !broadcast.Is4() {
			return expected(keyBroadcast+" "+text, "an address like 192.0.2.255, or + or -")
		}
		addr.Broadcast = broadcast.AsSlice()
	}
	addr.Label = r.given[keyLabel]
	if r.has(keyNoDAD) {
		addr.Flags = unix.IFA_F_NODAD
	}
	return nil
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

// replaceAddr adds an address, or changes what else it has.
func replaceAddr(r *request) error {
	link, addr, err := r.addrChange()
	if err != nil {
		return err
	}
	return explain(r.given["local"], netlink.AddrReplace(link, addr))
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
	if addrs, err = r.shownAddrs(addrs); err != nil {
		return err
	}
	for _, a := range addrs {
		err := netlink.AddrDel(link, &a)
		if err != nil && err != unix.EADDRNOTAVAIL { // gone with the first of its network
			return explain(pair(a), err)
		}
	}
	return nil
}
