package admin

import (
	"context"
	"fmt"
	"io"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/firewall/shares/watch"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// SharesMethod is by what init is asked who has his share of the conversations: a watch.State.
const SharesMethod = "shares"

// shownSources is how many sources that are refused are named; the others are counted.
const shownSources = 5

// Shares is who has his share of the conversations, with names.
type Shares struct {
	watch.State
	Names map[netip.Addr]string `json:"names,omitempty"` // of those that are refused
}

// shares asks who has his share. A box that cannot say has nobody refused.
func (e Env) shares(ctx context.Context) *Shares {
	var s Shares
	if e.ask(ctx, InitService, SharesMethod, nil, &s.State) != nil || s.Table == 0 {
		return nil
	}
	if len(s.Refused) == 0 {
		return &s
	}
	if d, err := e.directory(ctx); err == nil {
		s.name(d)
	}
	return &s
}

// name looks up the names of those that are refused.
func (s *Shares) name(d directory) {
	s.Names = map[netip.Addr]string{}
	for _, r := range s.Refused[:min(len(s.Refused), shownSources)] {
		name := d.hosts[r.Addr]
		if name == "" {
			name = d.cards[r.Card]
		}
		if name != "" {
			s.Names[r.Addr] = name
		}
	}
}

// lines say who is refused, the biggest first; none if nobody is.
func (s *Shares) lines() []string {
	if s == nil {
		return nil
	}
	var all []string
	for i, r := range s.Refused {
		if i == shownSources {
			return append(all, fmt.Sprintf("%s more are refused further conversations",
				cli.Count(len(s.Refused)-i, "source", "sources")))
		}
		who := r.Who()
		if name := s.Names[r.Addr]; name != "" {
			who = printable.String(name) + "(" + who + ")"
		}
		all = append(all, fmt.Sprintf("%s has %s and is refused more", who, cli.Count(r.Count, "conversation", "conversations")))
	}
	return all
}

// problems say what is scarce, and who is refused.
func (s *Shares) problems() []string {
	if s == nil {
		return nil
	}
	all := s.lines()
	for i := range all {
		all[i] += fmt.Sprintf(": the share of a source is %d", s.Bound)
		if s.Near {
			all[i] += " while there is little room"
		}
	}
	return all
}

// print is the part of `firewall top` about them.
func (s *Shares) print(w io.Writer) {
	for _, line := range s.lines() {
		fmt.Fprintln(w, line)
	}
}
