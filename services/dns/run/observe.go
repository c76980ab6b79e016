package run

import (
	"context"
	"encoding/json"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/internal/feed"
	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// Bounds of what is observed.
const (
	looked   = 1000 // questions a second that are looked at for the names and clients that ask most
	logItems = 2000 // lines of the query log
)

// A Line of the query log is one message of a client.
type Line struct {
	Seq    uint64        `json:"seq"`
	At     time.Time     `json:"at"`
	From   netip.Addr    `json:"from"`
	Name   string        `json:"name"`
	Type   string        `json:"type"`
	What   string        `json:"what"` // a resolver.Outcome
	Rcode  string        `json:"rcode"`
	Took   time.Duration `json:"took_ns,omitempty"`
	Server string        `json:"server,omitempty"`
	// Missing: there were more before it, faster than they could be read.
	Missing bool `json:"missing,omitempty"`
}

// LogArgs is the argument of the method "log".
type LogArgs struct {
	Client netip.Addr `json:"client,omitzero"` // the zero Addr: all
}

// An observer looks at what the resolver does: who asks most, for what, and, while somebody wants to see it,
// each message.
type observer struct {
	// Who has nothing left asks for no lock.
	second atomic.Int64 // that left counts
	left   atomic.Int64 // questions that are looked at in it

	mu      sync.Mutex // of those that look
	names   *top
	clients *top
	seen    uint64 // questions that were looked at
	text    []byte

	watching atomic.Int32 // who reads the log
	lines    *feed.Feed[Line]
}

func newObserver() *observer {
	return &observer{names: newTop(), clients: newTop(), lines: feed.New[Line](feed.Limits{Items: logItems})}
}

// observe is called for each message, by the goroutine that replies.
func (o *observer) observe(e resolver.Event) {
	if e.What != resolver.Rejected {
		o.count(e)
	}
	if o.watching.Load() == 0 {
		return
	}
	o.lines.Add(e.From.Addr().String(), 0, func(seq uint64) Line {
		return Line{
			Seq: seq, At: e.At, From: e.From.Addr(), Name: wire.Text(nameOf(e.Query)),
			Type: dns.Type(e.Query.Type).String(), What: e.What.String(),
			Rcode: dns.RcodeToString[int(e.Rcode)], Took: e.Took, Server: e.Server,
		}
	})
}

// nameOf is the name of a question, the root if there is none.
func nameOf(q *wire.Query) []byte {
	if name := q.Name.Bytes(); len(name) > 0 {
		return name
	}
	return []byte{0}
}

// count counts name and client, unless there were too many this second.
func (o *observer) count(e resolver.Event) {
	second := e.At.Unix()
	if second == o.second.Load() && o.left.Load() == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if second != o.second.Load() {
		o.left.Store(looked)
		o.second.Store(second)
	}
	if o.left.Load() == 0 {
		return
	}
	o.left.Add(-1)
	o.seen++
	o.names.add(append(o.text[:0], e.Query.Name.Bytes()...))
	o.text = e.From.Addr().AppendTo(o.text[:0])
	o.clients.add(o.text)
}

// Tops are the names and clients that asked most.
type Tops struct {
	Looked  uint64  `json:"looked"` // questions that were looked at, of those there were
	Names   []Count `json:"names"`
	Clients []Count `json:"clients"`
}

func (o *observer) tops() Tops {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := Tops{Looked: o.seen, Names: o.names.first(10), Clients: o.clients.first(10)}
	for i, c := range t.Names {
		t.Names[i].What = wire.Text([]byte(c.What))
	}
	return t
}

// answerLog sends a Line for each message from now on, as long as somebody listens. Nothing is kept of a time
// when nobody does.
func (o *observer) answerLog(ctx context.Context, raw json.RawMessage, send func(any) error) error {
	var args LogArgs
	if err := control.Decode(raw, &args); err != nil {
		return err
	}
	key := ""
	if args.Client.IsValid() {
		key = args.Client.String()
	}
	from := o.lines.Seq()
	o.watching.Add(1)
	defer o.watching.Add(-1)
	return o.lines.Follow(ctx, key, from, func(l Line, lost bool) error {
		l.Missing = lost
		return send(l)
	})
}
