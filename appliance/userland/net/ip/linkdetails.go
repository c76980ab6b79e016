package ip

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"
)

// Attributes of links that golang.org/x/sys/unix does not have (linux/if_link.h).
const (
	iflaCarrierChanges = 35
	iflaMinMTU         = 50
	iflaMaxMTU         = 51
	iflaParentDev      = 56
	iflaParentBus      = 57
	iflaGROMaxSize     = 58
	iflaTSOMaxSize     = 59
	iflaTSOMaxSegs     = 60
	iflaAllmulti       = 61
	iflaInet6GenMode   = 8 // within IFLA_AF_SPEC, AF_INET6
	iflaVLANID         = 1 // within IFLA_INFO_DATA
	iflaVLANFlags      = 2
	iflaVLANProtocol   = 5
)

// number is an attribute of 4 or 8 bytes.
func (l link) number(attribute uint16) uint64 {
	switch b := l.attributes[attribute]; len(b) {
	case 4:
		return uint64(binary.NativeEndian.Uint32(b))
	case 8:
		return binary.NativeEndian.Uint64(b)
	}
	return 0
}

// sayDetails says what -d adds about l; how it makes IPv6 addresses only in a whole list.
func (l link) sayDetails(p *record, whole bool) {
	p.say("promiscuity", " promiscuity %d ", l.number(unix.IFLA_PROMISCUITY))
	p.say("allmulti", " allmulti %d ", l.number(iflaAllmulti))
	p.say("min_mtu", "minmtu %d ", l.number(iflaMinMTU))
	p.say("max_mtu", "maxmtu %d ", l.number(iflaMaxMTU))
	l.sayKind(p)
	mode := inner(inner(l.attributes[unix.IFLA_AF_SPEC])[unix.AF_INET6])[iflaInet6GenMode]
	if whole && len(mode) == 1 {
		p.say("inet6_addr_gen_mode", "addrgenmode %s ", nameOf(int(mode[0]), []numbered{{0, "eui64"}, {1, "none"},
			{2, "stable_secret"}, {3, "random"}}))
	}
	for _, of := range []struct {
		key, format string
		attribute   uint16
	}{
		{"num_tx_queues", "numtxqueues %d ", unix.IFLA_NUM_TX_QUEUES}, {"num_rx_queues", "numrxqueues %d ",
			unix.IFLA_NUM_RX_QUEUES},
		{"gso_max_size", "gso_max_size %d ", unix.IFLA_GSO_MAX_SIZE}, {"gso_max_segs", "gso_max_segs %d ",
			unix.IFLA_GSO_MAX_SEGS},
		{"tso_max_size", "tso_max_size %d ", iflaTSOMaxSize},
		{"tso_max_segs", "tso_max_segs %d ", iflaTSOMaxSegs},
		{"gro_max_size", "gro_max_size %d ", iflaGROMaxSize},
	} {
		p.say(of.key, of.format, l.number(of.attribute))
	}
	for _, of := range []struct {
		key, format string
		attribute   uint16
	}{
		{"phys_port_name", "portname %s ", unix.IFLA_PHYS_PORT_NAME},
		{"parentbus", "parentbus %s ", iflaParentBus},
		{"parentdev", "parentdev %s ", iflaParentDev},
	} {
		if s := text(l.attributes[of.attribute]); s != "" {
			p.say(of.key, of.format, s)
		}
	}
}

// sayKind says what l is. Of a VLAN it has all; of others what they are set to is left out.
func (l link) sayKind(p *record) {
	info := inner(l.attributes[unix.IFLA_LINKINFO])
	if len(info) == 0 {
		return
	}
	k := &record{}
	if l.kind != "" {
		k.say("info_kind", "\n    %s ", l.kind)
	}
	if l.kind == "vlan" {
		data := &record{}
		sayVLAN(data, inner(info[unix.IFLA_INFO_DATA]))
		k.set("info_data", data.members)
		k.printf("%s", &data.text)
	}
	if slave := text(info[unix.IFLA_INFO_SLAVE_KIND]); slave != "" {
		k.say("info_slave_kind", "\n    %s_slave ", slave)
	}
	p.set("linkinfo", k.members)
	p.printf("%s", &k.text)
}

// sayVLAN says what a VLAN is set to.
func sayVLAN(p *record, a map[uint16][]byte) {
	protocol := "802.1Q"
	if b := a[iflaVLANProtocol]; len(b) == 2 && binary.BigEndian.Uint16(b) == unix.ETH_P_8021AD {
		protocol = "802.1ad"
	}
	p.say("protocol", "protocol %s ", protocol)
	if b := a[iflaVLANID]; len(b) == 2 {
		p.say("id", "id %d ", binary.NativeEndian.Uint16(b))
	}
	flags := []string{}
	if b := a[iflaVLANFlags]; len(b) >= 4 {
		names, _ := namesOf(binary.NativeEndian.Uint32(b), []bit{{1, "REORDER_HDR"}, {2, "GVRP"}, {4,
			"LOOSE_BINDING"}, {8, "MVRP"}, {16, "BRIDGE_BINDING"}})
		flags = append(flags, names...)
	}
	p.set("flags", flags)
	p.printf("<%s> ", strings.Join(flags, ","))
}
