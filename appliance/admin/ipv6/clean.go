package ipv6

import (
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/radvd/run"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// How much of what services say is shown. They keep less themselves: this is for one that was taken over.
const (
	maxText     = 512 // bytes of a sentence
	maxLANs     = 500
	maxList     = 64
	maxEvents   = 50
	maxProblems = 50
)

func cut(text string) string { return printable.Cut(text, maxText) }

func cutAll(all []string, most int) []string {
	all = all[:min(len(all), most)]
	for i := range all {
		all[i] = cut(all[i])
	}
	return all
}

// cleanTold bounds what radvd says, and makes it safe for a terminal.
func cleanTold(st *run.Status) {
	st.LANs = st.LANs[:min(len(st.LANs), maxLANs)]
	st.Problems = cutAll(st.Problems, maxProblems)
	for i := range st.LANs {
		l := &st.LANs[i]
		l.LAN, l.Link, l.State.Trouble = cut(l.LAN), cut(l.Link), cut(l.State.Trouble)
		l.Local = l.Local.WithZone("")
		l.Advertised = l.Advertised[:min(len(l.Advertised), maxList)]
		for i := range l.Advertised {
			a := &l.Advertised[i]
			a.CaptivePortal = cut(a.CaptivePortal)
			for i := range a.Search {
				a.Search[i].Domains = cutAll(a.Search[i].Domains, maxList)
			}
			for _, r := range a.Resolvers {
				for i := range r.Servers {
					r.Servers[i] = r.Servers[i].WithZone("")
				}
			}
		}
		l.Old = l.Old[:min(len(l.Old), maxList)]
		l.Others = l.Others[:min(len(l.Others), maxList)]
		for i := range l.Others {
			o := &l.Others[i]
			o.From, o.Contradicts = o.From.WithZone(""), cutAll(o.Contradicts, maxList)
			o.Prefixes = o.Prefixes[:min(len(o.Prefixes), maxList)]
		}
	}
}

// cleanWAN does so for what the service of the way out says of IPv6; nil: nothing.
func cleanWAN(st *wanrun.Status6) {
	if st == nil {
		return
	}
	st.Events = st.Events[max(0, len(st.Events)-maxEvents):]
	for i := range st.Events {
		e := &st.Events[i]
		e.Name, e.Cause, e.Text = cut(e.Name), cut(e.Cause), cut(e.Text)
	}
	if st.Client != nil {
		st.Client.Text = cut(st.Client.Text)
	}
}

// cleanTunnel does so for what is taken of the tunnel's.
func cleanTunnel(st *tunnelrun.Status) {
	st.Why = cut(st.Why)
	st.Events = st.Events[max(0, len(st.Events)-maxEvents):]
	for i := range st.Events {
		st.Events[i].Text = cut(st.Events[i].Text)
	}
}
