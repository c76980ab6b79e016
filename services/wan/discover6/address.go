package discover6

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
)

// A prefix is one that addresses are made of.
type prefix struct {
	prefix           netip.Prefix
	onLink           bool
	preferred, valid time.Duration
	duplicates       uint32 // addresses of it that another station had
	addr             netip.Addr
}

const (
	idBits = 64 // of an interface identifier
	// maxDuplicates is how many others are tried (RFC 7217 6: IDGEN_RETRIES).
	maxDuplicates = 3
)

// hearPrefix takes a prefix that addresses are made of: RFC 4862 5.5.3. Others say only who is
// a neighbour, and who is not reached as one is reached through the router (RFC 5942).
func (h *Host) hearPrefix(p advert.Prefix) {
	if !p.Autonomous || !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() ||
		p.Prefix.Addr().IsLinkLocalUnicast() ||
		p.Prefix.Addr().IsMulticast() || p.Preferred > p.Valid || p.Prefix.Bits() != 128-idBits {
		return
	}
	n := prefix{
		prefix: p.Prefix.Masked(), onLink: p.OnLink, preferred: h.moment(p.Preferred),
		valid: h.moment(p.Valid),
	}
	i := slices.IndexFunc(h.prefixes, func(have prefix) bool { return have.prefix == n.prefix })
	if i < 0 {
		if p.Valid > 0 && len(h.prefixes) < maxPrefixes {
			n.addr = h.address(n.prefix, 0)
			h.prefixes = append(h.prefixes, n)
		}
		return
	}
	have := &h.prefixes[i]
	have.preferred, have.onLink = n.preferred, p.OnLink
	// 5.5.3 e: who says less than two hours may be anybody.
	switch left := have.valid - h.now; {
	case p.Valid > twoHours || n.valid > have.valid:
		have.valid = n.valid
	case left > twoHours:
		have.valid = h.now + twoHours
	}
}

// Duplicate says that another station has an address of ours: another one is made of the
// prefix (RFC 7217 6), a few times.
func (h *Host) Duplicate(now time.Duration, addr netip.Addr) []Action {
	h.begin(now)
	for i := range h.prefixes {
		p := &h.prefixes[i]
		if p.addr != addr {
			continue
		}
		p.duplicates++
		p.addr = netip.Addr{}
		if p.duplicates <= maxDuplicates {
			p.addr = h.address(p.prefix, p.duplicates)
		}
	}
	return h.end("another station has " + addr.String())
}

// address makes an address of a prefix as RFC 7217 5 has it: the same as long as the secret
// and the link are, and another in each prefix.
func (h *Host) address(p netip.Prefix, duplicates uint32) netip.Addr {
	for {
		f := sha256.New()
		b := p.Addr().As16()
		f.Write(b[:8])
		f.Write([]byte(h.conf.Link))
		f.Write(binary.BigEndian.AppendUint32([]byte{0}, duplicates))
		f.Write(h.secret)
		id := f.Sum(nil)[:8]
		if n := binary.BigEndian.Uint64(id); !isReserved(n) {
			copy(b[8:], id)
			return netip.AddrFrom16(b)
		}
		duplicates += 1 << 16
	}
}

// isReserved reports whether an interface identifier is IANA's: RFC 5453, RFC 4291 2.6.1.
func isReserved(id uint64) bool {
	return id == 0 || id>>24 == 0x02005e_fffe || id >= 0xfdffffff_ffffff80 && id <= 0xfdffffff_ffffffff
}

// addrs are the addresses that hold, those first that are preferred.
func (h *Host) addrs() (all []netip.Prefix) {
	var deprecated []netip.Prefix
	for _, p := range h.prefixes {
		if !p.addr.IsValid() {
			continue
		}
		a := netip.PrefixFrom(p.addr, 128)
		if p.onLink {
			a = netip.PrefixFrom(p.addr, p.prefix.Bits())
		}
		if p.preferred > h.now {
			all = append(all, a)
		} else {
			deprecated = append(deprecated, a)
		}
	}
	return append(all, deprecated...)
}

// what holds now.
func (h *Host) what() (w What) {
	w.Managed, w.Other = h.managed, h.other
	for _, r := range h.routers {
		if r.addr == h.inUse {
			w.Said.MTU, w.Managed, w.Other = r.mtu, r.managed, r.other
			if !r.silent {
				w.Said.Gateway = r.addr
			}
		}
	}
	w.Said.Addrs = h.addrs()
	for _, r := range h.resolvers {
		w.Said.DNS = append(w.Said.DNS, r.what)
	}
	for _, d := range h.domains {
		w.Said.Search = append(w.Said.Search, d.what)
	}
	return w
}

// equal reports whether w and v are the same.
func (w *What) equal(v *What) bool {
	s, t := &w.Said, &v.Said
	return w.Managed == v.Managed && w.Other == v.Other && s.Gateway == t.Gateway && s.MTU == t.MTU &&
		slices.Equal(s.Addrs, t.Addrs) && slices.Equal(s.DNS, t.DNS) && slices.Equal(s.Search, t.Search)
}
