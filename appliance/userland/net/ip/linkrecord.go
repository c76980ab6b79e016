package ip

import "golang.org/x/sys/unix"

// linkRecord is a link in JSON, with the keys of iproute2.
type linkRecord struct {
	Index     int      `json:"ifindex,omitempty"`
	LinkIndex int      `json:"link_index,omitempty"` // below it, in another network namespace
	Link      *string  `json:"link,omitempty"`       // below it; null: it is gone
	Name      string   `json:"ifname"`
	Flags     []string `json:"flags,omitempty"`
	MTU       int      `json:"mtu,omitempty"`
	Qdisc     string   `json:"qdisc,omitempty"`
	Master    string   `json:"master,omitempty"`
	State     string   `json:"operstate"`
	Mode      string   `json:"linkmode,omitempty"`
	Group     string   `json:"group,omitempty"`
	QueueLen  int      `json:"txqlen,omitempty"`
	Type      string   `json:"link_type,omitempty"`
	MAC       string   `json:"address,omitempty"`
	PointTo   bool     `json:"link_pointtopoint,omitempty"`
	Broadcast string   `json:"broadcast,omitempty"` // that of the other end with PointTo
	PermMAC   string   `json:"permaddr,omitempty"`
	LinkNetNS *int     `json:"link_netnsid,omitempty"`
	*detailsRecord
	Alias    string                       `json:"ifalias,omitempty"`
	Counters map[string]map[string]uint64 `json:"stats64,omitempty"`
	AltNames []string                     `json:"altnames,omitempty"`
	Addrs    *[]addrRecord                `json:"addr_info,omitempty"`
}

// briefRecord is what -br has of l.
func (l link) briefRecord(all []link) linkRecord {
	r := linkRecord{Name: l.Name, State: operState(int(l.OperState)), MAC: l.address(l.hardware), Flags: l.flagNames(all)}
	r.setLower(l, all)
	return r
}

// setLower sets what l has below it, or as its peer.
func (r *linkRecord) setLower(l link, all []link) {
	switch {
	case !l.lower:
	case l.NetNsID >= 0:
		r.LinkIndex = l.ParentIndex
	case l.ParentIndex == 0:
		r.Link = new(string)
	default:
		name := namesOfLinks(all).of(l.ParentIndex)
		r.Link = &name
	}
}

// linkRecord is l but for its mode and alias, which a list of addresses leaves out; whole is for details.
func (r *request) linkRecord(l link, all []link, whole bool) linkRecord {
	record := l.briefRecord(all)
	record.Index, record.MTU, record.Qdisc, record.Group = l.Index, l.MTU, l.qdisc, groupName(l.Group)
	if l.MasterIndex != 0 {
		record.Master = namesOfLinks(all).of(l.MasterIndex)
	}
	if l.TxQLen > 0 {
		record.QueueLen = l.TxQLen
	}
	record.Type, record.Broadcast = l.EncapType, l.address(l.broadcast)
	record.PointTo = len(l.broadcast) > 0 && l.RawFlags&unix.IFF_POINTOPOINT != 0
	if l.hasPermanent() {
		record.PermMAC = l.address(l.PermHWAddr)
	}
	if l.lower && l.NetNsID >= 0 {
		record.LinkNetNS = &l.NetNsID
	}
	if r.details {
		record.detailsRecord = l.details(whole)
	}
	record.Counters, record.AltNames = r.countersRecord(l), l.AltNames
	return record
}
