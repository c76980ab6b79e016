package show

import "strings"

func (d *dump) dhcp(v view, size int) {
	if !v.has(44) {
		d.s("BOOTP/DHCP [|bootp]")
		return
	}
	kind := map[int]string{1: "Request", 2: "Reply"}[v.u8(0)]
	if kind == "" {
		kind = format("unknown (0x%02x)", v.u8(0))
	}
	d.f("BOOTP/DHCP, %s", kind)
	if v.u8(0) == 1 && v.u8(1) == 1 && v.u8(2) == 6 {
		d.f(" from %s", v.mac(28))
	}
	d.f(", length %d", size)
	if d.Verbose == 0 {
		return
	}
	if hops := v.u8(3); hops > 0 {
		d.f(", hops %d", hops)
	}
	d.f(", xid 0x%x", v.u32(4))
	if secs := v.u16(8); secs > 0 {
		d.f(", secs %d", secs)
	}
	d.f(", Flags [%s]", set(v.u8(10), 7, "Broadcast"))
	if d.Verbose > 1 {
		d.f(" (0x%04x)", v.u16(10))
	}
	for i, name := range []string{"Client-IP", "Your-IP", "Server-IP", "Gateway-IP"} {
		if a := v.ip4(12 + 4*i); !a.IsUnspecified() {
			d.f("\n\t  %s %s", name, d.host(a))
		}
	}
	if v.u8(1) == 1 && v.u8(2) == 6 {
		d.f("\n\t  Client-Ethernet-Address %s", v.mac(28))
	}
	for _, f := range []struct {
		name     string
		at, size int
	}{{"sname", 44, 64}, {"file", 108, 128}} {
		if b, _, _ := strings.Cut(string(v.from(f.at).to(f.size)), "\x00"); b != "" {
			d.f("\n\t  %s \"%s\"", f.name, text([]byte(b)))
		}
	}
	if v.u32(236) == 0x63825363 {
		d.s("\n\t  Vendor-rfc1048 Extensions\n\t    Magic Cookie 0x63825363")
		d.dhcpOptions(v.from(240))
	}
}

func (d *dump) dhcpOptions(v view) {
	for len(v) > 0 {
		code, size := v.u8(0), v.u8(1)
		switch {
		case code == 0:
			v = v.from(1)
			continue
		case code == 255:
			if d.Verbose > 2 {
				d.s("\n\t    END (255), length 0")
			}
			return
		case !v.has(2 + size):
			d.s("\n\t    [|bootp]")
			return
		}
		known := dhcpNames()[code]
		if known.name == "" {
			known.name = "Unknown"
		}
		d.f("\n\t    %s (%d), length %d: %s", known.name, code, size,
			d.dhcpValue(code, known.kind, v.from(2).to(size)))
		v = v.from(2 + size)
	}
}

// A dhcpName is how an option is called, and what is in it.
type dhcpName struct {
	name string
	kind byte // a: addresses, s: text, n: a number, x: something else
}

func dhcpNames() map[int]dhcpName {
	return map[int]dhcpName{
		1: {"Subnet-Mask", 'a'}, 2: {"Time-Zone", 'n'}, 3: {"Default-Gateway", 'a'}, 4: {"Time-Server", 'a'},
		6: {"Domain-Name-Server", 'a'}, 7: {"LOG", 'a'}, 12: {"Hostname", 's'}, 13: {"BS", 'n'},
		15: {"Domain-Name", 's'}, 17: {"RP", 's'}, 18: {"EP", 's'}, 19: {"IPF", 'n'}, 23: {"TTL", 'n'},
		26: {"MTU", 'n'}, 28: {"BR", 'a'}, 33: {"Static-Route", 'a'}, 40: {"YD", 's'}, 41: {"YS", 'a'},
		42: {"NTP", 'a'}, 43: {"Vendor-Option", 'x'}, 44: {"Netbios-Name-Server", 'a'},
		46: {"Netbios-Node", 'n'}, 47: {"Netbios-Scope", 's'}, 50: {"Requested-IP", 'a'},
		51: {"Lease-Time", 'n'}, 52: {"OO", 'n'}, 53: {"DHCP-Message", 'm'}, 54: {"Server-ID", 'a'},
		55: {"Parameter-Request", 'p'}, 56: {"MSG", 's'}, 57: {"MSZ", 'n'}, 58: {"RN", 'n'}, 59: {"RB", 'n'},
		60: {"Vendor-Class", 's'}, 61: {"Client-ID", 'x'}, 66: {"TFTP", 's'}, 67: {"BF", 's'},
		77: {"User-Class", 'x'}, 80: {"Rapid-Commit", 'x'}, 81: {"FQDN", 'x'}, 82: {"Agent-Information", 'x'},
		93: {"ARCH", 'n'}, 94: {"NDI", 'x'}, 97: {"GUID", 'x'}, 100: {"POSIX-TZ", 's'}, 101: {"TCode", 's'},
		108: {"IPv6-Only-Preferred", 'n'}, 114: {"URL", 's'}, 116: {"Auto-Config", 'n'},
		118: {"Subnet-Selection", 'a'}, 119: {"Domain-Search", 'x'}, 121: {"Classless-Static-Route", 'x'},
		249: {"Classless-Static-Route-Microsoft", 'x'}, 252: {"WPAD", 's'},
	}
}

func (d *dump) dhcpValue(code int, kind byte, v view) string {
	switch {
	case kind == 'a' && len(v)%4 == 0:
		var all []string
		for at := 0; at < len(v); at += 4 {
			all = append(all, v.ip4(at).String())
		}
		return strings.Join(all, ",")
	case kind == 's':
		return `"` + text(v) + `"`
	case kind == 'n' && len(v) == 1:
		return format("%d", v.u8(0))
	case kind == 'n' && len(v) == 2:
		return format("%d", v.u16(0))
	case kind == 'n' && len(v) == 4:
		return format("%d", v.u32(0))
	case kind == 'm' && len(v) == 1:
		names := []string{"", "Discover", "Offer", "Request", "Decline", "ACK", "NACK", "Release", "Inform"}
		if n := v.u8(0); n > 0 && n < len(names) {
			return names[n]
		}
		return format("%d", v.u8(0))
	case kind == 'p':
		return d.parameters(v)
	case code == 61 && v.u8(0) == 1 && len(v) == 7:
		return "ether " + v.mac(1)
	}
	return strings.ReplaceAll(colons(v), ":", ".")
}

// parameters are the options that a client asks for, four a line.
func (d *dump) parameters(v view) (s string) {
	for i := range v {
		if i%4 == 0 {
			s += "\n\t      "
		} else {
			s += ", "
		}
		name := dhcpNames()[v.u8(i)].name
		if name == "" {
			name = "Unknown"
		}
		s += format("%s (%d)", name, v.u8(i))
	}
	return s
}

// dhcp6 shows what kind of message it is.
func (d *dump) dhcp6(v view) {
	names := []string{"", "solicit", "advertise", "request", "confirm", "renew", "rebind", "reply", "release",
		"decline", "reconfigure", "inf-req", "relay-fwd", "relay-reply"}
	if !v.has(4) {
		d.s("dhcp6 [|dhcp6]")
		return
	}
	kind := v.u8(0)
	name := format("msgtype-%d", kind)
	if kind > 0 && kind < len(names) {
		name = names[kind]
	}
	d.f("dhcp6 %s", name)
	if kind != 12 && kind != 13 {
		d.f(" (xid=%x)", v.u32(0)&0xffffff)
	}
}
