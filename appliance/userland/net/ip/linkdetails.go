package ip

import (
	"encoding/binary"
	"fmt"
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

// detailsRecord is what -d adds about a link, as JSON has it.
type detailsRecord struct {
	Promiscuity uint64      `json:"promiscuity"`
	Allmulti    uint64      `json:"allmulti"`
	MinMTU      uint64      `json:"min_mtu"`
	MaxMTU      uint64      `json:"max_mtu"`
	Kind        *kindRecord `json:"linkinfo,omitempty"`
	GenMode     string      `json:"inet6_addr_gen_mode,omitempty"`
	TxQueues    uint64      `json:"num_tx_queues"`
	RxQueues    uint64      `json:"num_rx_queues"`
	GSOMaxSize  uint64      `json:"gso_max_size"`
	GSOMaxSegs  uint64      `json:"gso_max_segs"`
	TSOMaxSize  uint64      `json:"tso_max_size"`
	TSOMaxSegs  uint64      `json:"tso_max_segs"`
	GROMaxSize  uint64      `json:"gro_max_size"`
	Port        string      `json:"phys_port_name,omitempty"`
	Bus         string      `json:"parentbus,omitempty"`
	Device      string      `json:"parentdev,omitempty"`
}

// kindRecord says what a link is.
type kindRecord struct {
	Kind  string      `json:"info_kind,omitempty"`
	Data  *vlanRecord `json:"info_data,omitempty"`
	Slave string      `json:"info_slave_kind,omitempty"`
}

// vlanRecord is what a VLAN is set to.
type vlanRecord struct {
	Protocol string   `json:"protocol"`
	ID       int      `json:"id"`
	Flags    []string `json:"flags"`
}

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

// details are what -d adds about l; how it makes IPv6 addresses only in a whole list.
func (l link) details(whole bool) *detailsRecord {
	d := &detailsRecord{
		Promiscuity: l.number(unix.IFLA_PROMISCUITY), Allmulti: l.number(iflaAllmulti), MinMTU: l.number(iflaMinMTU), MaxMTU: l.number(iflaMaxMTU),
		TxQueues: l.number(unix.IFLA_NUM_TX_QUEUES), RxQueues: l.number(unix.IFLA_NUM_RX_QUEUES),
		GSOMaxSize: l.number(unix.IFLA_GSO_MAX_SIZE), GSOMaxSegs: l.number(unix.IFLA_GSO_MAX_SEGS),
		TSOMaxSize: l.number(iflaTSOMaxSize), TSOMaxSegs: l.number(iflaTSOMaxSegs), GROMaxSize: l.number(iflaGROMaxSize),
		Port: text(l.attributes[unix.IFLA_PHYS_PORT_NAME]), Bus: text(l.attributes[iflaParentBus]), Device: text(l.attributes[iflaParentDev]),
	}
	if info := inner(l.attributes[unix.IFLA_LINKINFO]); len(info) > 0 {
		d.Kind = &kindRecord{Kind: l.kind, Slave: text(info[unix.IFLA_INFO_SLAVE_KIND])}
		if l.kind == "vlan" {
			d.Kind.Data = vlanData(inner(info[unix.IFLA_INFO_DATA]))
		}
	}
	mode := inner(inner(l.attributes[unix.IFLA_AF_SPEC])[unix.AF_INET6])[iflaInet6GenMode]
	if whole && len(mode) == 1 {
		d.GenMode = nameOf(int(mode[0]), map[int]string{0: "eui64", 1: "none", 2: "stable_secret", 3: "random"})
	}
	return d
}

// vlanData reads what a VLAN is set to.
func vlanData(a map[uint16][]byte) *vlanRecord {
	v := &vlanRecord{Protocol: "802.1Q", Flags: []string{}}
	if b := a[iflaVLANProtocol]; len(b) == 2 && binary.BigEndian.Uint16(b) == unix.ETH_P_8021AD {
		v.Protocol = "802.1ad"
	}
	if b := a[iflaVLANID]; len(b) == 2 {
		v.ID = int(binary.NativeEndian.Uint16(b))
	}
	if b := a[iflaVLANFlags]; len(b) >= 4 {
		names, _ := namesOf(binary.NativeEndian.Uint32(b), []bit{{1, "REORDER_HDR"}, {2, "GVRP"}, {4, "LOOSE_BINDING"}, {8, "MVRP"}, {16, "BRIDGE_BINDING"}})
		v.Flags = append(v.Flags, names...)
	}
	return v
}

// text words the details.
func (d *detailsRecord) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, " promiscuity %d  allmulti %d minmtu %d maxmtu %d ", d.Promiscuity, d.Allmulti, d.MinMTU, d.MaxMTU)
	if k := d.Kind; k != nil {
		if k.Kind != "" {
			fmt.Fprintf(&b, "\n    %s ", k.Kind)
		}
		if v := k.Data; v != nil {
			fmt.Fprintf(&b, "protocol %s id %d <%s> ", v.Protocol, v.ID, strings.Join(v.Flags, ","))
		}
		if k.Slave != "" {
			fmt.Fprintf(&b, "\n    %s_slave ", k.Slave)
		}
	}
	if d.GenMode != "" {
		fmt.Fprintf(&b, "addrgenmode %s ", d.GenMode)
	}
	fmt.Fprintf(&b, "numtxqueues %d numrxqueues %d gso_max_size %d gso_max_segs %d tso_max_size %d tso_max_segs %d gro_max_size %d ",
		d.TxQueues, d.RxQueues, d.GSOMaxSize, d.GSOMaxSegs, d.TSOMaxSize, d.TSOMaxSegs, d.GROMaxSize)
	for _, named := range [][2]string{{"portname", d.Port}, {"parentbus", d.Bus}, {"parentdev", d.Device}} {
		if named[1] != "" {
			fmt.Fprintf(&b, "%s %s ", named[0], named[1])
		}
	}
	return b.String()
}
