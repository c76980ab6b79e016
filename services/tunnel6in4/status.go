package tunnel6in4

import (
	"fmt"
	"net/netip"
	"time"
)

// Status is how a tunnel is, for people and programs. Times are on the clock of Now.Up. It has no secret.
type Status struct {
	Link    string     `json:"link"`
	State   State      `json:"state"`
	Since   int64      `json:"since_ns"`
	Server  netip.Addr `json:"server"`
	Local   netip.Addr `json:"local,omitzero"`
	Behind  Behind     `json:"behind,omitzero"`
	Own     netip.Addr `json:"own"`
	Gateway netip.Addr `json:"gateway"`
	MTU     uint16     `json:"mtu"`
	RTT     int64      `json:"rtt_ns,omitzero"` // of the last echo
	Heard   int64      `json:"heard_ns,omitzero"`
	Probes  Counts     `json:"probes"`
	// OuterHeard is when the broker's IPv4 address last answered; it is asked only while the tunnel is down.
	OuterHeard int64    `json:"outer_heard_ns,omitzero"`
	Broker     *Broker  `json:"broker,omitempty"` // nil: it is told nothing
	Cause      Cause    `json:"cause,omitzero"`   // of being down
	Why        string   `json:"why"`              // for people
	Problems   []string `json:"problems,omitempty"`
	Events     []Event  `json:"events"`
}

// State is what is known of a tunnel.
type State string

// The states.
const (
	StateAbsent State = "absent" // there is no IPv4 address of ours, so nothing goes through
	StateAsking State = "asking" // nobody has answered yet, nor failed to for long
	StateUp     State = "up"
	StateDown   State = "down"
)

// Broker is what passed between us and the broker's API.
type Broker struct {
	User   string   `json:"user"`
	Tunnel string   `json:"tunnel"`
	Told   bool     `json:"told"`           // it has our address, by its own word
	Kept   *Kept    `json:"kept,omitempty"` // the last answer that settled something
	Last   *Outcome `json:"last,omitempty"` // the last one of this run
	LastAt int64    `json:"last_ns,omitzero"`
	Next   int64    `json:"next_ns,omitzero"` // when it is asked again; 0: not before something is another
	Asking bool     `json:"asking,omitempty"`
}

// Cause is what is most likely wrong.
type Cause string

// The causes.
const (
	NoAddress    Cause = "no-address"
	BehindCGNAT  Cause = "cgnat"
	NotTaken     Cause = "update-refused"
	NotTold      Cause = "update-pending"
	ServerSilent Cause = "server-silent"
	BehindNAT    Cause = "nat"
	Eaten        Cause = "protocol-41"
	OtherEnd     Cause = "endpoint" // nothing tells the broker of our address
)

// Status returns how it is.
func (e *Engine) Status(now Now) Status {
	w := &e.watch
	st := Status{
		Link: e.conf.Link, State: e.state(), Since: int64(w.since), Server: e.conf.Server,
		Local: e.conf.Local, Behind: e.behind(), Own: e.conf.Own, Gateway: e.conf.Gateway, MTU: e.conf.MTU,
		RTT: int64(w.inside.rtt), Heard: int64(w.inside.heard), Probes: w.inside.count,
		OuterHeard: int64(w.outer.heard), Broker: e.broker(), Events: append([]Event{}, e.events...),
	}
	st.Cause, st.Why = e.diagnose(now)
	if st.State == StateDown || st.State == StateAbsent {
		st.Problems = append(st.Problems, "The tunnel for IPv6 is down: "+st.Why)
	}
	if k := e.update.kept; st.Cause != NotTaken && e.refused() {
		st.Problems = append(st.Problems,
			"The tunnel's broker "+k.Outcome.Code.Means()+quoted(k.Outcome.Text))
	}
	return st
}

// Up reports whether the tunnel works, and whether that is known.
func (e *Engine) Up() (up, known bool) { return e.watch.up, e.watch.known }

func (e *Engine) state() State {
	switch {
	case !e.conf.Local.IsValid():
		return StateAbsent
	case e.watch.up:
		return StateUp
	case !e.watch.known:
		return StateAsking
	}
	return StateDown
}

// behind is what is between us and the Internet, by our address or by what the broker has for it.
func (e *Engine) behind() Behind {
	if e.conf.Behind == Nothing && e.update.isTold() {
		if a := e.update.kept.Outcome.Addr; a.IsValid() && a != e.conf.Local {
			return NAT
		}
	}
	return e.conf.Behind
}

// refused reports whether the broker has refused what it is told now.
func (e *Engine) refused() bool {
	u := &e.update
	return e.conf.Update != nil && u.kept != nil && u.kept.Account == e.conf.Update.account() &&
		u.kept.Outcome.Code.Class() == Refused
}

func (e *Engine) broker() *Broker {
	if e.conf.Update == nil {
		return nil
	}
	u := &e.update
	b := &Broker{
		User: e.conf.Update.User, Tunnel: e.conf.Update.Tunnel, Told: u.isTold(), Kept: u.kept, Last: u.last,
		LastAt: int64(u.lastAt), Asking: u.asking,
	}
	if next := u.next(e.downSince()); next != Never && !u.asking {
		b.Next = int64(next)
	}
	return b
}

// diagnose says what is most likely wrong, the surest first.
func (e *Engine) diagnose(now Now) (Cause, string) {
	w, u, server := &e.watch, &e.update, e.conf.Server
	outside := w.outer.heard != 0 && w.outer.lost < tooMany
	switch st := e.state(); {
	case st == StateUp:
		return "", fmt.Sprintf("%s answers through it.", e.conf.Gateway)
	case st == StateAbsent:
		return NoAddress, "WAN has no IPv4 address, which it goes through."
	case e.conf.Behind == CGNAT:
		return BehindCGNAT, fmt.Sprintf("%s is an address that the provider translates for many customers "+
			"(CGNAT, RFC 6598), "+
			"and no broker reaches us there. Ask the provider for an address of your own, or for IPv6.",
			e.conf.Local)
	case e.refused():
		return NotTaken, fmt.Sprintf("the broker %s%s. It is asked again when the configuration is another, "+
			"or after a day.",
			u.kept.Outcome.Code.Means(), quoted(u.kept.Outcome.Text)) + e.hint()
	case e.conf.Update != nil && !u.isTold() && u.last != nil:
		return NotTold, fmt.Sprintf("the broker does not know our address yet: it %s%s. It is asked again "+
			"within %d min.",
			u.last.Code.Means(), quoted(u.last.Text), max(u.next(Never)-now.Up, 0)/time.Minute+1) + e.hint()
	case st == StateAsking:
		return "", "its other end has not answered yet."
	case e.conf.Update != nil && !u.isTold():
		return NotTold, "the broker is only just told of our address."
	case !outside:
		return ServerSilent, fmt.Sprintf("the broker's end, %s, does not answer a ping over IPv4 either: it "+
			"is down, or not reached from here.", server)
	case e.behind() == NAT:
		return BehindNAT, fmt.Sprintf("%s answers over IPv4, but WAN is behind another router (NAT): that one "+
			"must pass protocol 41 to %s; a \"DMZ\" or \"exposed host\" often does.", server, e.conf.Local)
	case e.conf.Update == nil:
		return OtherEnd, fmt.Sprintf("%s answers over IPv4, but nothing comes through the tunnel: the broker "+
			"has another address than %s for its other end, or protocol 41 is dropped on the way.", server,
			e.conf.Local)
	}
	return Eaten, fmt.Sprintf("%s answers over IPv4 and has our address, but nothing comes through the "+
		"tunnel: protocol 41 is dropped on the way, by a modem or the provider.", server)
}

// hint is what else stands in the way.
func (e *Engine) hint() string {
	if e.behind() != NAT {
		return ""
	}
	return " And WAN is behind another router (NAT), which must pass protocol 41."
}
