// Package stateless answers hosts that ask by DHCPv6 for what is not an address: RFC 8415 18.3.6. It tells
// them what services/radvd advertises, for those that take resolvers only from here, and time servers, which
// nothing advertises. It is pure.
//
// It answers Information-requests, and hosts that register their addresses (register.go), and nothing else: a
// server that has no addresses to give is not asked for one, as its advertisements say so (the flag Managed
// is not set), and silence has a client that asks all the same ask less and less often (RFC 8415 15).
package stateless

import (
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// Times that clients are told: RFC 8415 21.23 to 21.25.
const (
	// refresh is when a client is to ask again. What is advertised it hears sooner.
	refresh = time.Hour
	// refreshSoon is that of what may be another any time: IRT_MINIMUM, less than which no client believes.
	refreshSoon = 10 * time.Minute
	// maxRT is how often a client that is not answered asks at last: the default of RFC 8415 7.6.
	maxRT = time.Hour
)

// Answer returns the reply to a message that came to ff02::1:2 on a LAN, nil: there is none. server
// identifies this one.
func Answer(l *radvd.Link, server dhcpv6.DUID, message []byte) []byte {
	m, err := dhcpv6.Read(message)
	if err != nil || m.Type != dhcpv6.InformationRequest || !l.Other || !valid(m.Options, server) {
		return nil
	}
	reply := dhcpv6.Message{Type: dhcpv6.Reply, ID: m.ID}
	reply.Options.Add(dhcpv6.OptionServerID, server)
	if id := m.Options.Get(dhcpv6.OptionClientID); id != nil {
		reply.Options.Add(dhcpv6.OptionClientID, id)
	}
	// When to ask again is said to those too who should have asked for it and do not (dhcpcd): resolvers in a
	// delegated prefix may be others within a day, which is the default.
	wanted := func(code uint16) bool {
		return code == dhcpv6.OptionRefreshTime || slices.Contains(asked(m.Options), code)
	}
	for _, o := range options(l) {
		if wanted(o.Code) {
			reply.Options = append(reply.Options, o)
		}
	}
	return reply.Append(nil)
}

// valid are the checks of RFC 8415 16.12. A client may leave out its identifier.
func valid(o dhcpv6.Options, server dhcpv6.DUID) bool {
	for _, code := range []uint16{dhcpv6.OptionIANA, dhcpv6.OptionIATA, dhcpv6.OptionIAPD} {
		if o.Has(code) {
			return false
		}
	}
	id, client := o.Get(dhcpv6.OptionServerID), o.Get(dhcpv6.OptionClientID)
	return (id == nil || slices.Equal(id, server)) && (client == nil || dhcpv6.DUID(client).Valid())
}

// asked are the options that a client wants. One that does not say so, though it must, wants what all want.
func asked(o dhcpv6.Options) []uint16 {
	codes, err := dhcpv6.ReadCodes(o.Get(dhcpv6.OptionORO))
	if err != nil || len(codes) == 0 {
		return []uint16{dhcpv6.OptionDNS, dhcpv6.OptionSearch}
	}
	return codes
}

// options are all that there are.
func options(l *radvd.Link) (all dhcpv6.Options) {
	if len(l.Resolvers) > 0 {
		all.Add(dhcpv6.OptionDNS, dhcpv6.AppendAddrs(nil, l.Resolvers))
	}
	if len(l.Search) > 0 {
		all.Add(dhcpv6.OptionSearch, dhcpv6.AppendDomains(nil, l.Search))
	}
	if len(l.NTP) > 0 {
		ntp := dhcpv6.NTP{Servers: l.NTP}
		all.Add(dhcpv6.OptionSNTP, dhcpv6.AppendAddrs(nil, l.NTP))
		all.Add(dhcpv6.OptionNTP, ntp.Append(nil))
	}
	if l.CaptivePortal != "" {
		all.Add(dhcpv6.OptionCaptivePortal, []byte(l.CaptivePortal))
	}
	all.Add(dhcpv6.OptionRefreshTime, dhcpv6.AppendSeconds(nil, refreshOf(l)))
	all.Add(dhcpv6.OptionSolMaxRT, dhcpv6.AppendSeconds(nil, maxRT))
	all.Add(dhcpv6.OptionInfMaxRT, dhcpv6.AppendSeconds(nil, maxRT))
	all.Add(dhcpv6.OptionAddrRegEnable, nil) // see Register
	return all
}

// refreshOf is when a client of a LAN is to ask again: soon, if what it is told has an address of a prefix
// that ends, which the provider may replace by another, or if such a one is yet to come.
func refreshOf(l *radvd.Link) time.Duration {
	if l.Awaited {
		return refreshSoon
	}
	for _, p := range l.Prefixes {
		if p.ValidUntil != radvd.Never &&
			(slices.ContainsFunc(l.Resolvers, p.Prefix.Contains) ||
				slices.ContainsFunc(l.NTP, p.Prefix.Contains)) {
			return refreshSoon
		}
	}
	return refresh
}
