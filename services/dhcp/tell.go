package dhcp

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// A told is an option that clients are told: those who ask for it, or all.
type told struct {
	packet.Option
	always bool
}

// tell returns what clients of c are told beyond the mask, in the order in which it
// claims the room in a message. Their way out is through router, zero for none; other:
// it is not that of c. What the site says by number goes before what we derive.
func (c *Subnet) tell(router netip.Addr, other bool) []told {
	all := tellOptions(nil, c.Options)
	if other {
		all = deleteCode(all, packet.OptionRouter)
	}
	add := func(code uint8, data []byte) {
		if len(data) > 0 && !has(all, code) {
			all = append(all, told{Option: packet.Option{Code: code, Data: data}})
		}
	}
	add(packet.OptionRouter, join([]netip.Addr{router}))
	add(packet.OptionDNS, join(c.DNS))
	add(packet.OptionDomain, []byte(c.Domain))
	add(packet.OptionRoutes, c.routes(router, other))
	if c.MTU > 0 {
		add(packet.OptionMTU, binary.BigEndian.AppendUint16(nil, c.MTU))
	}
	add(packet.OptionNTP, join(c.NTP))
	add(packet.OptionBroadcast, join([]netip.Addr{lastAddr(c.Prefix)}))
	add(packet.OptionPortal, []byte(c.CaptivePortal))
	if c.IPv6OnlyWait > 0 {
		add(packet.OptionIPv6Only, seconds(c.IPv6OnlyWait))
	}
	add(packet.OptionSearch, searchList(c.Search))
	return all
}

func tellOptions(all []told, options []Option) []told {
	for i := range options {
		all = append(all, told{options[i].wire(), options[i].Always})
	}
	return all
}

func has(all []told, code uint8) bool {
	for _, o := range all {
		if o.Code == code {
			return true
		}
	}
	return false
}

func deleteCode(all []told, code uint8) (kept []told) {
	for _, o := range all {
		if o.Code != code {
			kept = append(kept, o)
		}
	}
	return kept
}

// routes encodes option 121. "If the DHCP server returns both a Classless Static
// Routes option and a Router option, the DHCP client MUST ignore the Router
// option": the way out must be among the routes (RFC 3442).
func (c *Subnet) routes(router netip.Addr, other bool) (b []byte) {
	if len(c.Routes) == 0 {
		return nil
	}
	wayOut := router.IsValid()
	for _, r := range c.Routes {
		switch {
		case r.To.Bits() > 0:
			b = r.Append(b)
		case !other: // the way out that c itself names, in place of its router
			b, wayOut = r.Append(b), false
		}
	}
	if wayOut {
		b = option.Route{To: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Via: router}.Append(b)
	}
	return b
}

// searchList encodes option 119.
func searchList(domains []string) (b []byte) {
	for _, d := range domains {
		b = option.AppendDomain(b, d)
	}
	return b
}

func (c *Subnet) mask() []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(0xffffffff)<<(32-c.Prefix.Bits()))
}

func seconds(d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))
}

// join returns the IPv4 addresses among addrs as the value of an option.
func join(addrs []netip.Addr) (b []byte) {
	for _, a := range addrs {
		if a.Is4() {
			b = append(b, a.AsSlice()...)
		}
	}
	return b
}

// lastAddr returns the broadcast address of p.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) | uint32(uint64(0xffffffff)>>p.Bits())
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}
