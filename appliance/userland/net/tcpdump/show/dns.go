package show

import (
	"fmt"
	"strings"
)

// A record type by its number.
func recordType(n int) string {
	names := map[int]string{1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 13: "HINFO", 15: "MX",
		16: "TXT", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 39: "DNAME", 41: "OPT", 43: "DS",
		44: "SSHFP", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 52: "TLSA", 64: "SVCB", 65: "HTTPS",
		99: "SPF", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA"}
	if s := names[n]; s != "" {
		return s
	}
	return fmt.Sprint("Type", n)
}

// maxPointers is how many pointers a name may go through.
const maxPointers = 64

// domain reads a name, and where it ends; 0: it does not.
func domain(v view, at int) (name string, end int) {
	var b []byte
	pointers, limit := 0, at
	for {
		n := v.u8(at)
		switch {
		case !v.has(at + 1):
			return text(b) + "[|domain]", end
		case n == 0:
			if end == 0 {
				end = at + 1
			}
			if len(b) == 0 {
				return ".", end
			}
			return text(b), end
		case n&0xc0 == 0xc0:
			to := v.u16(at) & 0x3fff
			if end == 0 {
				end = at + 2
			}
			if pointers++; pointers > maxPointers || to >= limit || !v.has(at+2) {
				return text(b) + "<BAD PTR>", end
			}
			at, limit = to, to
		case n > 63 || !v.has(at+1+n) || len(b) > 255:
			return text(b) + "[|domain]", end
		default:
			b = append(append(b, v[at+1:at+1+n]...), '.')
			at += 1 + n
		}
	}
}

func (d *dump) dns(v view, size int) {
	if !v.has(12) {
		d.f("domain [length %d < 12] (invalid)", size)
		return
	}
	bits := v.u16(2)
	reply, opcode, code := bits&0x8000 != 0, bits>>11&15, bits&15
	op := ""
	if opcode != 0 {
		op = map[int]string{1: " inv_q", 2: " stat", 4: " notify", 5: " update"}[opcode]
		if op == "" {
			op = fmt.Sprint(" op", opcode)
		}
	}
	d.f("%d%s", v.u16(0), op)
	at := 12
	if reply {
		if code != 0 {
			d.s(" " + responseCode(code))
		}
		d.s(mark(bits, 0x0400, "*") + mark(^bits, 0x0080, "-") + mark(bits, 0x0200, "|") + mark(bits, 0x0020, "$"))
		at = d.questions(v, at, d.Verbose > 1)
		d.f(" %d/%d/%d", v.u16(6), v.u16(8), v.u16(10))
		at = d.records(v, at, v.u16(6), "")
		if d.Verbose > 1 {
			at = d.records(v, at, v.u16(8), " ns: ")
			d.records(v, at, v.u16(10), " ar: ")
		}
	} else {
		d.s(mark(bits, 0x0100, "+") + mark(bits, 0x0010, "%"))
		for i, sign := range []string{"a", "n", "au"} { // records that a question may have beside it
			if n := v.u16(6 + 2*i); n > 0 {
				d.f(" [%d%s]", n, sign)
			}
		}
		d.questions(v, at, true)
	}
	d.f(" (%d)", size)
}

func mark(bits, mask int, sign string) string {
	if bits&mask != 0 {
		return sign
	}
	return ""
}

func responseCode(n int) string {
	names := []string{"", "FormErr", "ServFail", "NXDomain", "NotImp", "Refused", "YXDomain", "YXRRSet",
		"NXRRSet", "NotAuth", "NotZone"}
	if n < len(names) {
		return names[n]
	}
	return fmt.Sprint("Resp", n)
}

// questions goes through the questions, and says where they end; less than 0: they do not.
func (d *dump) questions(v view, at int, shown bool) int {
	if v.u16(4) != 1 && shown {
		d.f(" [%dq]", v.u16(4))
	}
	reply := v.u16(2)&0x8000 != 0
	for i := range v.u16(4) {
		name, end := domain(v, at)
		if end == 0 || !v.has(end+4) {
			if shown {
				d.s(" [|domain]")
			}
			return -1
		}
		if at = end + 4; !shown || i >= 16 {
			continue
		}
		if reply && i == 0 {
			d.s(" q:")
		}
		class := v.u16(end + 2)
		d.f(" %s%s? %s", recordType(v.u16(end)), map[bool]string{true: " (QU)"}[class&0x8000 != 0], name)
	}
	return at
}

// records shows n records, and says where they end; less than 0: they do not.
func (d *dump) records(v view, at, n int, title string) int {
	for i := range n {
		if at < 0 {
			return at
		}
		name, end := domain(v, at)
		if end == 0 || !v.has(end+10) {
			d.s(" [|domain]")
			return -1
		}
		kind, size := v.u16(end), v.u16(end+8)
		if i == 0 {
			d.s(title)
		} else {
			d.s(",")
		}
		if i > 0 || title == "" {
			d.s(" ")
		}
		if d.Verbose > 0 {
			d.s(name + " ")
			if kind != 41 && d.Verbose > 2 {
				d.f("[%s] ", ttl(v.u32(end+4)))
			}
		}
		d.s(strings.TrimRight(recordType(kind)+" "+recordData(v, end+10, kind, size), " "))
		if at = end + 10 + size; !v.has(at) {
			d.s(" [|domain]")
			return -1
		}
	}
	return at
}

func recordData(v view, at, kind, size int) string {
	switch kind {
	case 1:
		return v.ip4(at).String()
	case 28:
		return v.ip6(at).String()
	case 2, 5, 12, 39:
		name, _ := domain(v, at)
		return name
	case 15:
		name, _ := domain(v, at+2)
		return fmt.Sprintf("%s %d", name, v.u16(at))
	case 16:
		var all []string
		for end := min(at+size, len(v)); at < end; at += 1 + v.u8(at) {
			all = append(all, `"`+text(v.to(end).from(at+1).to(v.u8(at)))+`"`)
		}
		return strings.Join(all, " ")
	case 33:
		name, _ := domain(v, at+6)
		return fmt.Sprintf("%s:%d %d %d", name, v.u16(at+4), v.u16(at), v.u16(at+2))
	case 41:
		return fmt.Sprintf("UDPsize=%d", v.u16(at-8))
	}
	return ""
}

// ttl writes seconds as tcpdump does: 1h30m.
func ttl(n uint32) (s string) {
	for _, unit := range []struct {
		size uint32
		name string
	}{{604800, "w"}, {86400, "d"}, {3600, "h"}, {60, "m"}} {
		if n >= unit.size {
			s += fmt.Sprint(n/unit.size) + unit.name
			n %= unit.size
		}
	}
	if n > 0 || s == "" {
		s += fmt.Sprint(n) + "s"
	}
	return s
}
