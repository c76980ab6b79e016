package ip

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// link is what the library knows of a link, and what it leaves out.
type link struct {
	*netlink.LinkAttrs
	kind       string // of what it is: veth, bridge; empty for a card
	qdisc      string
	mode       []byte // RFC 2863 ifLinkMode: 1 is dormant
	hardware   []byte // its link layer address
	broadcast  []byte // its broadcast address; that of the other end for a point-to-point link
	lower      bool   // it has, or had, another link below it or as its peer
	attributes map[uint16][]byte
}

// readLinks asks the kernel for all links.
func readLinks() ([]link, error) {
	messages, err := whole(func() ([][]byte, error) {
		req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		return req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	})
	if err != nil {
		return nil, fmt.Errorf("list of links: %w", err)
	}
	var links []link
	for _, m := range messages {
		l, err := parseLink(m)
		if err != nil {
			return nil, fmt.Errorf("list of links: %w", err)
		}
		links = append(links, l)
	}
	return links, nil
}

// parseLink reads an ifinfomsg with its attributes (rtnetlink(7)).
func parseLink(m []byte) (link, error) {
	known, err := netlink.LinkDeserialize(nil, m)
	if err != nil {
		return link{}, err
	}
	attributes, err := nl.ParseRouteAttr(m[unix.SizeofIfInfomsg:])
	l := link{LinkAttrs: known.Attrs(), attributes: map[uint16][]byte{}}
	for _, a := range attributes {
		l.attributes[a.Attr.Type&^unix.NLA_F_NESTED] = a.Value
		switch a.Attr.Type {
		case unix.IFLA_QDISC:
			l.qdisc = text(a.Value)
		case unix.IFLA_LINKINFO:
			l.kind = text(inner(a.Value)[unix.IFLA_INFO_KIND])
		case unix.IFLA_LINKMODE:
			l.mode = a.Value
		case unix.IFLA_ADDRESS: // the library drops that of the loopback
			l.hardware = a.Value
		case unix.IFLA_BROADCAST:
			l.broadcast = a.Value
		case unix.IFLA_LINK:
			l.lower = true
		}
	}
	return l, err
}

// text is a string of the kernel's, without the zero at its end.
func text(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }

// attributes are those of a message or nest, by their type.
type attributes map[uint16][]byte

// inner are the attributes of a nest; what cannot be read has none.
func inner(b []byte) attributes {
	all := attributes{}
	attributes, err := nl.ParseRouteAttr(b)
	if err != nil {
		return all
	}
	for _, a := range attributes {
		all[a.Attr.Type&^unix.NLA_F_NESTED] = a.Value
	}
	return all
}

// number is that of an attribute of one or four bytes, 0 where there is none.
func (a attributes) number(kind uint16) uint32 {
	switch b := a[kind]; len(b) {
	case 1:
		return uint32(b[0])
	case 4:
		return nl.NativeEndian().Uint32(b)
	}
	return 0
}

// network is an attribute that is an address, whose length is said elsewhere; nil where there is none.
func (a attributes) network(kind uint16, bits uint8) *net.IPNet {
	b := a[kind]
	if len(b) != net.IPv4len && len(b) != net.IPv6len {
		return nil
	}
	return &net.IPNet{IP: b, Mask: net.CIDRMask(int(bits), 8*len(b))}
}

// shownLinks returns the links that r asks for out of all.
func (r *request) shownLinks(all []link) ([]link, error) {
	if name, ok := r.given[keyDev]; ok {
		i := slices.IndexFunc(all, func(l link) bool {
			return l.Name == name || slices.Contains(l.AltNames, name)
		})
		if i < 0 {
			return nil, fmt.Errorf("there is no link %s", name)
		}
		all = all[i : i+1]
	}
	master := 0
	if name, ok := r.given[keyMaster]; ok {
		if i := slices.IndexFunc(all, func(l link) bool { return l.Name == name }); i >= 0 {
			master = all[i].Index
		} else {
			return nil, fmt.Errorf("there is no link %s", name)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(l link) bool {
		return r.has(keyUp) && l.RawFlags&unix.IFF_UP == 0 || r.has(keyType) && l.kind != r.given[keyType] ||
			r.has(keyMaster) && l.MasterIndex != master
	}), nil
}

// showLinks prints links.
func showLinks(r *request) error {
	all, err := readLinks()
	if err != nil {
		return err
	}
	shown, err := r.shownLinks(all)
	if err != nil {
		return err
	}
	for _, l := range shown {
		r.showLink(l, all)
	}
	return nil
}

// showLink prints a link.
func (r *request) showLink(l link, all []link) {
	p := &record{}
	if r.brief {
		l.sayBriefly(p, all)
		p.say("address", " %s ", l.address(l.hardware))
		l.sayFlags(p, all)
		p.printf(" \n")
		r.out.write(p)
		return
	}
	r.sayLink(p, l, all, true)
	r.sayLinkLayer(p, l, true)
	if l.Alias != "" { // as iproute2: not in the list of addresses
		p.say("ifalias", "    alias %s\n", l.Alias)
	}
	r.sayCounters(p, l)
	l.sayAltNames(p)
	r.out.write(p)
}

// sayBriefly says what ip -br link and ip -br addr share.
func (l link) sayBriefly(p *record, all []link) {
	p.printf("%-16s ", l.fullName(all))
	l.sayName(p, all)
	p.say("operstate", "%-14s", operState(int(l.OperState)))
}

// sayName says to JSON what l is called, and what is below it or its peer; null is one that is gone.
func (l link) sayName(p *record, all []link) {
	switch {
	case !l.lower:
	case l.NetNsID >= 0:
		p.set("link_index", l.ParentIndex)
	case l.ParentIndex == 0:
		p.set("link", nil)
	default:
		p.set("link", namesOfLinks(all).of(l.ParentIndex))
	}
	p.set("ifname", l.Name)
}

// sayFlags says the flags of l.
func (l link) sayFlags(p *record, all []link) {
	names := l.flagNames(all)
	p.set("flags", names)
	p.printf("<%s>", strings.Join(names, ","))
}

// sayLink says what is in the first line about l.
func (r *request) sayLink(p *record, l link, all []link, mode bool) {
	p.say("ifindex", "%d: ", l.Index)
	p.printf("%s: ", l.fullName(all))
	l.sayName(p, all)
	l.sayFlags(p, all)
	p.say("mtu", " mtu %d", l.MTU)
	if l.qdisc != "" {
		p.say("qdisc", " qdisc %s", l.qdisc)
	}
	if l.MasterIndex != 0 {
		p.say("master", " master %s", namesOfLinks(all).of(l.MasterIndex))
	}
	p.say("operstate", " state %s ", operState(int(l.OperState)))
	if mode {
		p.say("linkmode", "mode %s ", l.modeName())
	}
	p.say("group", "group %s", groupName(l.Group))
	if l.TxQLen > 0 {
		p.say("txqlen", " qlen %d", l.TxQLen)
	}
	p.printf("\n")
}

// modeName words the mode of a link.
func (l link) modeName() string {
	if bytes.Equal(l.mode, []byte{1}) {
		return "DORMANT"
	}
	return "DEFAULT"
}

// sayLinkLayer says what is in the second line about l, and details of it; whole is what a list of addresses
// leaves out.
func (r *request) sayLinkLayer(p *record, l link, whole bool) {
	p.say("link_type", "    link/%s ", l.EncapType)
	if len(l.hardware) > 0 {
		p.say("address", "%s", l.address(l.hardware))
	}
	if len(l.broadcast) > 0 {
		kind := "brd"
		if l.RawFlags&unix.IFF_POINTOPOINT != 0 {
			p.set("link_pointtopoint", true)
			kind = "peer"
		}
		p.say("broadcast", " "+kind+" %s", l.address(l.broadcast))
	}
	if len(l.PermHWAddr) > 0 && !bytes.Equal(l.PermHWAddr, l.hardware) {
		p.say("permaddr", " permaddr %s", l.address(l.PermHWAddr))
	}
	if l.lower && l.NetNsID >= 0 {
		p.set("link_netnsid", l.NetNsID)
	}
	if r.details {
		l.sayDetails(p, whole)
	}
	p.printf("\n")
}

// sayAltNames says the other names of l.
func (l link) sayAltNames(p *record) {
	if len(l.AltNames) == 0 {
		return
	}
	p.set("altnames", l.AltNames)
	for _, name := range l.AltNames {
		p.printf("    altname %s\n", name)
	}
}

// fullName is the name of l and after @ that of the link below it or of its peer.
func (l link) fullName(all []link) string {
	switch {
	case !l.lower:
		return l.Name
	case l.NetNsID >= 0: // in another network namespace
		return fmt.Sprintf("%s@if%d", l.Name, l.ParentIndex)
	case l.ParentIndex == 0:
		return l.Name + "@NONE"
	}
	return l.Name + "@" + namesOfLinks(all).of(l.ParentIndex)
}

// flagNames words the flags of l, one by one. M-DOWN is a link below that is down.
func (l link) flagNames(all []link) []string {
	names, rest := namesOf(l.RawFlags&^unix.IFF_RUNNING, linkFlags())
	if l.RawFlags&(unix.IFF_UP|unix.IFF_RUNNING) == unix.IFF_UP {
		names = slices.Insert(names, 0, "NO-CARRIER")
	}
	if rest != 0 {
		names = append(names, fmt.Sprintf("%x", rest))
	}
	if l.lower && l.NetNsID < 0 && slices.ContainsFunc(all, func(below link) bool {
		return below.Index == l.ParentIndex && below.RawFlags&unix.IFF_UP == 0
	}) {
		names = append(names, "M-DOWN")
	}
	return names
}

// address words an address of the link layer: of a tunnel it is an IP address.
func (l link) address(b []byte) string {
	switch {
	case len(b) == 4 && (l.EncapType == "sit" || l.EncapType == "ipip" || l.EncapType == "gre"):
		return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], b[3])
	case len(b) == 16 && l.EncapType == "tunnel6":
		return addrOf(b).String()
	}
	return net.HardwareAddr(b).String()
}
