package lookup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Exit statuses of dig.
const (
	digUsage   = 1
	digSilence = 9 // no server has answered
	digTrouble = 10
)

// A digger asks the queries of a command line one after the other.
type digger struct {
	*command.Call
	endpoint
	conf     resolvConf
	short    bool
	greeting string // what is printed before the first reply
}

func dig(c *command.Call) {
	conf, err := readConf()
	if err != nil {
		c.Warn(err)
	}
	p := digParser{
		find: func(ctx context.Context, e endpoint, name string) ([]server, error) {
			return e.find(ctx, name)
		},
		warn: func(format string, args ...any) { fmt.Fprintf(c.Stderr, format, args...) },
	}
	switch err := p.parse(c.Context, c.Args); {
	case errors.Is(err, errUsage):
		c.Misused("%v", err)
		c.Exit(digUsage)
		return
	case errors.Is(err, errValue):
		c.Warn(err)
		c.Exit(digTrouble)
		return
	case err != nil:
		c.Warn(err)
		c.Exit(digUsage)
		return
	}
	if p.line.help {
		fmt.Fprintf(c.Stdout, "usage: dig [@SERVER] [NAME] [TYPE] [CLASS] [+OPTION]...\n%s", digHelp)
		return
	}
	d := &digger{Call: c, endpoint: p.line.endpoint, conf: p.line.config(conf), short: p.line.short,
		greeting: p.line.greeting(c.Args)}
	for _, q := range p.line.queries {
		if c.Err() != nil || c.Stdout.Err() != nil {
			return
		}
		if err := d.query(q); err != nil {
			c.Warn(err)
			c.Exit(digTrouble)
			return
		}
	}
}

// greeting is the command line, as dig shows it.
func (l *digLine) greeting(args []string) string {
	if !l.cmd || l.short {
		return ""
	}
	text := "\n; <<>> DiG gatehouse <<>>"
	if len(args) > 0 {
		text += " " + printableName(strings.Join(args, " "))
	}
	switch l.found {
	case 0:
	case 1:
		text += "\n; (1 server found)"
	default:
		text += fmt.Sprintf("\n; (%d servers found)", l.found)
	}
	return text + "\n;; global options: +cmd\n"
}

// config is the system's, as the command line has changed it.
func (l *digLine) config(conf resolvConf) resolvConf {
	if l.domain != "" {
		conf.search = []string{l.domain}
	}
	if l.ndots >= 0 {
		conf.ndots = l.ndots
	}
	return conf
}

// query asks one, of the names that it may stand for the first that there is.
func (d *digger) query(q query) error {
	if len(q.servers) == 0 {
		q.servers = d.ours(d.conf)
	}
	names := []string{q.name}
	if q.search {
		names = d.conf.candidates(q.name)
	}
	for i, name := range names {
		if err := legal(name); err != nil {
			return err
		}
		q.name = dns.Fqdn(name)
		switch {
		case q.kind == dns.TypeAXFR:
			d.transfer(q)
			return nil
		case q.trace:
			d.trace(q)
			return nil
		}
		r, question, err := d.exchange(q)
		if err != nil {
			d.silence()
			return nil
		}
		if last := i == len(names)-1; last || r.Rcode != dns.RcodeNameError {
			d.print(q, question, r)
			return nil
		}
	}
	return nil
}

// legal reports why a word is no name.
func legal(name string) error {
	if name == "." {
		return nil
	}
	if _, ok := dns.IsDomainName(name); ok && !strings.Contains(strings.ReplaceAll(name, `\\`, ""), "..") &&
		name != "" {
		return nil
	}
	reason := "bad label"
	switch {
	case strings.Contains(name, "..") || strings.HasPrefix(name, "."):
		reason = "empty label"
	case len(name) > 255:
		reason = "ran out of space"
	default:
		for label := range strings.SplitSeq(name, ".") {
			if len(label) > 63 {
				reason = "label too long"
			}
		}
	}
	return fmt.Errorf("'%s' is not a legal name (%s)", printableName(name), reason)
}

// message is the question of a query.
func (q *query) message() (m *dns.Msg, cookie string) {
	m = new(dns.Msg)
	m.Id = dns.Id()
	m.RecursionDesired, m.AuthenticatedData, m.CheckingDisabled, m.Authoritative = q.recurse, q.ad, q.cd, q.aa
	m.Question = []dns.Question{{Name: q.name, Qtype: q.kind, Qclass: q.class}}
	if q.edns < 0 {
		return m, ""
	}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(max(q.bufsize, dns.MinMsgSize))
	opt.SetVersion(uint8(q.edns))
	if q.dnssec {
		opt.SetDo()
	}
	if q.nsid {
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	}
	if q.subnet.IsValid() {
		family := uint16(1)
		if q.subnet.Addr().Is6() {
			family = 2
		}
		opt.Option = append(opt.Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(q.subnet.Bits()),
			Address: net.IP(q.subnet.Addr().AsSlice()),
		})
	}
	if q.useCookie {
		var octets [8]byte
		_, _ = rand.Read(octets[:])
		cookie = hex.EncodeToString(octets[:])
		opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	}
	m.Extra = append(m.Extra, opt)
	return m, cookie
}

// exchange asks each server as often as it may, until one answers; what does not is said.
func (d *digger) exchange(q query) (r reply, question *dns.Msg, err error) {
	err = errors.New("no servers")
	for _, to := range q.servers {
		question, _ = q.message()
		d.sending(q, question)
		tcp := q.tcp
		for tries := q.tries; tries > 0 && d.Err() == nil; {
			if r, err = ask(d.Context, question, to, tcp, q.timeout, d.passed()); err == nil {
				if !r.Truncated || tcp || q.ignore {
					if d.mended(q, question, r.Msg) {
						tries--
						continue
					}
					return r, question, nil
				}
				if tcp = true; q.comments && !d.short {
					fmt.Fprintln(d.Stdout, ";; Truncated, retrying in TCP mode.")
				}
				continue
			}
			d.complain(q, to, tcp, err)
			tries--
		}
	}
	return r, question, err
}

// maxPassed bounds the lines about what comes in place of one answer: anybody may send it.
const maxPassed = 10

// passed says what comes that is no answer to a question.
func (d *digger) passed() func(string) {
	left := maxPassed
	return func(what string) {
		if left--; left >= 0 {
			fmt.Fprintf(d.Stdout, ";; %s\n", what)
		}
	}
}

// mended asks again, where a server says how it wants to be asked.
func (d *digger) mended(q query, question, r *dns.Msg) bool {
	switch ours, theirs := question.IsEdns0(), r.IsEdns0(); {
	case r.Rcode == dns.RcodeBadCookie:
		return d.takeCookie(q, question, r)
	case r.Rcode == dns.RcodeBadVers && ours != nil && theirs != nil && theirs.Version() < ours.Version():
		if q.comments {
			fmt.Fprintf(d.Stdout, ";; BADVERS, retrying with EDNS version %d.\n", theirs.Version())
		}
		ours.SetVersion(theirs.Version())
		question.Id = dns.Id()
		d.sending(q, question)
		return true
	}
	return false
}

// takeCookie takes the cookie of a server that wants its own to be shown.
func (d *digger) takeCookie(q query, question, r *dns.Msg) bool {
	theirs, ours := cookieOf(r), cookieOf(question)
	if theirs == nil || ours == nil || len(theirs.Cookie) <= len(ours.Cookie) {
		return false
	}
	ours.Cookie = theirs.Cookie
	if question.Id = dns.Id(); q.comments {
		fmt.Fprintln(d.Stdout, ";; BADCOOKIE, retrying.")
	}
	return true
}

func cookieOf(m *dns.Msg) *dns.EDNS0_COOKIE {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if cookie, ok := o.(*dns.EDNS0_COOKIE); ok {
				return cookie
			}
		}
	}
	return nil
}

// complain says why a server has not answered.
func (d *digger) complain(q query, to server, tcp bool, err error) {
	reason := why(err)
	switch {
	case errors.Is(err, errBadPacket):
		fmt.Fprintf(d.Stdout, ";; Got bad packet: %s\n", printableName(reason))
	case errors.Is(err, errSetup) && tcp:
		fmt.Fprintf(d.Stdout, ";; Connection to %s(%s) for %s failed: %s.\n", to, printableName(to.name),
			bindNames(strings.TrimSuffix(q.name, ".")), reason)
		fmt.Fprintf(d.Stdout, ";; no servers could be reached\n")
	case errors.Is(err, errSetup):
		fmt.Fprintf(d.Stdout, ";; UDP setup with %s(%s) for %s failed: %s.\n", to, printableName(to.name),
			bindNames(strings.TrimSuffix(q.name, ".")), reason)
		fmt.Fprintf(d.Stdout, ";; no servers could be reached\n")
	default:
		fmt.Fprintf(d.Stdout, ";; communications error to %s: %s\n", to, reason)
		return
	}
	d.Exit(digSilence)
}

// silence is said when no server has answered.
func (d *digger) silence() {
	if d.Status() != digSilence {
		d.greet()
		fmt.Fprintln(d.Stdout, ";; no servers could be reached")
	}
	d.Exit(digSilence)
}

func (d *digger) greet() {
	fmt.Fprint(d.Stdout, d.greeting)
	d.greeting = ""
}

// sending shows a question before it goes.
func (d *digger) sending(q query, m *dns.Msg) {
	if !q.qr || d.short {
		return
	}
	d.greet()
	if q.comments {
		fmt.Fprintln(d.Stdout, ";; Sending:")
	}
	d.message(q, m, "", false)
	if octets, err := m.Pack(); err == nil && q.stats {
		fmt.Fprintf(d.Stdout, ";; QUERY SIZE: %d\n\n", len(octets))
	}
}

// message is header and sections; edns is that the question had EDNS.
func (d *digger) message(q query, m *dns.Msg, cookie string, edns bool) {
	if q.comments {
		headerText(d.Stdout, m)
		if m.Response && m.RecursionDesired && !m.RecursionAvailable {
			fmt.Fprintln(d.Stdout, ";; WARNING: recursion requested but not available")
		}
		if m.Response && edns && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) {
			fmt.Fprintf(d.Stdout, "\n;; WARNING: EDNS query returned status %s - retry with '%s+noedns'\n",
				rcodeName(m.Rcode), map[bool]string{true: "+nodnssec "}[q.dnssec])
		}
		fmt.Fprintln(d.Stdout)
		optText(d.Stdout, m, cookie)
	}
	q.sections(d.Stdout, m)
}

// print is a reply.
func (d *digger) print(q query, question *dns.Msg, r reply) {
	if r.lies {
		fmt.Fprintln(d.Stdout, ";; Warning: Message parser reports malformed message packet.")
	}
	d.greet()
	if d.short {
		for _, rr := range r.Answer {
			fmt.Fprint(d.Stdout, rdata(rr, q.split))
			if q.identify {
				fmt.Fprintf(d.Stdout, " from server %s in %d ms.", r.from.addr.Addr(), r.took.Milliseconds())
			}
			fmt.Fprintln(d.Stdout)
		}
		return
	}
	if q.comments {
		fmt.Fprintln(d.Stdout, ";; Got answer:")
	}
	sent := "-"
	if c := cookieOf(question); c != nil {
		sent = c.Cookie[:min(16, len(c.Cookie))]
	}
	d.message(q, r.Msg, sent, question.IsEdns0() != nil)
	switch {
	case q.stats:
		d.statistics(r)
		fmt.Fprintf(d.Stdout, ";; MSG SIZE  rcvd: %d\n\n", r.size)
	case q.identify:
		fmt.Fprintf(d.Stdout, ";; Received %d bytes from %s(%s) in %d ms\n\n", r.size, r.from,
			printableName(r.from.name), r.took.Milliseconds())
	}
}

func (d *digger) statistics(r reply) {
	transport := "UDP"
	if r.tcp {
		transport = "TCP"
	}
	fmt.Fprintf(d.Stdout, ";; Query time: %d msec\n;; SERVER: %s(%s) (%s)\n;; WHEN: %s\n",
		r.took.Milliseconds(), r.from, printableName(r.from.name), transport,
		time.Now().Format("Mon Jan 02 15:04:05 MST 2006"))
}
