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

// A toggle is a word of ip link set that is on or off.
type toggle struct {
	key, also string
	on, off   func(netlink.Link) error
}

// switches are all of them.
func switches() []toggle {
	return []toggle{
		{"promisc", "", netlink.SetPromiscOn, netlink.SetPromiscOff},
		{"arp", "", netlink.LinkSetARPOn, netlink.LinkSetARPOff},
		{"multicast", "", netlink.LinkSetMulticastOn, netlink.LinkSetMulticastOff},
		{"allmulticast", "allmulti", netlink.LinkSetAllmulticastOn, netlink.LinkSetAllmulticastOff},
	}
}

// A linkChange is a word with what it does.
type linkChange struct {
	key  string
	make func(netlink.Link) error
}

// setLink changes a link: first what needs it down, then its state.
func setLink(r *request) error {
	if len(r.given) == 1 {
		return expected(r.given[keyDev], "what to set: up, down, mtu BYTES or address MAC")
	}
	if r.has(keyUp) && r.has(keyDown) {
		return expected("up and down", "one of them")
	}
	changes, err := r.linkChanges()
	if err != nil {
		return err
	}
	link, err := r.device(keyDev)
	if err != nil {
		return err
	}
	name := link.Attrs().Name
	for _, change := range changes {
		if r.has(change.key) {
			if err := explain(strings.TrimSpace(name+" "+change.key+" "+r.given[change.key]),
				change.make(link)); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkChanges reads all changes.
func (r *request) linkChanges() ([]linkChange, error) {
	mtu, err := r.number(keyMTU, 1, 1<<31-1)
	if err != nil {
		return nil, err
	}
	queue, err := r.number("txqueuelen", 0, 1<<31-1)
	if err != nil {
		return nil, err
	}
	mac, err := r.mac()
	if err != nil {
		return nil, err
	}
	if err := r.checkName(); err != nil {
		return nil, err
	}
	master, err := r.device(keyMaster)
	if err != nil {
		return nil, err
	}
	changes := []linkChange{
		{keyDown, netlink.LinkSetDown},
		{keyMAC, func(l netlink.Link) error { return netlink.LinkSetHardwareAddr(l, mac) }},
		{keyMTU, func(l netlink.Link) error { return netlink.LinkSetMTU(l, mtu) }},
		{"txqueuelen", func(l netlink.Link) error { return netlink.LinkSetTxQLen(l, queue) }},
		{keyMaster, func(l netlink.Link) error { return netlink.LinkSetMaster(l, master) }},
		{"nomaster", netlink.LinkSetNoMaster},
		{keyAlias, func(l netlink.Link) error { return netlink.LinkSetAlias(l, r.given[keyAlias]) }},
		{keyName, func(l netlink.Link) error { return netlink.LinkSetName(l, r.given[keyName]) }},
	}
	for _, s := range switches() {
		set := s.on
		switch r.given[s.key] {
		case "on", "":
		case "off":
			set = s.off
		default:
			return nil, expected(s.key+" "+r.given[s.key], "on or off")
		}
		changes = append(changes, linkChange{s.key, set})
	}
	return append(changes, linkChange{keyUp, netlink.LinkSetUp}), nil
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

// checkName refuses a new name of a link that the kernel would.
func (r *request) checkName() error {
	name, ok := r.given[keyName]
	if ok && (name == "" || name == "." || name == ".." || len(name) > maxName || strings.ContainsAny(name,
		"/: \t\n")) {
		return expected(keyName+" "+name, "at most 15 letters without space, / and :")
	}
	return nil
}

// addLink adds a link.
func addLink(r *request) error {
	link, err := r.newLink()
	if err != nil {
		return err
	}
	parent, err := r.device(keyLink)
	if err != nil {
		return err
	}
	if parent != nil {
		link.Attrs().ParentIndex = parent.Attrs().Index
	}
	return explain(link.Attrs().Name, netlink.LinkAdd(link))
}

// newLink reads what the new link is, but for the one below it.
func (r *request) newLink() (netlink.Link, error) {
	if err := r.checkName(); err != nil {
		return nil, err
	}
	mac, err := r.mac()
	if err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = r.given[keyName], mac
	id, err := r.number(keyID, 1, maxVLAN)
	switch kind := r.given[keyType]; {
	case err != nil:
		return nil, err
	case kind == "vlan" && (!r.has(keyID) || !r.has(keyLink)):
		return nil, expected("type vlan", "also link LINK and id VLAN")
	case kind == "vlan":
		return &netlink.Vlan{LinkAttrs: attrs, VlanId: id, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}, nil
	case kind != "bridge" && kind != "dummy":
		return nil, expected(keyType+" "+kind, "vlan, bridge or dummy")
	case r.has(keyID) || r.has(keyLink):
		return nil, expected("type "+kind, "no link and no id with it")
	default:
		return &netlink.GenericLink{LinkAttrs: attrs, LinkType: kind}, nil
	}
}

// delLink deletes a link.
func delLink(r *request) error {
	link, err := r.device(keyDev)
	if err != nil {
		return err
	}
	return explain(link.Attrs().Name, netlink.LinkDel(link))
}
