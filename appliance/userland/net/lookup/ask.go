package lookup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// A server is a name server, by one of its addresses.
type server struct {
	addr netip.AddrPort
	name string // as it was asked for
}

// String is what dig calls it: 192.0.2.1#53.
func (s server) String() string { return fmt.Sprintf("%s#%d", s.addr.Addr(), s.addr.Port()) }

// A reply is what came back.
type reply struct {
	*dns.Msg
	size int
	took time.Duration
	tcp  bool
	from server
	lies bool // it has not as many records as its header says
}

// errSetup is wrapped by what keeps a question from leaving: it is not tried again.
var errSetup = errors.New("setup")

// errBadPacket is wrapped by what a reply is that cannot be read.
var errBadPacket = errors.New("bad packet")

// dial opens a connection of one question.
func dial(ctx context.Context, to server, tcp bool, timeout time.Duration) (*dns.Conn, error) {
	network := "udp"
	if tcp {
		network = "tcp"
	}
	c, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, network, to.addr.String())
	if err != nil {
		if !isTimeout(err) {
			err = fmt.Errorf("%w: %w", errSetup, err)
		}
		return nil, err
	}
	return &dns.Conn{Conn: c}, c.SetDeadline(time.Now().Add(timeout))
}

// ask sends a question once, and waits for its answer. By UDP what does not answer the question is passed
// over; passed, if there is one, is told why.
func ask(ctx context.Context, question *dns.Msg, to server, tcp bool, timeout time.Duration,
	passed func(string)) (reply, error) {
	conn, err := dial(ctx, to, tcp, timeout)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	began := time.Now()
	if err := conn.WriteMsg(question); err != nil {
		return reply{}, err
	}
	conn.UDPSize = dns.MaxMsgSize - 1
	for {
		octets, err := conn.ReadMsgHeader(nil)
		r := reply{new(dns.Msg), len(octets), time.Since(began), tcp, to, false}
		if err == nil {
			if err = r.Unpack(octets); err != nil {
				err = fmt.Errorf("%w: %w", errBadPacket, err)
			}
		}
		switch {
		case errors.Is(err, dns.ErrShortRead) && !tcp:
			passed("Warning: short (< header size) message received")
			continue
		case err != nil && !errors.Is(err, errBadPacket):
			return reply{}, err
		case r.Id != question.Id && !tcp:
			passed(fmt.Sprintf("Warning: ID mismatch: expected ID %d, got %d", question.Id, r.Id))
			continue
		case r.Id != question.Id:
			return reply{}, fmt.Errorf("%w: it answers another question", errBadPacket)
		case err != nil:
			return reply{}, err
		case !answers(r.Msg, question) && !tcp:
			passed(otherwise(r.Msg))
			continue
		}
		r.lies = len(r.Answer) != int(counted(octets, 6)) || len(r.Ns) != int(counted(octets, 8)) ||
			len(r.Extra) != int(counted(octets, 10))
		return r, nil
	}
}

// counted is a count of a header (RFC 1035 section 4.1.1).
func counted(octets []byte, at int) uint16 { return binary.BigEndian.Uint16(octets[at:]) }

// otherwise is why a message is no answer, in dig's words.
func otherwise(m *dns.Msg) string {
	if !m.Response {
		return "Warning: query response not set"
	}
	text := ";; Question section mismatch: got "
	for _, q := range m.Question[:min(1, len(m.Question))] {
		text += fmt.Sprintf("%s/%s/%s", printableName(strings.TrimSuffix(bindNames(q.Name), ".")),
			typeName(q.Qtype), className(q.Qclass))
	}
	return text
}

// answers reports whether a message is an answer to a question: an error may lack it.
func answers(m, question *dns.Msg) bool {
	if !m.Response || len(m.Question) > 1 {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0
	}
	a, b := m.Question[0], question.Question[0]
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && sameName(a.Name, b.Name)
}

// sameName compares names however they are escaped.
func sameName(a, b string) bool {
	var x, y [256]byte
	n, err := dns.PackDomainName(a, x[:], 0, nil, false)
	m, err2 := dns.PackDomainName(b, y[:], 0, nil, false)
	return err == nil && err2 == nil && strings.EqualFold(string(x[:n]), string(y[:m]))
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// why is an error in dig's words.
func why(err error) string {
	switch {
	case isTimeout(err):
		return "timed out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ENETUNREACH):
		return "network unreachable"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "host unreachable"
	case errors.Is(err, syscall.ECONNRESET):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "end of file"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "Permission denied"
	}
	return err.Error()
}

// An endpoint chooses addresses.
type endpoint struct {
	port  uint16
	only4 bool
	only6 bool
}

// suits reports whether questions may go to an address.
func (e endpoint) suits(a netip.Addr) bool { return !(e.only4 && !a.Is4()) && !(e.only6 && a.Is4()) }

// find returns the addresses of a server, by its address or its name.
func (e endpoint) find(ctx context.Context, name string) (all []server, err error) {
	if a, parseErr := netip.ParseAddr(name); parseErr == nil {
		if !e.suits(a) {
			return nil, fmt.Errorf("couldn't get address for '%s': address family not supported", name)
		}
		return []server{{netip.AddrPortFrom(a, e.port), name}}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	for _, a := range addrs {
		if a = a.Unmap(); e.suits(a) {
			all = append(all, server{netip.AddrPortFrom(a, e.port), name})
		}
	}
	if err != nil || len(all) == 0 {
		return nil, fmt.Errorf("couldn't get address for '%s': not found", printableName(name))
	}
	return all, nil
}

// ours are the servers of the system.
func (e endpoint) ours(conf resolvConf) (all []server) {
	for _, a := range conf.servers {
		if e.suits(a) {
			all = append(all, server{netip.AddrPortFrom(a, e.port), a.String()})
		}
	}
	return all
}
