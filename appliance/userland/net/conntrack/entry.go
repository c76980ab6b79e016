package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// entry is a conversation as a message tells it; what it does not tell is nil.
type entry struct {
	family        uint8
	there, back   tuple
	status        uint32
	timeout       *uint32
	state         string // of TCP
	mark, id, use *uint32
	zone          uint16
	helper        string
}

// tuple is one direction.
type tuple struct {
	protocol             uint8
	source, destination  netip.Addr
	sourcePort, destPort uint16
	icmp                 bool
	kind, code           uint8
	icmpID               uint16
	packets, bytes       *uint64
}

// Bits of the status (linux/netfilter/nf_conntrack_common.h).
const (
	seenReply = 1 << 1
	assured   = 1 << 2
	offload   = 1 << 14
	hardware  = 1 << 15
)

// attributes are those of a nest, by their number.
type attributes map[uint16][]byte

// nest reads attributes.
func nest(b []byte) (attributes, error) {
	all, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil, err
	}
	a := attributes{}
	for _, one := range all {
		a[one.Attr.Type&nl.NLA_TYPE_MASK] = one.Value
	}
	return a, nil
}

// u32 is a number of the network's order; nil if it is not there.
func (a attributes) u32(kind uint16) *uint32 {
	if b := a[kind]; len(b) == 4 {
		n := binary.BigEndian.Uint32(b)
		return &n
	}
	return nil
}

func (a attributes) u64(kind uint16) *uint64 {
	if b := a[kind]; len(b) == 8 {
		n := binary.BigEndian.Uint64(b)
		return &n
	}
	return nil
}

func (a attributes) u16(kind uint16) uint16 {
	if b := a[kind]; len(b) == 2 {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (a attributes) u8(kind uint16) uint8 {
	if b := a[kind]; len(b) == 1 {
		return b[0]
	}
	return 0
}

// parse reads a message (linux/netfilter/nfnetlink_conntrack.h).
func parse(b []byte) (e entry, err error) {
	if len(b) < nl.SizeofNfgenmsg {
		return e, errors.New("a conversation of the kernel's is cut off")
	}
	a, err := nest(b[nl.SizeofNfgenmsg:])
	if err != nil {
		return e, err
	}
	e = entry{family: b[0], timeout: a.u32(nl.CTA_TIMEOUT), mark: a.u32(nl.CTA_MARK), id: a.u32(nl.CTA_ID),
		use: a.u32(nl.CTA_USE), zone: a.u16(nl.CTA_ZONE)}
	if status := a.u32(nl.CTA_STATUS); status != nil {
		e.status = *status
	}
	var errs [6]error
	e.there, errs[0] = newTuple(a[nl.CTA_TUPLE_ORIG], a[nl.CTA_COUNTERS_ORIG])
	e.back, errs[1] = newTuple(a[nl.CTA_TUPLE_REPLY], a[nl.CTA_COUNTERS_REPLY])
	info, bad := nest(a[nl.CTA_PROTOINFO])
	errs[2] = bad
	ofTCP, bad := nest(info[nl.CTA_PROTOINFO_TCP])
	errs[3] = bad
	if state := ofTCP[nl.CTA_PROTOINFO_TCP_STATE]; len(state) == 1 {
		e.state = stateName(state[0])
	}
	help, bad := nest(a[5]) // CTA_HELP
	errs[4] = bad
	e.helper = printable.String(unix.ByteSliceToString(help[1])) // CTA_HELP_NAME
	return e, errors.Join(errs[:]...)
}

// newTuple reads a direction with its counters.
func newTuple(b, counters []byte) (t tuple, err error) {
	a, err1 := nest(b)
	ip, err2 := nest(a[nl.CTA_TUPLE_IP])
	proto, err3 := nest(a[nl.CTA_TUPLE_PROTO])
	counted, err4 := nest(counters)
	t.source, t.destination = address(ip, nl.CTA_IP_V4_SRC, nl.CTA_IP_V6_SRC), address(ip, nl.CTA_IP_V4_DST,
		nl.CTA_IP_V6_DST)
	t.protocol, t.sourcePort, t.destPort = proto.u8(nl.CTA_PROTO_NUM), proto.u16(nl.CTA_PROTO_SRC_PORT),
		proto.u16(nl.CTA_PROTO_DST_PORT)
	// CTA_PROTO_ICMP_ID, CTA_PROTO_ICMPV6_ID, each with type and code behind
	for _, first := range []uint16{4, 7} {
		if proto[first+1] != nil {
			t.icmp, t.icmpID, t.kind, t.code = true, proto.u16(first), proto.u8(first+1), proto.u8(first+2)
		}
	}
	t.packets, t.bytes = counted.u64(1), counted.u64(2) // CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES
	return t, errors.Join(err1, err2, err3, err4)
}

// address is that of one of two families.
func address(a attributes, v4, v6 uint16) netip.Addr {
	b := a[v4]
	if b == nil {
		b = a[v6]
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// stateName words a state of TCP.
func stateName(n uint8) string {
	names := []string{"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK",
		"TIME_WAIT", "CLOSE", "SYN_SENT2"}
	if int(n) >= len(names) {
		return "NONE"
	}
	return names[n]
}

// protocolNames are those that have a name here.
func protocolNames() map[uint8]string {
	return map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_UDPLITE: "udplite",
		unix.IPPROTO_ICMP:   "icmp",
		unix.IPPROTO_ICMPV6: "icmpv6", unix.IPPROTO_SCTP: "sctp", unix.IPPROTO_GRE: "gre",
		unix.IPPROTO_DCCP: "dccp"}
}

// protocolNumber reads a name or a number.
func protocolNumber(text string) (int, error) {
	for n, name := range protocolNames() {
		if name == text {
			return int(n), nil
		}
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%s: expected a protocol like tcp, udp, icmp or a number", text)
	}
	return int(n), nil
}

// line words e.
func (e entry) line(extended, id bool) string {
	var b strings.Builder
	if extended {
		family := "ipv4     2"
		if e.family == unix.AF_INET6 {
			family = "ipv6     10"
		}
		b.WriteString(family + " ")
	}
	name, known := protocolNames()[e.there.protocol]
	if !known {
		name = "unknown"
	}
	fmt.Fprintf(&b, "%-8s %d ", name, e.there.protocol)
	say := func(format string, n *uint32) {
		if n != nil {
			fmt.Fprintf(&b, format, *n)
		}
	}
	say("%d ", e.timeout)
	if e.state != "" {
		b.WriteString(e.state + " ")
	}
	b.WriteString(e.there.words())
	if e.status&seenReply == 0 {
		b.WriteString("[UNREPLIED] ")
	}
	b.WriteString(e.back.words())
	switch {
	case e.status&hardware != 0:
		b.WriteString("[HW_OFFLOAD] ")
	case e.status&offload != 0:
		b.WriteString("[OFFLOAD] ")
	case e.status&assured != 0:
		b.WriteString("[ASSURED] ")
	}
	say("mark=%d ", e.mark)
	if e.zone != 0 {
		fmt.Fprintf(&b, "zone=%d ", e.zone)
	}
	if e.helper != "" {
		b.WriteString("helper=" + e.helper + " ")
	}
	say("use=%d ", e.use)
	if id {
		say("id=%d ", e.id)
	}
	return strings.TrimSuffix(b.String(), " ")
}

// words words a direction.
func (t tuple) words() string {
	text := fmt.Sprintf("src=%v dst=%v ", t.source, t.destination)
	switch t.protocol {
	case unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6:
		if t.icmp {
			text += fmt.Sprintf("type=%d code=%d id=%d ", t.kind, t.code, t.icmpID)
		}
	case unix.IPPROTO_GRE:
		text += fmt.Sprintf("srckey=%#x dstkey=%#x ", t.sourcePort, t.destPort)
	case unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE, unix.IPPROTO_SCTP, unix.IPPROTO_DCCP:
		text += fmt.Sprintf("sport=%d dport=%d ", t.sourcePort, t.destPort)
	}
	if t.packets != nil && t.bytes != nil {
		text += fmt.Sprintf("packets=%d bytes=%d ", *t.packets, *t.bytes)
	}
	return text
}
