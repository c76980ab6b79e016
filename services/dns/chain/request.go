package chain

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// A request is one question on its way through the chain, and what was said to it. Plugins find it in their
// context.
type request struct {
	q      wire.Query
	from   netip.AddrPort // the zero AddrPort for Ask
	stream bool

	msg      []byte       // what was written
	answer   *wire.Answer // what it says, if that needs no reading; nil: it is of others
	aa       bool         // the name is of the house
	refused  int          // the result that CoreDNS has written itself; 0: it has not
	servers  []string     // who was asked, each once
	extended uint16       // RFC 8914
	err      error        // why there is no answer
}

type requestKey struct{}

// requestOf returns the request of a plugin's context.
func requestOf(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// say writes an answer that is this server's own.
func (r *request) say(w dns.ResponseWriter, a wire.Answer) (int, error) {
	r.answer = &a
	_, err := w.Write(r.q.Append(nil, a, wire.ReplyOptions{Limit: maxMessage}))
	return dns.RcodeSuccess, err
}

// said returns what is said to the client. Of what others say it is what belongs to the question.
func (r *request) said() wire.Answer {
	if r.answer != nil {
		return *r.answer
	}
	e := wire.NewExtract(wire.DefaultBounds())
	if r.msg == nil || !e.Take(&r.q, r.msg).Usable() {
		return wire.Answer{Rcode: wire.ServFail}
	}
	e.AA = r.aa
	return e.Answer
}

// A writer takes the reply of a request. It knows the real client, and there is no connection.
type writer struct{ r *request }

// Write takes a message as it is.
func (w writer) Write(b []byte) (int, error) {
	w.r.msg = b
	return len(b), nil
}

// errStrange is a message that is not to the question.
var errStrange = errors.New("the reply is to another question")

// WriteMsg takes what CoreDNS or a plugin of its own says.
func (w writer) WriteMsg(m *dns.Msg) error {
	own := *m
	own.Compress, own.Extra = false, nil
	for _, rr := range m.Extra {
		if _, ok := rr.(*dns.OPT); !ok { // it is of the way of this reply, and made anew
			own.Extra = append(own.Extra, rr)
		}
	}
	own.Rcode &= 15
	b, err := own.Pack()
	if err != nil {
		return err
	}
	start := headerSize + len(w.r.q.Question())
	if len(b) < start || !bytes.Equal(b[headerSize:start], w.r.q.Question()) {
		return errStrange
	}
	w.r.msg = b
	w.r.answer = &wire.Answer{
		Rcode: wire.Rcode(m.Rcode), AA: m.Authoritative, AD: m.AuthenticatedData, TC: m.Truncated,
		Records: b[start:], Answers: uint16(len(own.Answer)), Authorities: uint16(len(own.Ns)),
		Additionals: uint16(len(own.Extra)),
	}
	if !plugin.ClientWrite(m.Rcode) {
		w.r.refused = m.Rcode
	}
	return nil
}

const headerSize = 12

// RemoteAddr is the client. By its type CoreDNS sees how long a reply may be: that of Ask is long.
func (w writer) RemoteAddr() net.Addr {
	if w.r.stream {
		return net.TCPAddrFromAddrPort(w.r.from)
	}
	return net.UDPAddrFromAddrPort(w.r.from)
}

// LocalAddr is nobody's: what sends the reply knows it.
func (w writer) LocalAddr() net.Addr { return &net.UDPAddr{} }

// Close does nothing, like the others that a connection would have.
func (w writer) Close() error { return nil }

// TsigStatus says that nothing was signed: TSIG records are ignored.
func (w writer) TsigStatus() error { return nil }

// TsigTimersOnly does nothing.
func (w writer) TsigTimersOnly(bool) {}

// Hijack does nothing.
func (w writer) Hijack() {}

// A capture takes what the plugins behind one write, for that one to look at.
type capture struct {
	dns.ResponseWriter
	msg []byte
}

// Write takes a message as it is.
func (c *capture) Write(b []byte) (int, error) {
	c.msg = b
	return len(b), nil
}

// WriteMsg takes a message.
func (c *capture) WriteMsg(m *dns.Msg) error {
	b, err := m.Pack()
	c.msg = b
	return err
}
