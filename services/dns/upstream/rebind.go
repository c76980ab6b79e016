package upstream

import (
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// A Rebind takes private addresses out of the answers of public servers, with which a stranger's web page
// could reach into the house (DNS rebinding): those of A and AAAA records, and the hints of HTTPS and SVCB
// records, whose record is dropped as a whole.
//
// Private is what leads to this box, its links or a house: 0.0.0.0/8, 10.0.0.0/8, 127.0.0.0/8,
// 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16, 255.255.255.255, ::, ::1, fe80::/10, fec0::/10, fc00::/7,
// and IPv6 addresses that stand for such ones. What providers use is not: 192.0.0.0/24 (RFC 7335) and
// 100.64.0.0/10 (RFC 6598).
//
// Domains that are forwarded to servers of one's own belong into the exceptions. It may be used by several
// goroutines.
type Rebind struct {
	except map[string]bool // domains as they are on the wire
}

// NewRebind returns one that leaves the answers to questions for these domains, and for everything below
// them, as they are. It is the name that was asked for that counts, as a browser does, not that of a
// record: else whoever can point to a name in such a domain could use its addresses.
func NewRebind(exceptions []string) (*Rebind, error) {
	r := &Rebind{except: map[string]bool{}}
	for _, domain := range exceptions {
		name, err := servers.WireName(domain)
		if err != nil {
			return nil, fmt.Errorf("domain %s: %w", domain, err)
		}
		r.except[string(name)] = true
	}
	return r, nil
}

// Filter returns an answer without private addresses, and how many records were dropped. Without any it is
// the same slice; else it is a new one that is not marked as authentic, and maybe an empty answer without
// an SOA, which is not to be kept for long. The error is that of a message that cannot be read.
func (r *Rebind) Filter(answer []byte) (kept []byte, dropped int, err error) {
	if len(answer) < headerLen {
		return nil, 0, errGarbage
	}
	if u16(answer, 4) > 0 {
		var room [servers.MaxName]byte
		name, _, err := appendName(room[:0], answer, headerLen)
		if err != nil {
			return nil, 0, err
		}
		if _, ok := longest(r.except, name); ok {
			return answer, 0, nil
		}
	}
	w, err := walkRecords(answer)
	for more := err == nil; more; {
		var rr record
		if rr, more, err = w.next(); more && private(answer, rr) {
			dropped++
		}
	}
	if err != nil || dropped == 0 {
		return answer, 0, err
	}
	kept, err = rewrite(answer, func(rr record) bool { return !private(answer, rr) })
	if err != nil {
		return nil, 0, err
	}
	kept[3] &^= flagAD
	return kept, dropped, nil
}

// longest looks a name up in a table of domains: the longest that it is in. The name becomes lower case.
func longest[T any](table map[string]T, name []byte) (value T, ok bool) {
	if len(table) == 0 {
		return value, false
	}
	for i, c := range name {
		name[i] = servers.Lower(c)
	}
	for {
		if value, ok = table[string(name)]; ok || name[0] == 0 {
			return value, ok
		}
		name = name[1+int(name[0]):]
	}
}

// private reports whether a record has an address that no public answer should have, or one that cannot be
// read.
func private(b []byte, r record) bool {
	switch {
	case r.class != classIN:
		return false
	case r.typ == typeA || r.typ == typeAAAA:
		return privateAddr(address(b, r))
	case r.typ == typeHTTPS || r.typ == typeSVCB:
		return privateHint(b[:r.end], r.data)
	}
	return false
}

// Parameters of service bindings that have addresses, RFC 9460 section 7.3.
const (
	paramIPv4Hint = 4
	paramIPv6Hint = 6
)

// privateHint looks at the hints of a service binding whose data starts at an offset of b and ends with b.
func privateHint(b []byte, at int) bool {
	if at += 2; at > len(b) { // its priority
		return true
	}
	at, err := skipName(b, at)
	for ; err == nil && at < len(b); at += 4 + u16(b, at+2) {
		if at+4 > len(b) || at+4+u16(b, at+2) > len(b) {
			return true
		}
		size := map[int]int{paramIPv4Hint: 4, paramIPv6Hint: 16}[u16(b, at)]
		if size == 0 {
			continue
		}
		hints := b[at+4 : at+4+u16(b, at+2)]
		for ; len(hints) >= size; hints = hints[size:] {
			a, _ := netip.AddrFromSlice(hints[:size])
			if privateAddr(a) {
				return true
			}
		}
		if len(hints) > 0 {
			return true
		}
	}
	return err != nil
}

// privateAddr reports whether an address leads into a house. One that is none does too.
func privateAddr(a netip.Addr) bool {
	if inner, ok := embedded(a); ok {
		a = inner
	}
	switch {
	case !a.IsValid(), a.IsPrivate(), a.IsLoopback(), a.IsLinkLocalUnicast(), a.IsUnspecified():
		return true
	case a.Is4():
		b := a.As4()
		return b[0] == 0 || b == [4]byte{255, 255, 255, 255}
	}
	b := a.As16()
	return b[0] == 0xfe && b[1]&0xc0 == 0xc0 // fec0::/10, RFC 3879: routers may still have it
}

// embedded returns the IPv4 address that an IPv6 address stands for: mapped and compatible ones (RFC 4291),
// NAT64's (RFC 6052) and 6to4's (RFC 3056).
func embedded(a netip.Addr) (inner netip.Addr, ok bool) {
	if !a.Is6() || a.IsUnspecified() || a.IsLoopback() {
		return inner, false
	}
	b := a.As16()
	at := 12
	switch start := [12]byte(b[:]); {
	case start == [12]byte{}, start == [12]byte{10: 0xff, 11: 0xff}: // compatible, mapped
	case start == [12]byte{1: 0x64, 2: 0xff, 3: 0x9b}: // NAT64
	case b[0] == 0x20 && b[1] == 0x02: // 6to4
		at = 2
	default:
		return inner, false
	}
	return netip.AddrFrom4([4]byte(b[at:])), true
}
