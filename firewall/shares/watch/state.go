package watch

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall/shares"
)

// State is who has his share now, for the gatehouse command.
type State struct {
	Table   int      `json:"table"`          // most conversations
	Share   int      `json:"share"`          // most of one source; 0: no bound
	Near    bool     `json:"near,omitempty"` // the table is nearly full
	Bound   int      `json:"bound"`          // what a source may have now; 0: there was no reason to look yet
	Refused []Source `json:"refused"`        // who begins no more, who has most first
}

// A Source is one that is refused.
type Source struct {
	Addr  netip.Addr   `json:"address"`          // one of its addresses
	Net   netip.Prefix `json:"network,omitzero"` // it is all of this network
	Card  string       `json:"card,omitempty"`   // it is this card, with all addresses that it has
	Count int          `json:"conversations"`
}

// Who is the source in words.
func (s Source) Who() string {
	switch {
	case s.Net.IsValid():
		return s.Net.String()
	case s.Card != "":
		return fmt.Sprintf("%v of card %s", s.Addr, s.Card)
	}
	return s.Addr.String()
}

func sourceOf(h shares.Holder) Source {
	s := Source{Addr: h.Addr, Count: h.Count}
	switch p := h.Source.Prefix; {
	case !p.IsValid():
		s.Card = net.HardwareAddr(h.Source.Card[:]).String()
	case !p.IsSingleIP():
		s.Net = p
	}
	return s
}

// note keeps what was seen for State, and says what is new in the log: at most once in saidAgain.
func (w *Watcher) note(now time.Time, l shares.Limits, v shares.Verdict, cut int) {
	st := State{Table: l.Table, Share: l.Share, Near: v.Near, Bound: v.Bound, Refused: []Source{}}
	var who []string
	for _, h := range v.Refused {
		s := sourceOf(h)
		st.Refused = append(st.Refused, s)
		who = append(who, s.Who())
	}
	w.mu.Lock()
	w.state = st
	w.mu.Unlock()

	w.cut += cut
	slices.Sort(who)
	text := strings.Join(who[:min(named, len(who))], ", ")
	if more := len(who) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if text == w.said && w.cut == 0 || now.Sub(w.saidAt) < saidAgain {
		return
	}
	switch {
	case text == w.said:
	case text == "":
		w.Log("nobody is refused conversations any more")
	case v.Near:
		w.Log("conversations are nearly used up, of %d: refused are those above %d, %s", l.Table, v.Bound,
			text)
	default:
		w.Log("refused are more conversations than the share of %d: %s", v.Bound, text)
	}
	if w.cut > 0 {
		w.Log("%d conversations that were too many have been cut", w.cut)
	}
	w.saidAt, w.said, w.cut = now, text, 0
}
