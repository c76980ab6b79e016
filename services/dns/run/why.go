package run

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// WhyArgs is the argument of the method "why".
type WhyArgs struct {
	Name string     `json:"name"`
	Type string     `json:"type,omitempty"` // "": A
	From netip.Addr `json:"from,omitzero"`  // who asks
	Ask  bool       `json:"ask,omitempty"`  // those outside too, if it is theirs to answer and not in the cache
}

// A Why says what is answered to a question, and by whom.
type Why struct {
	Name    string       `json:"name"`
	Type    string       `json:"type"`
	By      string       `json:"by"` // "house", "house, and outside", "outside"
	Rcode   string       `json:"rcode,omitempty"`
	Records []string     `json:"records,omitempty"` // of the answer, as in a master file
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
	Took  time.Duration `json:"took_ns"`
	Error string        `json:"error,omitempty"`
}

func (s *Service) answerWhy(ctx context.Context, raw json.RawMessage, send func(any) error) error {
	args := WhyArgs{Type: "A"}
	if err := control.Decode(raw, &args); err != nil {
		return err
	}
	typ, ok := dns.StringToType[strings.ToUpper(args.Type)]
	if !ok {
		return fmt.Errorf("%q is no type of records, such as AAAA", args.Type)
	}
	name, err := wire.ParseText(args.Name)
	if err != nil {
		return err
	}
	w := Why{Name: wire.Text(name), Type: dns.TypeToString[typ]}
	a := s.resolver.Table().Answer(nil, zone.Query{Name: name, Type: typ, Class: dns.ClassINET, From: args.From})
	outside := name
	switch a.Kind {
	case zone.Local:
		w.By = "house"
		w.say(local(name, typ, a))
		return send(w)
	case zone.Outside:
		w.By, outside = "house, and outside", a.Target
		w.say(local(name, typ, a))
	default:
		w.By = "outside"
	}
	s.whyOutside(ctx, &w, outside, typ, args.Ask)
	return send(w)
}

// local is the answer of the house as a message.
func local(name []byte, typ uint16, a zone.Answer) []byte {
	var q wire.Query
	q.Ask(name, typ, 0)
	return q.Append(nil, wire.Answer{Rcode: wire.Rcode(a.RCode), Records: a.Msg, Answers: a.Answers, Authorities: a.Authority},
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
	w.Domain, w.Servers = s.serversOf(name)
	if w.Cached == nil && !ask {
		return
	}
	begin := s.o.Now()
	msg, err := s.resolver.Lookup(ctx, name, typ, false, false)
	if w.Cached == nil {
		w.Asked = &Asking{Took: s.o.Now().Sub(begin)}
	}
	if err != nil {
		w.Asked = &Asking{Took: s.o.Now().Sub(begin), Error: err.Error()}
		return
	}
	w.say(msg)
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
		if slices.ContainsFunc(u.Domains, func(d string) bool { return strings.TrimSuffix(d, ".") == strings.TrimSuffix(domain, ".") }) {
			all = append(all, u)
		}
	}
	return domain, all
}
