package ip

import (
	"fmt"
	"math"
	"slices"
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
		own := slices.DeleteFunc(slices.Clone(addrs), func(a netlink.Addr) bool { return a.LinkIndex != l.Index })
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
	if !r.has(keyScope) {
		return all, nil
	}
	scope, err := r.scope()
	return slices.DeleteFunc(all, func(a netlink.Addr) bool { return a.Scope != scope }), err
}

// showLinkAddrs prints l with its addresses.
func (r *request) showLinkAddrs(l link, all []link, own []netlink.Addr) {
	records := make([]addrRecord, 0, len(own))
	for _, a := range own {
		records = append(records, newAddrRecord(a))
	}
	switch {
	case r.brief:
		fmt.Fprint(&r.out, l.briefly(all), " ")
		record := l.briefRecord(all)
		record.MAC, record.Flags = "", nil
		for i, a := range own {
			fmt.Fprint(&r.out, pair(a), " ")
			records[i] = addrRecord{Local: records[i].Local, Peer: records[i].Peer, Length: records[i].Length}
		}
		record.Addrs = &records
		fmt.Fprintln(&r.out)
		r.out.end(record)
		return
	case r.out.oneline && !r.out.json:
		for _, a := range own {
			fmt.Fprintf(&r.out, "%d: %s%s", l.Index, l.Name, addrLines(a))
			r.out.end(nil)
		}
		return
	}
	r.printLink(l, all, "")
	if r.family == unix.AF_UNSPEC {
		r.printLinkLayer(l, false)
	}
	if r.details && l.Alias != "" {
		fmt.Fprintf(&r.out, "    alias %s\n", l.Alias)
	}
	r.printAltNames(l)
	for _, a := range own {
		fmt.Fprint(&r.out, addrLines(a))
	}
	r.printCounters(l)
	record := r.linkRecord(l, all, false)
	if r.details {
		record.Alias = l.Alias
	}
	if r.family != unix.AF_UNSPEC {
		record.Type, record.MAC, record.Broadcast, record.PermMAC, record.PointTo = "", "", "", "", false
		record.LinkNetNS = nil
	}
	record.Addrs = &records
	r.out.end(record)
}

// addrRecord is an address in JSON, with the keys of iproute2.
type addrRecord struct {
	Family    string `json:"family,omitempty"`
	Local     string `json:"local"`
	Peer      string `json:"address,omitempty"`
	Length    int    `json:"prefixlen"`
	Broadcast string `json:"broadcast,omitempty"`
	Scope     string `json:"scope,omitempty"`
	*addrFlagsRecord
	Label     string  `json:"label,omitempty"`
	Valid     *uint32 `json:"valid_life_time,omitempty"` // seconds; 1<<32-1: for ever
	Preferred *uint32 `json:"preferred_life_time,omitempty"`
}

// addrFlagsRecord are the flags of an address, true or left out.
type addrFlagsRecord struct {
	Temporary     bool `json:"temporary,omitempty"`
	Secondary     bool `json:"secondary,omitempty"`
	NoDAD         bool `json:"nodad,omitempty"`
	Optimistic    bool `json:"optimistic,omitempty"`
	DADFailed     bool `json:"dadfailed,omitempty"`
	Home          bool `json:"home,omitempty"`
	Deprecated    bool `json:"deprecated,omitempty"`
	Tentative     bool `json:"tentative,omitempty"`
	Dynamic       bool `json:"dynamic,omitempty"`
	ManageTemp    bool `json:"mngtmpaddr,omitempty"`
	NoPrefixRoute bool `json:"noprefixroute,omitempty"`
	AutoJoin      bool `json:"autojoin,omitempty"`
	StablePrivacy bool `json:"stable-privacy,omitempty"`
}

// newAddrRecord is a.
func newAddrRecord(a netlink.Addr) addrRecord {
	f, v6 := uint32(a.Flags), addrOf(a.IP).Is6()
	has := func(mask uint32) bool { return f&mask != 0 }
	valid, preferred := uint32(a.ValidLft), uint32(a.PreferedLft)
	if has(unix.IFA_F_DEPRECATED) {
		preferred = 0
	}
	r := addrRecord{
		Family: "inet", Local: addrOf(a.IP).String(), Length: prefixOf(a.IPNet).Bits(), Scope: scopeName(a.Scope), Label: a.Label,
		Valid: &valid, Preferred: &preferred,
		addrFlagsRecord: &addrFlagsRecord{
			Temporary: has(unix.IFA_F_SECONDARY) && v6, Secondary: has(unix.IFA_F_SECONDARY) && !v6, NoDAD: has(unix.IFA_F_NODAD),
			Optimistic: has(unix.IFA_F_OPTIMISTIC), DADFailed: has(unix.IFA_F_DADFAILED), Home: has(unix.IFA_F_HOMEADDRESS),
			Deprecated: has(unix.IFA_F_DEPRECATED), Tentative: has(unix.IFA_F_TENTATIVE), Dynamic: !has(unix.IFA_F_PERMANENT),
			ManageTemp: has(unix.IFA_F_MANAGETEMPADDR), NoPrefixRoute: has(unix.IFA_F_NOPREFIXROUTE),
			AutoJoin: has(unix.IFA_F_MCAUTOJOIN), StablePrivacy: has(unix.IFA_F_STABLE_PRIVACY),
		},
	}
	if v6 {
		r.Family = "inet6"
	}
	if a.Peer != nil {
		r.Peer, r.Length = addrOf(a.Peer.IP).String(), prefixOf(a.Peer).Bits()
	}
	if a.Broadcast != nil {
		r.Broadcast = a.Broadcast.String()
	}
	return r
}

// pair words an address with the length of its network, or with its peer.
func pair(a netlink.Addr) string {
	if a.Peer == nil {
		return prefixOf(a.IPNet).String()
	}
	return fmt.Sprintf("%v peer %v", addrOf(a.IP), prefixOf(a.Peer))
}

// addrLines words everything about an address. A space ends the first line where no label does.
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
	words = append(words, a.Label)
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
