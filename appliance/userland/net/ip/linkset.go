package ip

import (
	"net"
	"strings"

	"github.com/vishvananda/netlink"
)

const (
	maxName = 15   // IFNAMSIZ without the final NUL
	maxVLAN = 4094 // IEEE 802.1Q: 0 and 4095 are reserved
)

// setLink changes a link: first what needs it down, then its state.
func setLink(r *request) error {
	if len(r.given) == 1 {
		return expected(r.given[keyDev], "what to set: up, down, mtu BYTES or address MAC")
	}
	if r.has(keyUp) && r.has(keyDown) {
		return expected("up and down", "one of them")
	}
	mtu, err := r.number(keyMTU, 1, 1<<31-1)
	if err != nil {
		return err
	}
	mac, err := r.mac()
	if err != nil {
		return err
	}
	link, err := r.device(keyDev)
	if err != nil {
		return err
	}
	name := link.Attrs().Name
	for _, change := range []struct {
		key  string
		make func() error
	}{
		{keyDown, func() error { return netlink.LinkSetDown(link) }},
		{keyMAC, func() error { return netlink.LinkSetHardwareAddr(link, mac) }},
		{keyMTU, func() error { return netlink.LinkSetMTU(link, mtu) }},
		{keyUp, func() error { return netlink.LinkSetUp(link) }},
	} {
		if r.has(change.key) {
			if err := explain(strings.TrimSpace(name+" "+change.key+" "+r.given[change.key]), change.make()); err != nil {
				return err
			}
		}
	}
	return nil
}

// mac reads the link layer address of an Ethernet; nil when it is not given.
func (r *request) mac() (net.HardwareAddr, error) {
	text, ok := r.given[keyMAC]
	if !ok {
		return nil, nil
	}
	mac, err := net.ParseMAC(text)
	if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
		return nil, expected(keyMAC+" "+text, "the MAC address of one host like 00:16:3e:20:00:10")
	}
	return mac, nil
}

// addLink adds a VLAN on top of a link.
func addLink(r *request) error {
	vlan, err := r.vlan()
	if err != nil {
		return err
	}
	parent, err := r.device(keyLink)
	if err != nil {
		return err
	}
	vlan.ParentIndex = parent.Attrs().Index
	return explain(vlan.Name, netlink.LinkAdd(vlan))
}

// vlan reads what the new link is, but for the one below it.
func (r *request) vlan() (*netlink.Vlan, error) {
	if kind := r.given[keyType]; kind != "vlan" {
		return nil, expected(keyType+" "+kind, "vlan, the one type that ip of this box can add")
	}
	id, err := r.number(keyID, 1, maxVLAN)
	if err != nil {
		return nil, err
	}
	name := r.given[keyName]
	if name == "" || name == "." || name == ".." || len(name) > maxName || strings.ContainsAny(name, "/: \t\n") {
		return nil, expected(keyName+" "+name, "at most 15 letters without space, / and :")
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return &netlink.Vlan{LinkAttrs: attrs, VlanId: id, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}, nil
}

// delLink deletes a link.
func delLink(r *request) error {
	link, err := r.device(keyDev)
	if err != nil {
		return err
	}
	return explain(link.Attrs().Name, netlink.LinkDel(link))
}
