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

// inner are the attributes of a nest; what cannot be read has none.
func inner(b []byte) map[uint16][]byte {
	all := map[uint16][]byte{}
	attributes, err := nl.ParseRouteAttr(b)
	if err != nil {
		return all
	}
	for _, a := range attributes {
		all[a.Attr.Type&^unix.NLA_F_NESTED] = a.Value
	}
	return all
}

// shownLinks returns the links that r asks for out of all.
func (r *request) shownLinks(all []link) ([]link, error) {
	if name, ok := r.given[keyDev]; ok {
		i := slices.IndexFunc(all, func(l link) bool { return l.Name == name || slices.Contains(l.AltNames, name) })
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
	if r.brief {
		fmt.Fprintf(&r.out, "%s %s %s \n", l.briefly(all), l.address(l.hardware), l.flags(all))
		r.out.end(l.briefRecord(all))
		return
	}
	mode := "mode " + l.modeName() + " "
	r.printLink(l, all, mode)
	r.printLinkLayer(l, true)
	if l.Alias != "" { // as iproute2: not in the list of addresses
		fmt.Fprintf(&r.out, "    alias %s\n", l.Alias)
	}
	r.printCounters(l)
	r.printAltNames(l)
	record := r.linkRecord(l, all, true)
	record.Mode, record.Alias = l.modeName(), l.Alias
	r.out.end(record)
}

// modeName words the mode of a link.
func (l link) modeName() string {
	if bytes.Equal(l.mode, []byte{1}) {
		return "DORMANT"
	}
	return "DEFAULT"
}

// briefly is the part that ip -br link and ip -br addr share.
func (l link) briefly(all []link) string {
	return fmt.Sprintf("%-16s %-14s", l.fullName(all), operState(int(l.OperState)))
}

// printLink prints the first line about l. The extra words come after its state.
func (r *request) printLink(l link, all []link, extra string) {
	fmt.Fprintf(&r.out, "%d: %s: %s mtu %d", l.Index, l.fullName(all), l.flags(all), l.MTU)
	if l.qdisc != "" {
		fmt.Fprintf(&r.out, " qdisc %s", l.qdisc)
	}
	if l.MasterIndex != 0 {
		fmt.Fprintf(&r.out, " master %s", namesOfLinks(all).of(l.MasterIndex))
	}
	fmt.Fprintf(&r.out, " state %s %sgroup %s", operState(int(l.OperState)), extra, groupName(l.Group))
	if l.TxQLen > 0 {
		fmt.Fprintf(&r.out, " qlen %d", l.TxQLen)
	}
	fmt.Fprintln(&r.out)
}

// printLinkLayer prints the second line about l, and details of it; whole is what a list of addresses leaves out.
func (r *request) printLinkLayer(l link, whole bool) {
	line := fmt.Sprintf("    link/%s %s", l.EncapType, l.address(l.hardware)) // of a tunnel that is nothing
	if len(l.broadcast) > 0 {
		kind := "brd"
		if l.RawFlags&unix.IFF_POINTOPOINT != 0 {
			kind = "peer"
		}
		line += " " + kind + " " + l.address(l.broadcast)
	}
	if l.hasPermanent() {
		line += " permaddr " + l.address(l.PermHWAddr)
	}
	fmt.Fprint(&r.out, line)
	if r.details {
		fmt.Fprint(&r.out, l.details(whole).text())
	}
	fmt.Fprintln(&r.out)
}

// hasPermanent reports whether the card has an address of its own that it does not use.
func (l link) hasPermanent() bool {
	return len(l.PermHWAddr) > 0 && !bytes.Equal(l.PermHWAddr, l.hardware)
}

// printAltNames prints the other names of l.
func (r *request) printAltNames(l link) {
	for _, name := range l.AltNames {
		fmt.Fprintf(&r.out, "    altname %s\n", name)
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

// flags words the flags of l.
func (l link) flags(all []link) string { return "<" + strings.Join(l.flagNames(all), ",") + ">" }

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
