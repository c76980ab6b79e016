package firewall

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// maxBanKeys is how many elements of a set one ban may take: all who are in an IPv4 /20, or in an IPv6 /52.
const maxBanKeys = 4096

// BanKeys returns the set that keeps a ban of p, and the keys that it takes there: every address of p, or if
// it is an IPv6 network of whole /64s, each of these. The sets have no ranges, so that looking a packet up
// costs the same however much is banned; who wants to keep out more than BanKeys allows has lists in the
// policy.
func BanKeys(p netip.Prefix) (set string, keys []netip.Addr, err error) {
	set, bits := Banned4, 32
	if p.Addr().Is6() {
		set, bits = Banned6, 128
		if p.Bits() <= netBits {
			set, bits = BannedNet6, netBits
		}
	}
	if n := bits - p.Bits(); n > 12 {
		return "", nil, fmt.Errorf("%v is too much for a ban: expected an IPv4 network of /20 or longer, or an IPv6 network of /52 to /64 "+
			"or of /116 or longer; deny rules with a list of the site have no such bound", p)
	}
	for a := p.Masked().Addr(); len(keys) < maxBanKeys && p.Contains(a); a = after(a, bits) {
		keys = append(keys, a)
	}
	return set, keys, nil
}

// after is the address that follows a when only the first bits are counted.
func after(a netip.Addr, bits int) netip.Addr {
	b := a.AsSlice()
	for i := bits/8 - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			break
		}
	}
	next, _ := netip.AddrFromSlice(b)
	return next
}

// A Ban is a network that is kept away for some time.
type Ban struct {
	Prefix netip.Prefix  `json:"prefix"`
	For    time.Duration `json:"for_ns"`  // in all; 0: for ever
	Left   time.Duration `json:"left_ns"` // from now on
}

// sameBan is how far apart the ends of bans may be that were made at once.
const sameBan = 2 * time.Second

// JoinBans makes one ban of those that were made by one: what BanKeys took apart. They are sorted by address.
// What the kernel lists twice, because its table grew meanwhile, counts once.
func JoinBans(bans []Ban) []Ban {
	bans = slices.SortedFunc(slices.Values(bans), func(a, b Ban) int {
		return cmp.Or(cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()), a.Prefix.Compare(b.Prefix))
	})
	bans = slices.CompactFunc(bans, func(a, b Ban) bool { return a.Prefix == b.Prefix })
	var joined []Ban
	for _, b := range bans {
		joined = append(joined, b)
		for n := len(joined); n > 1; n = len(joined) {
			x, y := joined[n-2], joined[n-1]
			if x.Prefix.Bits() != y.Prefix.Bits() || x.For != y.For || (x.Left-y.Left).Abs() > sameBan ||
				parent(x.Prefix) != parent(y.Prefix) {
				break
			}
			x.Prefix, x.Left = parent(x.Prefix), min(x.Left, y.Left)
			joined = append(joined[:n-2], x)
		}
	}
	slices.SortFunc(joined, func(a, b Ban) int { return a.Prefix.Compare(b.Prefix) })
	return joined
}

// parent is the network of which p is a half; p has a length above 0.
func parent(p netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked()
}
