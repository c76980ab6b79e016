package dns

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const (
	// server is where the appliance's own programs ask, the same service that clients ask.
	server = "127.0.0.1:53"
	// ednsSize is how long an answer by UDP may be, as most clients have it: what fits into any packet (RFC
	// 9715).
	ednsSize = 1232
)

// A Reply is what `gatehouse dns query --json` prints.
type Reply struct {
	Name       string        `json:"name"`
	Type       string        `json:"type"`
	Rcode      string        `json:"rcode"`
	Flags      []string      `json:"flags"`
	Answer     []string      `json:"answer"` // records as in a master file
	Authority  []string      `json:"authority,omitempty"`
	Additional []string      `json:"additional,omitempty"`
	Errors     []string      `json:"errors,omitempty"` // what else is said of a failure: RFC 8914
	By         string        `json:"by"`               // "udp" or "tcp"
	Took       time.Duration `json:"took_ns"`
	Size       int           `json:"size"`
	short      []string
}

// Query asks as clients do, by UDP, and by TCP what does not fit or with the word +tcp. It prints the data of
// the answer's records, and with -v the whole message. Without an answer it fails.
func Query(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("dns query", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	verbose := flags.Bool("v", false, "")
	words, err := cli.Options(flags, args, 3)
	if err != nil {
		return err
	}
	n := len(words)
	words = slices.DeleteFunc(words, func(word string) bool { return word == "+tcp" })
	name, typ, err := questionFrom(env.empty().site, words)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, silence, fmt.Errorf("no answer within %v", silence))
	defer cancel()
	r, err := env.query(ctx, name, typ, n > len(words))
	if err != nil {
		return err
	}
	w := printable.Writer(env.Stdout)
	switch {
	case *asJSON:
		err = cli.JSON(env.Stdout, r)
	case *verbose:
		err = r.print(w)
	default:
		for _, data := range r.short {
			fmt.Fprintln(w, data)
		}
	}
	if err != nil {
		return err
	}
	return r.failure()
}

// query asks, once by each transport.
func (e Env) query(ctx context.Context, name string, typ uint16, tcp bool) (*Reply, error) {
	q := new(dns.Msg).SetQuestion(name, typ).SetEdns0(ednsSize, false)
	if !tcp {
		m, r, err := e.exchange(ctx, "udp", q)
		if err != nil || !m.Truncated {
			return r, err
		}
	}
	_, r, err := e.exchange(ctx, "tcp", q)
	return r, err
}

// exchange sends q and returns what comes.
func (e Env) exchange(ctx context.Context, network string, q *dns.Msg) (*dns.Msg, *Reply, error) {
	dial := e.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	c, err := dial(ctx, network, server)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	begin := e.Now()
	conn := &dns.Conn{Conn: c, UDPSize: ednsSize}
	failed := func(err error) (*dns.Msg, *Reply, error) {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, nil, fmt.Errorf("%s, asked by %s: %w", server, strings.ToUpper(network), err)
	}
	if err := conn.WriteMsg(q); err != nil {
		return failed(err)
	}
	var header dns.Header
	msg, err := conn.ReadMsgHeader(&header)
	if err != nil {
		return failed(err)
	}
	took := e.Now().Sub(begin)
	m := new(dns.Msg)
	if err := m.Unpack(msg); err != nil {
		return failed(fmt.Errorf("the answer cannot be read: %w", err))
	}
	same := m.Id == q.Id && m.Response && len(m.Question) == 1 &&
		m.Question[0].Qtype == q.Question[0].Qtype &&
		strings.EqualFold(m.Question[0].Name, q.Question[0].Name)
	if !same {
		return failed(errors.New("the answer is one to another question"))
	}
	return m, newReply(m, network, took, len(msg)), nil
}

func newReply(m *dns.Msg, network string, took time.Duration, size int) *Reply {
	r := &Reply{
		Name: m.Question[0].Name, Type: dns.Type(m.Question[0].Qtype).String(), Rcode: rcode(m.Rcode),
		Flags: flagsOf(m), Answer: []string{}, By: network, Took: took, Size: size,
	}
	for _, rr := range m.Answer {
		r.Answer = append(r.Answer, rr.String())
		r.short = append(r.short, recordCells(rr.String())[3])
	}
	for _, rr := range m.Ns {
		r.Authority = append(r.Authority, rr.String())
	}
	for _, rr := range m.Extra {
		opt, ok := rr.(*dns.OPT)
		if !ok {
			r.Additional = append(r.Additional, rr.String())
			continue
		}
		for _, o := range opt.Option {
			if ede, ok := o.(*dns.EDNS0_EDE); ok {
				r.Errors = append(r.Errors, ede.String())
			}
		}
	}
	return r
}

func rcode(code int) string {
	if text, ok := dns.RcodeToString[code]; ok {
		return text
	}
	return fmt.Sprintf("RCODE%d", code)
}

func flagsOf(m *dns.Msg) (all []string) {
	for _, f := range []struct {
		set  bool
		name string
	}{
		{m.Response, "qr"}, {m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"},
		{m.RecursionAvailable, "ra"}, {m.AuthenticatedData, "ad"}, {m.CheckingDisabled, "cd"},
	} {
		if f.set {
			all = append(all, f.name)
		}
	}
	return all
}

// print writes the whole message.
func (r *Reply) print(w io.Writer) error {
	fmt.Fprintf(w, "%s %s: %s, flags %s\n", r.Name, r.Type, r.Rcode, strings.Join(r.Flags, " "))
	fmt.Fprintf(w, "from %s by %s, %d bytes, %s\n", server, strings.ToUpper(r.By), r.Size, cli.Took(r.Took))
	for _, section := range []struct {
		name    string
		records []string
	}{{"answer", r.Answer}, {"authority", r.Authority}, {"additional", r.Additional}, {"errors", r.Errors}} {
		if len(section.records) == 0 {
			continue
		}
		var rows [][]string
		for _, text := range section.records {
			rows = append(rows, strings.SplitN(text, "\t", 5))
		}
		fmt.Fprintf(w, "\n%s\n", section.name)
		if err := cli.Rows(w, rows); err != nil {
			return err
		}
	}
	return nil
}

// failure says why there is no answer, nil if there is one.
func (r *Reply) failure() error {
	more := ""
	if len(r.Errors) > 0 {
		more = " (" + printable.Cut(strings.Join(r.Errors, "; "), maxLine) + ")"
	}
	name := cut(r.Name, maxLogName)
	switch {
	case r.Rcode == nxDomain:
		return fmt.Errorf("nobody is called %s: %s%s", name, r.Rcode, more)
	case r.Rcode != noError:
		return fmt.Errorf("%s %s has no answer: %s%s", name, r.Type, r.Rcode, more)
	case len(r.Answer) == 0:
		return fmt.Errorf("%s has no %s records%s", name, r.Type, more)
	}
	return nil
}
