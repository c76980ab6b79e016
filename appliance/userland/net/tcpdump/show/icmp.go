package show

func (d *dump) icmp(g datagram) {
	v := g.v
	if !v.has(8) {
		d.s("ICMP [|icmp]")
		return
	}
	d.f("ICMP %s, length %d", d.icmpKind(v), g.length)
	kind := v.u8(0)
	quotes := kind == 3 || kind == 4 || kind == 5 || kind == 11 || kind == 12
	if d.Verbose > 0 && g.whole() {
		if s := sum(0, v.to(g.length)); s != 0 {
			d.f(" (wrong icmp cksum %x (->%x)!)", v.u16(2), right(s, uint16(v.u16(2))))
		}
	}
	if d.Verbose > 0 && quotes && v.has(28) && d.depth < maxDepth {
		d.depth++
		d.s("\n\t")
		d.protocol(typeIP, v.from(8), max(v.u16(10), g.length-8), nil) // only its beginning is quoted
		d.depth--
	}
}

func (d *dump) icmpKind(v view) string {
	code := v.u8(1)
	switch v.u8(0) {
	case 0:
		return format("echo reply, id %d, seq %d", v.u16(4), v.u16(6))
	case 8:
		return format("echo request, id %d, seq %d", v.u16(4), v.u16(6))
	case 3:
		return d.unreachable(v, code)
	case 4:
		return "source quench"
	case 5:
		to := []string{"net", "host", "tos-net", "tos-host"}
		if code >= len(to) {
			return format("redirect-#%d %s to net %s", code, d.host(v.ip4(24)), d.host(v.ip4(4)))
		}
		return format("redirect %s to %s %s", d.host(v.ip4(24)), to[code], d.host(v.ip4(4)))
	case 9:
		return format("router advertisement lifetime %d %d", v.u16(6), v.u8(4))
	case 10:
		return "router solicitation"
	case 11:
		return []string{"time exceeded in-transit", "ip reassembly time exceeded",
			"time exceeded"}[min(code, 2)]
	case 12:
		if code != 0 {
			return format("parameter problem - code %d", code)
		}
		return format("parameter problem - octet %d", v.u8(4))
	case 13:
		return format("time stamp query id %d seq %d", v.u16(4), v.u16(6))
	case 14:
		return format("time stamp reply id %d seq %d", v.u16(4), v.u16(6))
	case 17:
		return "address mask request"
	case 18:
		return "address mask is " + v.ip4(8).String()
	}
	return format("type-#%d", v.u8(0))
}

// unreachable says what cannot be reached, of the packet that is quoted.
func (d *dump) unreachable(v view, code int) string {
	quoted := v.from(8)
	dst := d.host(quoted.ip4(16))
	switch code {
	case 0:
		return format("net %s unreachable", dst)
	case 1:
		return format("host %s unreachable", dst)
	case 2:
		return format("%s protocol %d unreachable", dst, quoted.u8(9))
	case 3:
		port := uint16(quoted.u16(quoted.u8(0)&0xf*4 + 2))
		switch quoted.u8(9) {
		case protoTCP:
			return format("%s tcp port %s unreachable", dst, d.port(false, port))
		case protoUDP:
			return format("%s udp port %s unreachable", dst, d.port(true, port))
		}
		return format("%s protocol %d port %d unreachable", dst, quoted.u8(9), port)
	case 4:
		if mtu := v.u16(6); mtu != 0 {
			return format("%s unreachable - need to frag (mtu %d)", dst, mtu)
		}
		return format("%s unreachable - need to frag", dst)
	case 5:
		return format("%s unreachable - source route failed", dst)
	case 6:
		return format("net %s unreachable - unknown", dst)
	case 7:
		return format("host %s unreachable - unknown", dst)
	case 9:
		return format("net %s unreachable - admin prohibited", dst)
	case 10:
		return format("host %s unreachable - admin prohibited", dst)
	case 11:
		return format("net %s unreachable - tos prohibited", dst)
	case 12:
		return format("host %s unreachable - tos prohibited", dst)
	case 13:
		return format("host %s unreachable - admin prohibited filter", dst)
	}
	return format("%s unreachable - #%d", dst, code)
}
