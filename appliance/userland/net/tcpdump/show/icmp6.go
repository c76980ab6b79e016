package show

import (
	"net/netip"
	"strings"
)

// Messages of ICMPv6.
const (
	routerSolicitation      = 133
	routerAdvertisement     = 134
	neighbourSolicitation   = 135
	neighbourAdvertisement  = 136
	redirect6               = 137
	multicastListenerReport = 143
)

func (d *dump) icmp6(g datagram) {
	v := g.v
	if !v.has(4) {
		d.s("ICMP6 [|icmp6]")
		return
	}
	if d.Verbose > 0 && g.whole() {
		g.proto = protoICMP6
		if s := sum(g.pseudo(), v.to(g.length)); s != 0 {
			d.f("[bad icmp6 cksum 0x%04x -> 0x%04x!] ", v.u16(2), right(s, uint16(v.u16(2))))
		} else {
			d.s("[icmp6 sum ok] ")
		}
	}
	kind, code := v.u8(0), v.u8(1)
	name := kind6(kind, code)
	d.f("ICMP6, %s", name)
	need := map[int]int{routerAdvertisement: 16, neighbourSolicitation: 24, neighbourAdvertisement: 24,
		redirect6: 40}[kind]
	if !v.has(max(8, need)) {
		d.s(" [|icmp6]")
		return
	}
	length, what := format(", length %d", g.length), d.about6(v, kind, code)
	if d.Verbose == 0 {
		d.s(what + length)
		return
	}
	if kind == 128 || kind == 129 {
		length = ""
	}
	d.s(length + what)
	switch kind {
	case routerSolicitation:
		d.discovery(v.from(8))
	case routerAdvertisement:
		d.advertisement(v)
	case neighbourSolicitation, neighbourAdvertisement:
		d.discovery(v.from(24))
	case redirect6:
		d.discovery(v.from(40))
	}
}

// about6 is what a message is about.
func (d *dump) about6(v view, kind, code int) string {
	switch kind {
	case 1:
		return d.unreachable6(v.from(8), code)
	case 2:
		return format(", mtu %d", v.u32(4))
	case 128, 129:
		return format(", id %d, seq %d", v.u16(4), v.u16(6))
	case neighbourSolicitation:
		return ", who has " + d.host(v.ip6(8))
	case neighbourAdvertisement:
		flags := ""
		if d.Verbose > 0 {
			flags = ", Flags [" + set(v.u8(4), 7, "router", "solicited", "override") + "]"
		}
		return ", tgt is " + d.host(v.ip6(8)) + flags
	case redirect6:
		return format(", %s to %s", d.host(v.ip6(24)), d.host(v.ip6(8)))
	case multicastListenerReport:
		return format(", %d group record(s)", v.u16(6))
	}
	return ""
}

func kind6(kind, code int) string {
	switch kind {
	case 1:
		return "destination unreachable"
	case 2:
		return "packet too big"
	case 3:
		return "time exceeded " + []string{"in-transit", "(reassembly)", "(unknown)"}[min(code, 2)]
	case 4:
		return "parameter problem"
	case 128:
		return "echo request"
	case 129:
		return "echo reply"
	case 130:
		return "multicast listener query"
	case 131:
		return "multicast listener report"
	case 132:
		return "multicast listener done"
	case routerSolicitation:
		return "router solicitation"
	case routerAdvertisement:
		return "router advertisement"
	case neighbourSolicitation:
		return "neighbor solicitation"
	case neighbourAdvertisement:
		return "neighbor advertisement"
	case redirect6:
		return "redirect"
	case multicastListenerReport:
		return "multicast listener report v2"
	}
	return format("unknown icmp6 type (%d)", kind)
}

func (d *dump) unreachable6(quoted view, code int) string {
	dst := d.host(quoted.ip6(24))
	switch code {
	case 0:
		return ", unreachable route " + dst
	case 1:
		return ", unreachable prohibited " + dst
	case 2:
		return ", beyond scope " + dst
	case 3:
		return ", unreachable address " + dst
	case 4:
		name := map[int]string{protoTCP: "tcp", protoUDP: "udp"}[quoted.u8(6)]
		if name == "" {
			return format(", unreachable port %d", quoted.u16(42))
		}
		return format(", unreachable port, %s %s port %s", dst, name,
			d.port(name == "udp", uint16(quoted.u16(42))))
	}
	return format(", unreachable code-#%d", code)
}

// set names the bits of a byte, from one down.
func set(bits, from int, names ...string) string {
	var all []string
	for i, name := range names {
		if bits>>(from-i)&1 != 0 {
			all = append(all, name)
		}
	}
	if all == nil {
		return "none"
	}
	return strings.Join(all, ", ")
}

func (d *dump) advertisement(v view) {
	preference := []string{"medium", "high", "reserved", "low"}[v.u8(5)>>3&3]
	d.f("\n\thop limit %d, Flags [%s], pref %s, router lifetime %ds, reachable time %dms, retrans timer %dms",
		v.u8(4), set(v.u8(5), 7, "managed", "other stateful", "home agent"), preference, v.u16(6), v.u32(8),
		v.u32(12))
	d.discovery(v.from(16))
}

// discovery shows the options of neighbour discovery: RFC 4861, 4191, 8106, 8781, 8910.
func (d *dump) discovery(v view) {
	for len(v) >= 2 {
		size := v.u8(1) * 8
		if size == 0 || !v.has(size) {
			d.s("\n\t  [|icmp6 option]")
			return
		}
		o := v.to(size)
		name, what := d.discoveryOption(o)
		d.f("\n\t  %s option (%d), length %d (%d): %s", name, o.u8(0), size, o.u8(1), what)
		if d.Verbose > 1 {
			d.hexIndented(o.from(2))
		}
		v = v.from(size)
	}
}

func (d *dump) hexIndented(b view) {
	inner := &dump{Printer: d.Printer}
	inner.hex(b, false)
	d.s(strings.ReplaceAll(inner.out.String(), "\n\t", "\n\t    "))
}

func (d *dump) discoveryOption(o view) (name, what string) {
	switch o.u8(0) {
	case 1:
		return "source link-address", o.mac(2)
	case 2:
		return "destination link-address", o.mac(2)
	case 3:
		return "prefix info", format("%s/%d, Flags [%s], valid time %s, pref. time %s", o.ip6(16), o.u8(2),
			set(o.u8(3), 7, "onlink", "auto", "router"), lifetime(o.u32(4)), lifetime(o.u32(8)))
	case 4:
		return "redirected header", ""
	case 5:
		return "mtu", format(" %d", o.u32(4))
	case 24:
		prefix := o.ip6(8)
		return "route info", format(" %s/%d, pref=%s, lifetime=%s", prefix, o.u8(2),
			[]string{"medium", "high", "reserved", "low"}[o.u8(3)>>3&3], lifetime(o.u32(4)))
	case 25:
		what = format(" lifetime %s,", lifetime(o.u32(4)))
		for at := 8; at+16 <= len(o); at += 16 {
			what += " addr: " + o.ip6(at).String()
		}
		return "rdnss", what
	case 31:
		what = format(" lifetime %s, domain(s):", lifetime(o.u32(4)))
		for at := 8; at < len(o) && o.u8(at) != 0; {
			name, next := domain(o, at)
			if what += " " + name; next <= at {
				break
			}
			at = next
		}
		return "dnssl", what
	case 37:
		return "captive portal", text([]byte(strings.TrimRight(string(o.from(2)), "\x00")))
	case 38:
		b := [16]byte{}
		copy(b[:12], o.from(4))
		bits := []int{96, 64, 56, 48, 40, 32, 0, 0}[o.u16(2)&7]
		return "pref64", format("%s/%d, lifetime %ds", netip.AddrFrom16(b), bits, o.u16(2)&^7)
	}
	return "unknown", ""
}

func lifetime(n uint32) string {
	if n == 0xffffffff {
		return "infinity"
	}
	return format("%ds", n)
}
