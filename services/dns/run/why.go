package run

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// WhyArgs is the argument of the method "why".
type WhyArgs struct {
	Name string     `json:"name"`
	Type string     `json:"type,omitempty"` // "": A
	From netip.Addr `json:"from,omitzero"`  // who asks
	// those outside too, if it is theirs to answer and not in the cache
	Ask bool `json:"ask,omitempty"`
}

// A Why says what is answered to a question, and by whom.
type Why struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	By      string   `json:"by"` // "house", "house, and outside", "outside"
	Rcode   string   `json:"rcode,omitempty"`
	Records []string `json:"records,omitempty"` // of the answer, as in a master file
	// where there is none: the special name that it is, or is below
	Special string       `json:"special,omitempty"`
	Source  string       `json:"source,omitempty"` // why that is special: an RFC
	Cached  *CachedEntry `json:"cached,omitempty"`
	// Servers are those outside that are asked for the name, the likely first in front.
	Servers []upstream.Status `json:"servers,omitempty"`
	Domain  string            `json:"domain,omitempty"` // of Servers; ".": everything else
	Asked   *Asking           `json:"asked,omitempty"`
}

// A CachedEntry is what the cache has.
type CachedEntry struct {
	Age  time.Duration `json:"age_ns"`
	Left time.Duration `json:"left_ns"` // below 0: it is good no longer
	Hits uint32        `json:"hits"`
	// Failure: it is remembered that nobody had an answer.
	Failure bool `json:"failure,omitempty"`
}

// An Asking is what came of asking.
type Asking struct {
	Took time.Duration `json:"took_ns"`
	// a resolver.Outcome: asked, failed, or stale for want of a better answer
	What   string `json:"what,omitempty"`
	Server string `json:"server,omitempty"` // who answered
	Error  string `json:"error,omitempty"`
}

// Who has an answer.
const (
	byHouse   = "house"
	byBoth    = "house, and outside"
	byOutside = "outside"
)

// typeOf reads a type by its name, or as RFC 3597 writes those that have none: TYPE123.
func typeOf(text string) (uint16, error) {
	upper := strings.ToUpper(text)
	if typ, ok := dns.StringToType[upper]; ok {
		return typ, nil
	}
	if digits, ok := strings.CutPrefix(upper, "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return uint16(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no type of records, such as AAAA or TYPE65", text)
}

func (s *Service) answerWhy(ctx context.Context, raw json.RawMessage, send func(any) error) error {
	args := WhyArgs{Type: "A"}
	if err := control.Decode(raw, &args); err != nil {
		return err
	}
	typ, err := typeOf(args.Type)
	if err != nil {
		return err
	}
	name, err := wire.ParseText(args.Name)
	if err != nil {
		return err
	}
	w := Why{Name: wire.Text(name), Type: dns.Type(typ).String()}
	a := s.resolver.Table().Answer(nil, zone.Query{Name: name, Type: typ, Class: dns.ClassINET,
		From: args.From})
	outside := name
	switch a.Kind {
	case zone.Local:
		w.By = byHouse
		w.say(local(name, typ, a))
		return send(w)
	case zone.Outside:
		w.By, outside = byBoth, a.Target
		w.say(local(name, typ, a))
	default:
		w.By = byOutside
	}
	s.whyOutside(ctx, &w, outside, typ, args.Ask)
	return send(w)
}

// local is the answer of the house as a message.
func local(name []byte, typ uint16, a zone.Answer) []byte {
	var q wire.Query
	q.Ask(name, typ, 0)
	return q.Append(nil, wire.Answer{Rcode: wire.Rcode(a.RCode), Records: a.Msg, Answers: a.Answers,
		Authorities: a.Authority},
		wire.ReplyOptions{Limit: 1<<16 - 1})
}

// say adds what a message says.
func (w *Why) say(msg []byte) {
	var m dns.Msg
	if err := m.Unpack(msg); err != nil {
		w.Rcode = err.Error()
		return
	}
	w.Rcode = dns.RcodeToString[m.Rcode]
	if len(m.Ns) > 0 && w.By == byHouse {
		w.Special, w.Source = zone.Special(w.Name)
	}
	for _, rr := range m.Answer {
		if text := rr.String(); !slices.Contains(w.Records, text) {
			w.Records = append(w.Records, text)
		}
	}
}

// whyOutside adds what is known of those outside.
func (s *Service) whyOutside(ctx context.Context, w *Why, name []byte, typ uint16, ask bool) {
	now := s.o.Now()
	lower := []byte(strings.ToLower(string(name)))
	for e := range s.resolver.Cache().Entries(now) {
		if string(e.Name) == string(lower) && e.Type == typ && !e.DO && !e.CD {
			w.Cached = &CachedEntry{Age: e.Age, Left: e.Left, Hits: e.Hits, Failure: e.Failure}
		}
	}
	defer func() { w.Domain, w.Servers = s.serversOf(name) }() // as they are afterwards
	fresh := w.Cached != nil && w.Cached.Left > 0 && !w.Cached.Failure
	if !fresh && !ask {
		return
	}
	said, err := s.resolver.Resolve(ctx, name, typ, false, false)
	if err == nil {
		w.say(said.Message)
	}
	if err == nil && said.What == resolver.Cached {
		return
	}
	w.Asked = &Asking{Took: s.o.Now().Sub(now), Server: said.Server}
	if err != nil {
		w.Asked.Error = err.Error()
		return
	}
	w.Asked.What = said.What.String()
}

// serversOf returns who is asked for a name, and the domain for which they are.
func (s *Service) serversOf(name []byte) (domain string, all []upstream.Status) {
	domain = "."
	text := strings.ToLower(wire.Text(name))
	for _, f := range s.config().Upstream.Forward {
		d := strings.TrimSuffix(strings.ToLower(f.Domain), ".") + "."
		if (text == d || strings.HasSuffix(text, "."+d)) && len(d) > len(domain) {
			domain = d
		}
	}
	for _, u := range s.upstream.Status() {
		if slices.ContainsFunc(u.Domains, func(d string) bool {
			return strings.TrimSuffix(d, ".") == strings.TrimSuffix(domain, ".")
		}) {
			all = append(all, u)
		}
	}
	return domain, all
}
