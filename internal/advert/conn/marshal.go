package conn

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// maxOption is the longest option in octets that ndp makes: its arithmetic is of one octet.
const maxOption = 248

// maxServers is how many addresses an option of that length has, after eight octets.
const maxServers = (maxOption - 8) / 16

// Marshal returns a Router Advertisement as the octets of ICMPv6, whose checksum the kernel
// fills in. Lifetimes are cut to whole seconds, and to what their fields hold. The error
// names what cannot be said: a prefix that is none, a name that is none.
func Marshal(a *advert.Advertisement) ([]byte, error) {
	options, err := options(a)
	if err != nil {
		return nil, err
	}
	b, err := ndp.MarshalMessage(&ndp.RouterAdvertisement{
		CurrentHopLimit: a.HopLimit, ManagedConfiguration: a.Managed, OtherConfiguration: a.Other,
		RouterSelectionPreference: preference(a.Preference),
		RouterLifetime:            min(a.Lifetime, advert.MaxLifetime),
		ReachableTime:             a.Reachable, RetransmitTimer: a.Retransmit, Options: options,
	})
	if err != nil {
		return nil, fmt.Errorf("router advertisement: %w", err)
	}
	return b, nil
}

// Solicitation returns a Router Solicitation from a card; with the zero MAC it does not say
// which, as one without a source must not.
func Solicitation(from ethernet.MAC) ([]byte, error) {
	m := &ndp.RouterSolicitation{}
	if from != (ethernet.MAC{}) {
		m.Options = append(m.Options, source(from))
	}
	return ndp.MarshalMessage(m)
}

func source(m ethernet.MAC) ndp.Option {
	return &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: net.HardwareAddr(m[:])}
}

// options are those of an advertisement, in the order of its fields.
func options(a *advert.Advertisement) (all []ndp.Option, err error) {
	if a.Source != (ethernet.MAC{}) {
		all = append(all, source(a.Source))
	}
	if a.MTU != 0 {
		all = append(all, ndp.NewMTU(a.MTU))
	}
	for _, p := range a.Prefixes {
		if err := is6(p.Prefix); err != nil {
			return nil, err
		}
		all = append(all, &ndp.PrefixInformation{
			PrefixLength: uint8(p.Prefix.Bits()), Prefix: p.Prefix.Addr(), OnLink: p.OnLink,
			AutonomousAddressConfiguration: p.Autonomous,
			ValidLifetime:                  long(p.Valid), PreferredLifetime: long(p.Preferred),
		})
	}
	for _, r := range a.Routes {
		if err := is6(r.Prefix); err != nil {
			return nil, err
		}
		all = append(all, &ndp.RouteInformation{
			PrefixLength: uint8(r.Prefix.Bits()), Prefix: r.Prefix.Addr(),
			Preference: preference(r.Preference), RouteLifetime: long(r.Lifetime),
		})
	}
	for _, r := range a.Resolvers {
		all = append(all, resolvers(r)...)
	}
	for _, s := range a.Search {
		list, err := search(s)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return rest(a, all)
}

func rest(a *advert.Advertisement, all []ndp.Option) ([]ndp.Option, error) {
	if len(a.CaptivePortal) > maxOption-2 {
		return nil, fmt.Errorf("the URI of a captive portal has %d octets, %d at most",
			len(a.CaptivePortal), maxOption-2)
	}
	if a.CaptivePortal != "" {
		all = append(all, &ndp.CaptivePortal{URI: a.CaptivePortal})
	}
	for _, n := range a.NAT64 {
		if err := is6(n.Prefix); err != nil {
			return nil, err
		}
		const longest = 8191 * 8 * time.Second // RFC 8781 4: 13 bits, in units of 8 s
		all = append(all, &ndp.PREF64{Prefix: n.Prefix, Lifetime: min(n.Lifetime, longest)})
	}
	return all, nil
}

// resolvers divides a list among as many options as it needs.
func resolvers(r advert.Resolvers) (all []ndp.Option) {
	for servers := r.Servers; len(servers) > 0; {
		n := min(len(servers), maxServers)
		all = append(all, &ndp.RecursiveDNSServer{Lifetime: long(r.Lifetime), Servers: servers[:n]})
		servers = servers[n:]
	}
	return all
}

// search divides a list among as many options as it needs.
func search(s advert.Search) (all []ndp.Option, err error) {
	const room = maxOption - 8
	first, size := 0, 0
	for i, d := range s.Domains {
		if !isName(d) {
			return nil, fmt.Errorf("search domain %q is no name of RFC 1035", d)
		}
		n := len(d) + 2 // an octet of length before each label, and one after the last
		if n > room {
			return nil, fmt.Errorf("search domain %q has %d octets, %d at most", d, n, room)
		}
		if size+n > room {
			all = append(all, &ndp.DNSSearchList{Lifetime: long(s.Lifetime), DomainNames: s.Domains[first:i]})
			first, size = i, 0
		}
		size += n
	}
	if first < len(s.Domains) {
		all = append(all, &ndp.DNSSearchList{Lifetime: long(s.Lifetime), DomainNames: s.Domains[first:]})
	}
	return all, nil
}

// long is a lifetime of 32 bits.
func long(d time.Duration) time.Duration { return max(0, min(d, advert.Infinite)) }

func preference(p advert.Preference) ndp.Preference {
	switch {
	case p < 0:
		return ndp.Low
	case p > 0:
		return ndp.High
	}
	return ndp.Medium
}

func is6(p netip.Prefix) error {
	if !p.IsValid() || !p.Addr().Is6() || p.Addr().Is4In6() || p != p.Masked() {
		return fmt.Errorf("%s is no IPv6 prefix", p)
	}
	return nil
}
