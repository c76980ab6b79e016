package resolver

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// A lab is a resolver, and a chain that a test has in its hands.
type lab struct {
	*Resolver
	t      *testing.T
	worker *Worker

	mu     sync.Mutex
	asked  []string // questions in the order in which they came
	served []string
	answer func(q dns.Question) (*dns.Msg, error) // nil: nobody ever answers
	takes  time.Duration
	events []Event
}

// house is a small one.
func house(t testing.TB) *zone.Table {
	t.Helper()
	table, err := zone.Build(zone.Config{
		Domain: "home.example", Router: zone.Host{Name: "gate", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.1")}},
		Hosts:    []zone.Host{{Name: "web", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.10")}}},
		Networks: []netip.Prefix{netip.MustParsePrefix("192.168.32.0/24")},
		Records:  []zone.Record{{Name: "away", CNAME: "away.example.net."}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func newLab(t *testing.T, limits Limits) *lab {
	l := &lab{t: t, takes: 10 * time.Millisecond}
	l.answer = func(q dns.Question) (*dns.Msg, error) { return address(q, 300, "192.0.2.80"), nil }
	l.Resolver = New(Options{Chain: l, Table: house(t), Limits: limits, Observe: func(e Event) {
		l.mu.Lock()
		defer l.mu.Unlock()
		e.Query = nil
		l.events = append(l.events, e)
	}})
	l.worker = l.Worker()
	t.Cleanup(l.Close)
	return l
}

// address answers with an address.
func address(q dns.Question, ttl uint32, a string) *dns.Msg {
	m := new(dns.Msg)
	m.Response, m.RecursionAvailable, m.Question = true, true, []dns.Question{q}
	m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: netip.MustParseAddr(a).AsSlice()}}
	return m
}

// Ask implements Chain.
func (l *lab) Ask(ctx context.Context, query []byte) (Outside, error) {
	q := new(dns.Msg)
	if err := q.Unpack(query); err != nil {
		l.t.Errorf("asked %x: %v", query, err)
		return Outside{}, err
	}
	l.mu.Lock()
	l.asked = append(l.asked, q.Question[0].Name)
	answer, takes := l.answer, l.takes
	l.mu.Unlock()
	if answer == nil {
		<-ctx.Done()
		return Outside{}, ctx.Err()
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return Outside{}, ctx.Err()
	}
	m, err := answer(q.Question[0])
	if err != nil {
		return Outside{}, err
	}
	packed, err := m.Pack()
	return Outside{Message: packed, Server: "192.0.2.53"}, err
}

// Serve implements Chain.
func (l *lab) Serve(ctx context.Context, msg []byte, from netip.AddrPort, stream bool) []byte {
	l.mu.Lock()
	l.served = append(l.served, from.Addr().String())
	answer := l.answer
	l.mu.Unlock()
	if answer == nil {
		<-ctx.Done()
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(msg); err != nil {
		return nil
	}
	packed, _ := new(dns.Msg).SetRcode(m, dns.RcodeNotImplemented).Pack()
	return packed
}

// questions returns how often the chain was asked since the last call.
func (l *lab) questions() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.asked)
	l.asked = nil
	return n
}

// becomes sets what the chain answers, and after how long.
func (l *lab) becomes(takes time.Duration, answer func(q dns.Question) (*dns.Msg, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takes, l.answer = takes, answer
}

var errDown = errors.New("nobody is there")

func down(dns.Question) (*dns.Msg, error) { return nil, errDown }

// A client is a Sender that keeps what it is sent.
type client struct {
	from    netip.AddrPort
	stream  bool
	replies *[][]byte
	mu      *sync.Mutex
}

func newClient(addr string) client {
	return client{from: netip.AddrPortFrom(netip.MustParseAddr(addr), 40000), replies: new([][]byte), mu: new(sync.Mutex)}
}

func (c client) From() netip.AddrPort { return c.from }
func (c client) Stream() bool         { return c.stream }
func (c client) Later() Later         { return c }

// Send implements Later.
func (c client) Send(reply []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*c.replies = append(*c.replies, reply)
}

// take returns what has come since the last call.
func (c client) take(t *testing.T) (all []*dns.Msg) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range *c.replies {
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Errorf("reply %x: %v", b, err)
		}
		all = append(all, m)
	}
	*c.replies = nil
	return all
}

// query is a question as a stub resolver sends it.
func query(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, typ)
	return m
}

// send sends a message, and returns the reply if it comes at once.
func (l *lab) send(c client, m *dns.Msg) *dns.Msg {
	l.t.Helper()
	b, err := m.Pack()
	if err != nil {
		l.t.Fatal(err)
	}
	out := l.worker.Respond(time.Now(), nil, b, c)
	if len(out) == 0 {
		return nil
	}
	reply := new(dns.Msg)
	if err := reply.Unpack(out); err != nil {
		l.t.Fatalf("reply %x: %v", out, err)
	}
	if reply.Id != m.Id || !reply.Response {
		l.t.Errorf("to %v came %v", m, reply)
	}
	return reply
}

// resolved sends a question and waits for the reply.
func (l *lab) resolved(c client, name string) *dns.Msg {
	l.t.Helper()
	if reply := l.send(c, query(name, dns.TypeA)); reply != nil {
		return reply
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	if replies := c.take(l.t); len(replies) == 1 {
		return replies[0]
	}
	return nil
}

// says checks result and first address of a reply.
func says(t *testing.T, what string, m *dns.Msg, rcode int, address string) {
	t.Helper()
	if m == nil {
		t.Errorf("%s: no reply", what)
		return
	}
	got := ""
	if len(m.Answer) > 0 {
		if a, ok := m.Answer[len(m.Answer)-1].(*dns.A); ok {
			got = a.A.String()
		}
	}
	if m.Rcode != rcode || got != address {
		t.Errorf("%s: %s %q, not %s %q", what, dns.RcodeToString[m.Rcode], got, dns.RcodeToString[rcode], address)
	}
}

// extended returns the code of an extended error, -1 if there is none.
func extended(m *dns.Msg) int {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return int(e.InfoCode)
			}
		}
	}
	return -1
}
