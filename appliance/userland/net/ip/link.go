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
	qdisc     string
	mode      []byte // RFC 2863 ifLinkMode: 1 is dormant
	hardware  []byte // its link layer address
	broadcast []byte // its broadcast address; that of the other end for a point-to-point link
	lower     bool   // it has, or had, another link below it or as its peer
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
	l := link{LinkAttrs: known.Attrs()}
	for _, a := range attributes {
		switch a.Attr.Type {
		case unix.IFLA_QDISC:
			l.qdisc = string(bytes.TrimRight(a.Value, "\x00"))
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

// shownLinks returns the links that r asks for out of all.
func (r *request) shownLinks(all []link) ([]link, error) {
	if name, ok := r.given[keyDev]; ok {
		i := slices.IndexFunc(all, func(l link) bool { return l.Name == name || slices.Contains(l.AltNames, name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no link %s", name)
		}
		all = all[i : i+1]
	}
	return slices.DeleteFunc(slices.Clone(all), func(l link) bool { return r.has(keyUp) && l.RawFlags&unix.IFF_UP == 0 }), nil
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
		if r.brief {
			fmt.Fprintf(r.out, "%s %s %s\n", l.briefly(all), l.address(l.hardware), l.flags(all))
			continue
		}
		mode := "mode DEFAULT "
		if bytes.Equal(l.mode, []byte{1}) {
			mode = "mode DORMANT "
		}
		r.printLink(l, all, mode)
		r.printLinkLayer(l)
		if l.Alias != "" { // as iproute2: not in the list of addresses
			fmt.Fprintf(r.out, "    alias %s\n", l.Alias)
		}
		r.printCounters(l)
		r.printAltNames(l)
	}
	return nil
}

// briefly is the part that ip -br link and ip -br addr share.
func (l link) briefly(all []link) string {
	return fmt.Sprintf("%-16s %-14s", l.fullName(all), operState(int(l.OperState)))
}

// printLink prints the first line about l. The extra words come after its state.
func (r *request) printLink(l link, all []link, extra string) {
	fmt.Fprintf(r.out, "%d: %s: %s mtu %d", l.Index, l.fullName(all), l.flags(all), l.MTU)
	if l.qdisc != "" {
		fmt.Fprintf(r.out, " qdisc %s", l.qdisc)
	}
	if l.MasterIndex != 0 {
		fmt.Fprintf(r.out, " master %s", namesOfLinks(all).of(l.MasterIndex))
	}
	fmt.Fprintf(r.out, " state %s %sgroup %s", operState(int(l.OperState)), extra, nameOf(int(l.Group), map[int]string{0: "default"}))
	if l.TxQLen > 0 {
		fmt.Fprintf(r.out, " qlen %d", l.TxQLen)
	}
	fmt.Fprintln(r.out)
}

// printLinkLayer prints the second line about l.
func (r *request) printLinkLayer(l link) {
	line := fmt.Sprintf("    link/%s %s", l.EncapType, l.address(l.hardware))
	if len(l.broadcast) > 0 {
		kind := "brd"
		if l.RawFlags&unix.IFF_POINTOPOINT != 0 {
			kind = "peer"
		}
		line += " " + kind + " " + l.address(l.broadcast)
	}
	if len(l.PermHWAddr) > 0 && !bytes.Equal(l.PermHWAddr, l.hardware) {
		line += " permaddr " + l.address(l.PermHWAddr)
	}
	fmt.Fprintln(r.out, strings.TrimRight(line, " "))
}

// printAltNames prints the other names of l.
func (r *request) printAltNames(l link) {
	for _, name := range l.AltNames {
		fmt.Fprintf(r.out, "    altname %s\n", name)
	}
}

// printCounters prints the counters of l when -s asks for them.
func (r *request) printCounters(l link) {
	s := l.Statistics
	if !r.stats || s == nil {
		return
	}
	rows := [2][]uint64{
		{s.RxBytes, s.RxPackets, s.RxErrors, s.RxDropped, s.RxMissedErrors, s.Multicast},
		{s.TxBytes, s.TxPackets, s.TxErrors, s.TxDropped, s.TxCarrierErrors, s.Collisions},
	}
	widths := []int{len("RX:  bytes"), 7, 6, 7, 7, 7}
	for i := range widths {
		widths[i] = max(widths[i], len(fmt.Sprint(rows[0][i])), len(fmt.Sprint(rows[1][i])))
	}
	heads := [2][]string{
		{"RX:", "bytes", "packets", "errors", "dropped", "missed", "mcast"},
		{"TX:", "bytes", "packets", "errors", "dropped", "carrier", "collsns"},
	}
	for i, row := range rows {
		fmt.Fprintf(r.out, "    %s %*s", heads[i][0], widths[0]-len("RX: "), heads[i][1])
		for column, head := range heads[i][2:] {
			fmt.Fprintf(r.out, " %*s", widths[column+1], head)
		}
		fmt.Fprint(r.out, "\n    ")
		for column, n := range row {
			fmt.Fprintf(r.out, "%*d ", widths[column], n)
		}
		fmt.Fprintln(r.out)
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

// flags words the flags of l. M-DOWN is a link below that is down.
func (l link) flags(all []link) string {
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
	return "<" + strings.Join(names, ",") + ">"
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
