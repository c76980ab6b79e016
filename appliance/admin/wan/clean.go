package wan

import (
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// How much of what the service says is shown. It keeps less itself: this is for one that was taken over.
const (
	maxText    = 512 // bytes of a sentence
	maxName    = 64  // of a name of ours: a state, a cause, a counter
	maxDomain  = 255
	maxEvents  = 50
	maxRemarks = 48
	maxList    = 16 // addresses, domains
	maxRoutes  = 64
)

// clean makes what the service has said safe for a terminal, and bounded: what is too much is left out, of
// events the oldest.
func clean(st *run.Status) {
	st.Link = printable.Cut(st.Link, maxName)
	st.Problems = cutAll(st.Problems, maxText)
	st.Events = slices.Clone(st.Events[max(0, len(st.Events)-maxEvents):])
	for i := range st.Events {
		e := &st.Events[i]
		e.Name = client.Name(printable.Cut(string(e.Name), maxName))
		e.Cause = client.Cause(printable.Cut(string(e.Cause), maxName))
		e.Text = printable.Cut(e.Text, maxText)
		cleanFacts(&e.Facts)
		e.Term.Server = e.Term.Server.WithZone("")
		e.Remarks = cleanRemarks(e.Remarks)
	}
	clean6(st.IPv6)
	c := st.Client
	if c == nil {
		return
	}
	c.Text = printable.Cut(c.Text, maxText)
	cleanFacts(&c.Facts)
	c.Term.Server = c.Term.Server.WithZone("")
	c.Remarks = cleanRemarks(c.Remarks)
	c.Ignored = cleanCounts(c.Ignored)
}

func cleanFacts(f *wan.Facts) {
	f.Addrs = f.Addrs[:min(len(f.Addrs), maxList)]
	f.Gateway = f.Gateway.WithZone("")
	f.DNS, f.NTP = cleanAddrs(f.DNS), cleanAddrs(f.NTP)
	f.Domain = printable.Cut(f.Domain, maxDomain)
	f.Search = cutAll(f.Search, maxDomain)
	f.Routes = f.Routes[:min(len(f.Routes), maxRoutes)]
	for i := range f.Routes {
		f.Routes[i].Via = f.Routes[i].Via.WithZone("")
	}
}

// cleanAddrs takes the zones away, which may be any text, and which IPv4 has not.
func cleanAddrs(all []netip.Addr) []netip.Addr {
	all = all[:min(len(all), maxList)]
	for i := range all {
		all[i] = all[i].WithZone("")
	}
	return all
}

func cutAll(all []string, limit int) []string {
	all = all[:min(len(all), maxList)]
	for i := range all {
		all[i] = printable.Cut(all[i], limit)
	}
	return all
}

func cleanRemarks(all []wan.Remark) []wan.Remark {
	all = all[:min(len(all), maxRemarks)]
	for i := range all {
		all[i].About = wan.About(printable.Cut(string(all[i].About), maxName))
		all[i].Text = printable.Cut(all[i].Text, maxText)
	}
	return all
}

// clean6 does so for IPv6; nil: there is none.
func clean6(six *run.Status6) {
	if six == nil {
		return
	}
	six.Events = slices.Clone(six.Events[max(0, len(six.Events)-maxEvents):])
	for i := range six.Events {
		e := &six.Events[i]
		e.Name, e.Cause = printable.Cut(e.Name, maxName), printable.Cut(e.Cause, maxName)
		e.Text = printable.Cut(e.Text, maxText)
	}
	six.Remarks = cleanRemarks(six.Remarks)
	if f := six.Facts; f != nil {
		f.Addrs, f.Delegated = f.Addrs[:min(len(f.Addrs), maxList)],
			f.Delegated[:min(len(f.Delegated), maxList)]
		f.Gateway = f.Gateway.WithZone("")
		f.DNS, f.NTP = cleanAddrs(f.DNS), cleanAddrs(f.NTP)
		f.NTPNames, f.Search = cutAll(f.NTPNames, maxDomain), cutAll(f.Search, maxDomain)
	}
	if d := six.Discovery; d != nil {
		d.Routers, d.Addrs = d.Routers[:min(len(d.Routers), maxList)], d.Addrs[:min(len(d.Addrs), maxList)]
		for i := range d.Routers {
			d.Routers[i].Addr = d.Routers[i].Addr.WithZone("")
		}
	}
	if c := six.Client; c != nil {
		c.Text = printable.Cut(c.Text, maxText)
		c.Ignored = cleanCounts(c.Ignored)
	}
}

// cleanCounts bounds counters and their names.
func cleanCounts(all map[string]uint64) map[string]uint64 {
	few := map[string]uint64{}
	for why, n := range all {
		if len(few) < maxList {
			few[printable.Cut(why, maxName)] += n
		}
	}
	return few
}
