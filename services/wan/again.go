package wan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// Again judges Facts once more, as if their source had said just these. What was judged with the same c stays
// as it is; what was not, because the LANs were others then or because nobody judged it, is held against c.
// Facts of another link are refused. The error is that of Judge.
func (c *Config) Again(f *Facts) (Facts, error) {
	if f.Link != "" && f.Link != c.Link {
		return Facts{}, fmt.Errorf("they are those of %s", f.Link)
	}
	if len(f.Addrs) == 0 || !f.Addrs[0].Addr().Is4() || f.Addrs[0].Bits() < 0 {
		return Facts{}, errors.New("no IPv4 address is known")
	}
	own := f.Addrs[0]
	said := Said{
		Addr: own.Addr(), Mask: mask(own.Bits()), MTU: f.MTU, DNS: f.DNS, NTP: f.NTP,
		Domain: f.Domain, Search: f.Search,
	}
	if f.Gateway.IsValid() {
		said.Routers = []netip.Addr{f.Gateway}
	}
	for _, r := range f.Routes {
		if r.To.IsValid() && r.To.Addr().Is4() && r.To.Bits() > 0 {
			said.Routes = append(said.Routes, option.Route{To: r.To, Via: r.Via})
		}
	}
	judged, _, err := c.Judge(&said)
	return judged, err
}

// mask is the netmask of a length.
func mask(bits int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], ^uint32(0)<<(32-bits))
	return netip.AddrFrom4(b)
}
