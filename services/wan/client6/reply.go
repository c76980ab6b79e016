package client6

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

const (
	// shortestLease: whoever gives less would have us ask all the time. It counts as nothing.
	shortestLease = 10 * time.Second
	// soonestRenew is the first T1 that is believed of a lease of two minutes or more.
	soonestRenew = time.Minute
	// longestLease is more than any box runs, and can be computed with.
	longestLease = 10 * 365 * 24 * time.Hour
	maxRemarks   = 16
)

// A reply is what an Advertise or a Reply says.
type reply struct {
	server     dhcpv6.DUID
	status     dhcpv6.Status // of the whole
	preference uint8
	// leases are what can be used of it, with T1 and T2; taken is what is given no longer:
	// lifetimes of 0.
	leases Lease
	taken  struct {
		prefixes []netip.Prefix
		addrs    []netip.Addr
	}
	pd, na  dhcpv6.Status // of the associations
	remarks []wan.Remark
	score   int
}

// given reports whether there is a lease in it.
func (r *reply) given() bool { return !r.leases.empty() }

// tookBack reports whether it ends a lease.
func (r *reply) tookBack() bool { return len(r.taken.prefixes)+len(r.taken.addrs) > 0 }

// says is why there is no lease in it, as the end of a sentence.
func (r *reply) says() string {
	for _, s := range []dhcpv6.Status{r.status, r.pd, r.na} {
		if s.Code != dhcpv6.Success && s.Message != "" {
			return fmt.Sprintf("%s, %+.128q", s.Code, s.Message)
		} else if s.Code != dhcpv6.Success {
			return s.Code.String()
		}
	}
	if len(r.remarks) > 0 {
		return r.remarks[0].Text
	}
	return "there is nothing in it"
}

// has reports whether a status is that of the whole or of an association.
func (r *reply) has(code dhcpv6.StatusCode) bool {
	return r.status.Code == code || r.pd.Code == code || r.na.Code == code
}

func (r *reply) remark(about wan.About, format string, args ...any) {
	if len(r.remarks) < maxRemarks {
		r.remarks = append(r.remarks, wan.Remark{About: about, Text: fmt.Sprintf(format, args...)})
	}
}

// read reads a message whose lifetimes count from a moment. What is damaged is as if it were
// not there.
func (c *Client) read(m *dhcpv6.Message, from time.Duration) *reply {
	r := &reply{server: slices.Clone(dhcpv6.DUID(m.Options.Get(dhcpv6.OptionServerID)))}
	r.preference = m.Options.Preference()
	var err error
	if r.status, err = m.Options.Status(); err != nil {
		r.status = dhcpv6.Status{Code: dhcpv6.UnspecFail}
	}
	l := &r.leases
	l.Link, l.Client, l.Server, l.Renew, l.Rebind = c.conf.Link, c.duid, r.server, wan.Never, wan.Never
	if wish := c.conf.IPv6.Delegation; wish != nil {
		l.Length = wish.Length
		r.associations(c, m.Options, dhcpv6.OptionIAPD, wish.IAID, from)
	}
	if c.conf.IPv6.Address {
		r.associations(c, m.Options, dhcpv6.OptionIANA, c.conf.IAID(), from)
	}
	c.readServers(m.Options, r)
	return r
}

// readServers reads what is not leased.
func (c *Client) readServers(o dhcpv6.Options, r *reply) {
	l := &r.leases
	var err error
	if l.DNS, err = dhcpv6.ReadAddrs(o.Get(dhcpv6.OptionDNS)); err != nil {
		r.remark(wan.AboutResolver, "the resolvers are ignored: %v", err)
	}
	if l.Search, err = dhcpv6.ReadDomains(o.Get(dhcpv6.OptionSearch)); err != nil {
		r.remark(wan.AboutDomain, "the domains to search are ignored: %v", err)
	}
	sntp, err := dhcpv6.ReadAddrs(o.Get(dhcpv6.OptionSNTP))
	if err != nil {
		r.remark(wan.AboutNTP, "the SNTP servers are ignored: %v", err)
	}
	for data := range o.All(dhcpv6.OptionNTP) { // one for each server: RFC 5908 4
		ntp, err := dhcpv6.ReadNTP(data)
		if err != nil {
			r.remark(wan.AboutNTP, "an NTP server is ignored: %v", err)
		}
		l.NTP, l.NTPNames = append(l.NTP, ntp.Servers...), append(l.NTPNames, ntp.Names...)
	}
	const enough = 16
	l.NTP = append(l.NTP, sntp...)
	l.DNS, l.NTP, l.NTPNames = first(l.DNS, enough), first(l.NTP, enough), first(l.NTPNames, enough)
	l.Search = first(l.Search, enough)
}

func first[T any](all []T, n int) []T { return all[:min(len(all), n)] }

// associations reads the identity associations of one kind that are ours.
func (r *reply) associations(c *Client, o dhcpv6.Options, code uint16, id uint32, from time.Duration) {
	status := &r.pd
	if code == dhcpv6.OptionIANA {
		status = &r.na
	}
	for data := range o.All(code) {
		ia, err := dhcpv6.ReadIA(data)
		if err == nil && ia.ID != id {
			continue
		}
		var s dhcpv6.Status
		if err == nil {
			s, err = ia.Options.Status()
		}
		switch {
		case err != nil:
			r.remark(wan.AboutDelegation, "what the server gives is ignored: %v", err)
		case s.Code != dhcpv6.Success:
			*status = s
		case ia.T1 > ia.T2 && ia.T2 > 0: // "the client discards": RFC 8415 21.4, 21.21
			r.remark(wan.AboutTimes, "what the server gives is ignored: T1 is %s and T2 %s", span.Text(ia.T1),
				span.Text(ia.T2))
		default:
			r.association(c, &ia, code, from)
		}
	}
}

// association reads the leases of one.
func (r *reply) association(c *Client, ia *dhcpv6.IA, code uint16, from time.Duration) {
	shortest := lifetimes{dhcpv6.Infinite, dhcpv6.Infinite}
	before := len(r.leases.Prefixes) + len(r.leases.Addrs)
	if code == dhcpv6.OptionIAPD {
		for data := range ia.Options.All(dhcpv6.OptionIAPrefix) {
			p, err := dhcpv6.ReadPrefix(data)
			why := c.conf.DisbelievePrefix(p.Prefix)
			life := lifetimes{p.Preferred, p.Valid}
			switch {
			case !r.good(p.Prefix, p.Options, err, why, life) || len(r.leases.Prefixes) == maxLeased:
			case life.valid < shortestLease:
				r.taken.prefixes = append(r.taken.prefixes, p.Prefix)
			default:
				shortest = shortest.least(life)
				r.leases.Prefixes = append(r.leases.Prefixes, wan.Delegation{
					Prefix: p.Prefix, Preferred: moment(from, life.preferred),
					Valid: moment(from, life.valid),
				})
			}
		}
	} else {
		for data := range ia.Options.All(dhcpv6.OptionIAAddr) {
			a, err := dhcpv6.ReadAddress(data)
			why := c.conf.DisbelieveAddress(a.Addr)
			life := lifetimes{a.Preferred, a.Valid}
			switch {
			case !r.good(a.Addr, a.Options, err, why, life) || len(r.leases.Addrs) == maxLeased:
			case life.valid < shortestLease:
				r.taken.addrs = append(r.taken.addrs, a.Addr)
			default:
				shortest = shortest.least(life)
				r.leases.Addrs = append(r.leases.Addrs, Address{
					Addr: a.Addr, Preferred: moment(from, life.preferred), Valid: moment(from, life.valid),
				})
			}
		}
	}
	if len(r.leases.Prefixes)+len(r.leases.Addrs) > before {
		r.times(ia, shortest, from)
	}
}

// good reports whether a prefix or an address can be looked at. RFC 8415 21.6, 21.22: "discard
// … if the preferred lifetime is greater than the valid lifetime".
func (r *reply) good(what any, o dhcpv6.Options, err error, why string, life lifetimes) bool {
	status, statusErr := o.Status()
	switch {
	case err != nil:
		r.remark(wan.AboutDelegation, "what the server gives is ignored: %v", err)
	case statusErr != nil || status.Code != dhcpv6.Success:
		r.remark(wan.AboutDelegation, "%s is not given: %s", what, status.Code)
	case life.preferred > life.valid:
		r.remark(wan.AboutTimes, "%s is ignored: it is preferred for %s, and valid for %s", what,
			span.Text(life.preferred), span.Text(life.valid))
	case why != "":
		r.remark(wan.AboutDelegation, "%s is not used: %s", what, why)
	default:
		if life.valid > 0 && life.valid < shortestLease {
			r.remark(wan.AboutTimes, "%s is not used: %s is too short to ask again in time", what,
				span.Text(life.valid))
		}
		return true
	}
	return false
}

// lifetimes are those of a lease.
type lifetimes struct{ preferred, valid time.Duration }

// least is the shortest of both; nothing is preferred is no length.
func (s lifetimes) least(t lifetimes) lifetimes {
	if t.preferred > 0 {
		s.preferred = min(s.preferred, t.preferred)
	}
	s.valid = min(s.valid, t.valid)
	return s
}

// moment is when a lifetime ends.
func moment(from, life time.Duration) time.Duration {
	if life >= dhcpv6.Infinite {
		return wan.Never
	}
	return from + min(life, longestLease)
}

// times takes T1 and T2 of an association, or chooses them as RFC 8415 14.2 and 21.21 have it:
// of the shortest preferred lifetime. The soonest of all associations counts.
func (r *reply) times(ia *dhcpv6.IA, shortest lifetimes, from time.Duration) {
	base := min(shortest.preferred, shortest.valid)
	t1, t2 := ia.T1, ia.T2
	if t1 >= shortest.valid && t1 < dhcpv6.Infinite || t2 > shortest.valid && t2 < dhcpv6.Infinite {
		r.remark(wan.AboutTimes, "T1 of %s and T2 of %s do not fit a lease of %s", span.Text(t1),
			span.Text(t2), span.Text(shortest.valid))
		t1, t2 = 0, 0
	}
	if t1 == 0 {
		t1 = chosen(base, 5)
		if t2 > 0 {
			t1 = min(t1, t2)
		}
	}
	if t2 == 0 {
		t2 = max(chosen(base, 8), t1)
	}
	t1 = max(t1, min(soonestRenew, shortest.valid/2))
	t2 = max(t2, t1)
	r.leases.Renew = min(r.leases.Renew, moment(from, t1))
	r.leases.Rebind = max(min(r.leases.Rebind, moment(from, t2)), r.leases.Renew)
}

// chosen is some tenths of a lifetime.
func chosen(life time.Duration, tenths time.Duration) time.Duration {
	if life >= dhcpv6.Infinite {
		return life
	}
	return life / 10 * tenths
}
