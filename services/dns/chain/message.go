package chain

import (
	"errors"
	"fmt"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// errLong is an answer that no message has room for.
var errLong = errors.New("the whole answer is too long for a message")

// read reads a message of others.
func read(b []byte) (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return m, nil
}

// find says what an answer is good for.
func find(q *wire.Query, msg []byte) wire.Finding {
	return wire.NewExtract(wire.DefaultBounds()).Take(q, msg)
}

// readAnswer reads a message that must be the answer to a question.
func readAnswer(q *wire.Query, b []byte) (*dns.Msg, error) {
	finding := find(q, b)
	switch {
	case finding == wire.Failed:
		return nil, fmt.Errorf("the answer is %s", dns.RcodeToString[int(b[3]&15)])
	case !finding.Usable():
		return nil, fmt.Errorf("the answer is of no use: %s", finding)
	}
	return read(b)
}

// join completes an answer that ends at an alias by the answer about its target. The result is that of the
// target (RFC 6604 3), and so is what proves that there is nothing.
func join(whole, target *dns.Msg) {
	whole.Answer = append(whole.Answer, target.Answer...)
	whole.Ns, whole.Extra = target.Ns, opts(whole.Extra)
	whole.Rcode = target.Rcode
	whole.AuthenticatedData = whole.AuthenticatedData && target.AuthenticatedData
}

// opts returns the OPT record of an additional section, and nothing else of it.
func opts(extra []dns.RR) []dns.RR {
	for _, rr := range extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			return []dns.RR{rr}
		}
	}
	return nil
}

// pack writes a message.
func pack(m *dns.Msg) ([]byte, error) {
	m.Compress = true
	b, err := m.Pack()
	if err == nil && len(b) > maxMessage {
		err = errLong
	}
	return b, err
}

// write has a message written as it is: what does not fit is not CoreDNS's matter.
func write(w dns.ResponseWriter, m *dns.Msg) (int, error) {
	b, err := pack(m)
	if err != nil {
		return dns.RcodeServerFailure, err
	}
	_, err = w.Write(b)
	return dns.RcodeSuccess, err
}
