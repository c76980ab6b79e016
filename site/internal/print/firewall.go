package print

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// firewall writes what the site says beside the defaults of a router, nothing if it says nothing.
func (p *printer) firewall(s *model.Site) {
	f := s.Firewall
	if len(f.Masquerade) < len(s.LANs) && s.WAN.HasIPv4() {
		p.heading("Not masqueraded")
		note := "its private addresses do not get out"
		if len(f.Masquerade) == 0 {
			note = "keeps its addresses upstream"
		}
		for _, lan := range s.LANs {
			if !slices.Contains(f.Masquerade, lan.Name) {
				p.row(lan.Name, note)
			}
		}
	}
	if f.Share != nil {
		p.heading("Conversations of one source")
		bound := "as many as there is room for"
		if *f.Share > 0 {
			bound = "at most " + strconv.Itoa(*f.Share)
		}
		p.row("share", bound)
	}
	if len(f.Zones)+len(f.Groups)+len(f.Lists) > 0 {
		p.heading("Zones and sets of addresses")
		for _, z := range f.Zones {
			p.row(z.Name, "zone of "+z.LAN, networksText(z.Networks))
		}
		for _, g := range f.Groups {
			p.row(g.Name, "group", networksText(g.Networks))
		}
		for _, l := range f.Lists {
			p.row(l.Name, "list of "+l.File, count(len(l.Networks), "network", "networks"))
		}
	}
	if len(f.Services) > 0 {
		p.heading("Services by names of this site")
		for _, s := range f.Services {
			p.row(s.Name, model.FlowsText(s))
		}
	}
	if len(f.Rules)+len(f.Forwards)+len(f.OneToOne) == 0 {
		return
	}
	p.heading("Firewall: the first that speaks of a conversation decides, then the defaults")
	for _, row := range FirewallRows(s) {
		p.row(row[0], row[1:]...)
	}
}

// FirewallRows are what a site lets through, refuses and translates, a line of it each, in five cells: what
// is done, its name, from whom to whom, services or bounds, and its place.
func FirewallRows(s *model.Site) (rows [][]string) {
	f := s.Firewall
	for _, r := range f.Rules {
		verdict := "allow"
		if r.Deny {
			verdict = "deny"
		}
		rows = append(rows, []string{verdict, r.Name, endsText(r.From) + " → " + endsText(r.To), ruleNote(r),
			r.Place})
	}
	for _, w := range f.Forwards {
		offered := model.FlowsText(model.Service{Flows: w.Flows(w.First, w.Last)})
		what := strings.Join(w.From, " ") + " " + offered + " → " + targetText(w)
		rows = append(rows, []string{"forward", w.Name, what, forwardNote(w), w.Place})
	}
	for _, o := range f.OneToOne {
		rows = append(rows, []string{"one to one", o.Host, o.Outside.String() + " ↔ " + o.Inside.String(), "",
			o.Place})
	}
	return rows
}

// endsText writes one side of a rule: zones by their names, addresses without the zones that follow from
// them.
func endsText(ends []model.FirewallEnd) string {
	var texts []string
	for _, e := range ends {
		if len(e.Networks)+len(e.Sets) == 0 {
			texts = append(texts, e.Zones...)
			continue
		}
		for _, n := range e.Networks {
			texts = append(texts, networkText(n))
		}
		texts = append(texts, e.Sets...)
	}
	return strings.Join(texts, ", ")
}

func ruleNote(r model.FirewallRule) string {
	what := "everything"
	if len(r.Services) > 0 {
		var names []string
		for _, s := range r.Services {
			names = append(names, s.Name)
		}
		what = strings.Join(names, ", ")
	}
	return what + boundsText(r.Rate, r.Log)
}

func forwardNote(f model.PortForward) string {
	who := "everybody"
	if len(f.Sources.Networks)+len(f.Sources.Sets) > 0 {
		who = endsText([]model.FirewallEnd{f.Sources})
	}
	return who + boundsText(f.Rate, f.Log)
}

func boundsText(r model.Rate, log bool) string {
	text := ""
	if r != (model.Rate{}) {
		text += fmt.Sprintf("; at most %d/%s", r.Count, r.Per)
	}
	if r.Burst != r.Count {
		text += fmt.Sprintf(", %d at once", r.Burst)
	}
	if log {
		text += "; logged"
	}
	return text
}

func targetText(f model.PortForward) string {
	var texts []string
	for _, a := range f.To {
		texts = append(texts, model.Plain(a).String())
	}
	text := strings.Join(texts, ", ")
	if f.ToPort != 0 {
		text += " port " + strconv.Itoa(int(f.ToPort))
	}
	return text
}

// networkText writes a network, a single address without its length.
func networkText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return model.Plain(p.Addr()).String()
	}
	return p.String()
}

func networksText(networks []netip.Prefix) string {
	var texts []string
	for _, n := range networks {
		texts = append(texts, networkText(n))
	}
	return strings.Join(texts, " ")
}
