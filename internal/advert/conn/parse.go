package conn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// ICMPv6 types: RFC 4861 4.1, 4.2.
const (
	typeSolicitation  = 133
	typeAdvertisement = 134
)

// Lengths in octets, before the options.
const (
	solicitationLen  = 8
	advertisementLen = 16
	maxOptions       = 256 // in a message that is read; an Ethernet frame has no room for more
)

// Options that are read here: RFC 4861 4.6, RFC 4191 2.3, RFC 8106 5.
const (
	optionSource = 1
	optionRoute  = 24
	optionRDNSS  = 25
	optionDNSSL  = 31
)

// hopLimit is what every message of neighbour discovery has, so that it comes from the link.
const hopLimit = 255

// A header is what of a packet is checked beside its ICMPv6 message.
type header struct {
	from, to netip.Addr
	hopLimit int
}

// A Kind is what a Message is.
type Kind uint8

// The kinds.
const (
	IsSolicitation Kind = iota + 1
	IsAdvertisement
	IsNeighbour // a Neighbour Advertisement: RFC 4861 4.4
)

// A Message is what came in.
type Message struct {
	Kind Kind
	// From is who sent it: link-local or, of a Solicitation, the unspecified address or another. To is whom
	// it was sent to. Neither has a zone.
	From, To netip.Addr
	// MAC is that of a Solicitation's option, or a Neighbour Advertisement's; zero: it has none.
	MAC ethernet.MAC
	// Advertisement is what an Advertisement says.
	Advertisement advert.Advertisement
	// Target is the address that a Neighbour Advertisement is about. Solicited: it answers a solicitation, so
	// that station hears us.
	Target    netip.Addr
	Solicited bool
}

var errSolicitation = errors.New("no valid router solicitation: RFC 4861 6.1.1")
var errAdvertisement = errors.New("no valid router advertisement: RFC 4861 6.1.2")

// parse reads the octets of an ICMPv6 message, whose checksum the kernel has verified.
func parse(h header, b []byte) (Message, error) {
	m := Message{From: h.from, To: h.to}
	if h.hopLimit != hopLimit || len(b) < solicitationLen || b[1] != 0 {
		return m, fmt.Errorf("hop limit %d, %d octets: no valid router discovery", h.hopLimit, len(b))
	}
	switch {
	case b[0] == typeSolicitation:
		m.Kind = IsSolicitation
		return m, m.solicitation(b[solicitationLen:])
	case b[0] == typeAdvertisement && len(b) >= advertisementLen && h.from.IsLinkLocalUnicast():
		m.Kind = IsAdvertisement
		return m, m.advertisement(b)
	case b[0] == typeNeighbourAdvertisement && len(b) >= neighbourLen:
		m.Kind = IsNeighbour
		return m, m.neighbour(b)
	}
	return m, errAdvertisement
}

func (m *Message) solicitation(options []byte) error {
	named := false
	ok := eachOption(options, func(o []byte) {
		if o[0] == optionSource {
			named = true
			if len(o) == 8 {
				m.MAC = ethernet.MAC(o[2:])
			}
		}
	})
	// "If the IP source address is the unspecified address, there is no source link-layer address option."
	if !ok || named && m.From.IsUnspecified() || m.From.IsMulticast() {
		return errSolicitation
	}
	return nil
}

// eachOption calls f with each option; false: one has no length, or is longer than the rest.
func eachOption(b []byte, f func(o []byte)) bool {
	for range maxOptions {
		if len(b) == 0 {
			return true
		}
		if len(b) < 2 || b[1] == 0 || int(b[1])*8 > len(b) {
			return false
		}
		n := int(b[1]) * 8
		f(b[:n])
		b = b[n:]
	}
	return false
}

func (m *Message) advertisement(b []byte) error {
	// The head alone, and then each option alone: ndp reads all or nothing.
	head, err := ndp.ParseMessage(b[:advertisementLen])
	ra, ok := head.(*ndp.RouterAdvertisement)
	if err != nil || !ok {
		return errAdvertisement
	}
	a := &m.Advertisement
	*a = advert.Advertisement{
		HopLimit: ra.CurrentHopLimit, Managed: ra.ManagedConfiguration, Other: ra.OtherConfiguration,
		Preference: preferenceOf(ra.RouterSelectionPreference), Lifetime: ra.RouterLifetime,
		Reachable: ra.ReachableTime, Retransmit: ra.RetransmitTimer,
	}
	one := make([]byte, solicitationLen, solicitationLen+maxOption)
	one[0] = typeSolicitation // the shortest that ndp reads options of
	if !eachOption(b[advertisementLen:], func(o []byte) { readOption(a, one, o) }) {
		return errAdvertisement
	}
	return nil
}

// readOption adds what an option says. One that says nothing is ignored, as a host must ignore
// one that it does not know.
func readOption(a *advert.Advertisement, one, o []byte) {
	switch o[0] {
	case optionRoute:
		readRoute(a, o)
	case optionRDNSS:
		readResolvers(a, o)
	case optionDNSSL:
		if names, ok := readNames(o[min(8, len(o)):]); ok {
			a.Search = append(a.Search, advert.Search{Domains: names, Lifetime: seconds(o[4:])})
		}
	default:
		if len(o) > maxOption {
			return
		}
		m, err := ndp.ParseMessage(append(one, o...))
		if rs, ok := m.(*ndp.RouterSolicitation); ok && err == nil && len(rs.Options) == 1 {
			take(a, rs.Options[0])
		}
	}
}

// take adds an option that ndp has read.
func take(a *advert.Advertisement, o ndp.Option) {
	switch o := o.(type) {
	case *ndp.LinkLayerAddress:
		if o.Direction == ndp.Source {
			a.Source = ethernet.MAC(o.Addr)
		}
	case *ndp.MTU:
		a.MTU = o.MTU
	case *ndp.PrefixInformation:
		p := netip.PrefixFrom(o.Prefix, int(o.PrefixLength))
		if p.IsValid() && p.Addr().Is6() {
			a.Prefixes = append(a.Prefixes, advert.Prefix{
				Prefix: p.Masked(), OnLink: o.OnLink, Autonomous: o.AutonomousAddressConfiguration,
				Valid: o.ValidLifetime, Preferred: o.PreferredLifetime,
			})
		}
	case *ndp.CaptivePortal:
		a.CaptivePortal = o.URI
	case *ndp.PREF64:
		a.NAT64 = append(a.NAT64, advert.NAT64{Prefix: o.Prefix, Lifetime: o.Lifetime})
	}
}

// readRoute reads a Route Information option: RFC 4191 2.3.
func readRoute(a *advert.Advertisement, o []byte) {
	bits := int(o[2])
	var addr [16]byte
	copy(addr[:], o[8:])
	// "The Length field is 1, 2, or 3 depending on the Prefix Length."
	enough := bits == 0 || bits <= 64 && len(o) >= 16 || bits <= 128 && len(o) >= 24
	prf := ndp.Preference(o[3] >> 3 & 3)
	const reserved = 2 // "the Route Information Option MUST be ignored"
	if !enough || len(o) > 24 || prf == reserved {
		return
	}
	a.Routes = append(a.Routes, advert.Route{
		Prefix: netip.PrefixFrom(netip.AddrFrom16(addr), bits).Masked(), Preference: preferenceOf(prf),
		Lifetime: seconds(o[4:]),
	})
}

// readResolvers reads a Recursive DNS Server option: RFC 8106 5.1.
func readResolvers(a *advert.Advertisement, o []byte) {
	if len(o) < 24 || len(o)%16 != 8 {
		return
	}
	r := advert.Resolvers{Lifetime: seconds(o[4:])}
	for b := o[8:]; len(b) > 0; b = b[16:] {
		r.Servers = append(r.Servers, netip.AddrFrom16([16]byte(b)))
	}
	a.Resolvers = append(a.Resolvers, r)
}

func seconds(b []byte) time.Duration { return time.Duration(binary.BigEndian.Uint32(b)) * time.Second }

func preferenceOf(p ndp.Preference) advert.Preference {
	switch p {
	case ndp.High:
		return advert.High
	case ndp.Low:
		return advert.Low
	}
	return advert.Medium
}
