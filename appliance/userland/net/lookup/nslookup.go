package lookup

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const nslookupHelp = `  -type=TYPE  soa ns a aaaa cname mx txt ptr srv any; also more than once
  -debug      how long each question took
Without SERVER those of the system are asked, and a NAME without a dot is
looked for in its domains.
`

// A nslooker is one run of nslookup, as busybox has it.
type nslooker struct {
	digger
	debug   bool
	kinds   []uint16
	heading bool // the server was shown
	asked   int
}

func nslookup(c *command.Call) {
	n := &nslooker{digger: digger{Call: c, endpoint: endpoint{port: 53}}}
	args := c.Args
	for ; len(args) > 0 && strings.HasPrefix(args[0], "-"); args = args[1:] {
		if err := n.option(args[0][1:]); err != nil {
			c.Misused("%v", err)
			return
		}
	}
	if len(args) < 1 || len(args) > 2 {
		c.Misused("expected a name, and perhaps a server")
		return
	}
	conf, err := readConf()
	if err != nil {
		c.Warn(err)
	}
	q := newQuery()
	q.timeout = 2500 * time.Millisecond // all in all 5 s
	q.edns, q.ad, q.comments, q.tries = -1, false, false, 2
	if q.servers = n.ours(conf); len(args) == 2 {
		if q.servers, err = n.named(args[1]); err != nil {
			c.Fail(err)
			return
		}
		conf.search = nil
	}
	n.run(q, args[0], conf)
}

// option reads a word behind its dash.
func (n *nslooker) option(word string) error {
	name, value, _ := strings.Cut(word, "=")
	switch {
	case name != "" && (strings.HasPrefix("type", name) || strings.HasPrefix("querytype", name)):
		kind := dns.StringToType[strings.ToUpper(value)]
		if !slices.Contains(nslookupTypes(), kind) {
			return fmt.Errorf("invalid query type %q", value)
		}
		n.kinds = append(n.kinds, kind)
		return nil
	case name != "" && strings.HasPrefix("debug", name):
		n.debug = true
		return nil
	}
	return fmt.Errorf("unknown option -%s", printableName(word))
}

// nslookupTypes are those that are asked for, in this order.
func nslookupTypes() []uint16 {
	return []uint16{
		dns.TypeSOA, dns.TypeNS, dns.TypeA, dns.TypeAAAA, dns.TypeCNAME, dns.TypeMX, dns.TypeTXT, dns.TypePTR,
		dns.TypeSRV, dns.TypeANY,
	}
}

// named is a server by address or name, a port behind it perhaps.
func (n *nslooker) named(text string) ([]server, error) {
	if a, err := netip.ParseAddrPort(text); err == nil {
		return []server{{a, text}}, nil
	}
	e, name := n.endpoint, text
	if host, port, ok := strings.Cut(text, ":"); ok && !strings.Contains(port, ":") {
		a, err := netip.ParseAddrPort("0.0.0.0:" + port)
		if err != nil {
			return nil, fmt.Errorf("bad address '%s'", printableName(text))
		}
		e.port, name = a.Port(), host
	}
	all, err := e.find(n.Context, name)
	if err != nil {
		return nil, fmt.Errorf("bad address '%s'", printableName(text))
	}
	for i := range all {
		all[i].name = text
	}
	return all, nil
}

func (n *nslooker) run(q query, name string, conf resolvConf) {
	names := []string{name}
	if a, err := netip.ParseAddr(name); err == nil && len(n.kinds) == 0 {
		names, n.kinds = []string{strings.TrimSuffix(reverse(a.String()), ".")}, []uint16{dns.TypePTR}
	} else if !strings.Contains(name, ".") && len(conf.search) > 0 {
		names = nil
		for _, domain := range conf.search {
			names = append(names, name+"."+strings.Trim(domain, "."))
		}
	}
	if len(n.kinds) == 0 {
		n.kinds = []uint16{dns.TypeA, dns.TypeAAAA}
	}
	for _, name := range names {
		if err := legal(name); err != nil {
			n.Fail(err)
			return
		}
		for _, kind := range nslookupTypes() {
			if !slices.Contains(n.kinds, kind) {
				continue
			}
			q.name, q.kind = dns.Fqdn(name), kind
			if !n.ask(q, name) {
				return
			}
		}
	}
}

// ask asks one question; it reports whether somebody has answered.
func (n *nslooker) ask(q query, name string) bool {
	r, err := n.first(&q)
	if err != nil {
		if n.Warn(err); n.Context.Err() == nil {
			fmt.Fprint(n.Stdout, ";; connection timed out; no servers could be reached\n\n")
		}
		n.Exit(1)
		return false
	}
	if !n.heading {
		fmt.Fprintf(n.Stdout, "Server:\t\t%s\nAddress:\t%s\n\n", printableName(r.from.name), r.from.addr)
		n.heading = true
	}
	if n.debug {
		fmt.Fprintf(n.Stdout, "Query #%d completed in %dms:\n", n.asked, r.took.Milliseconds())
	}
	n.asked++
	n.show(r, name)
	fmt.Fprintln(n.Stdout)
	return true
}

// first asks the servers in turn, each for as long as it may take.
func (n *nslooker) first(q *query) (r reply, err error) {
	question, _ := q.message()
	for range q.tries {
		for _, to := range q.servers {
			if r, err = ask(n.Context, question, to, false, q.timeout, func(string) {}); err == nil &&
				r.Truncated {
				r, err = ask(n.Context, question, to, true, q.timeout, func(string) {})
			}
			if err == nil {
				return r, nil
			}
			err = fmt.Errorf("%s: %s", to.addr, printableName(why(err)))
			if n.Context.Err() != nil {
				return r, err
			}
			time.Sleep(10 * time.Millisecond) // who refuses is not asked at once
		}
	}
	return r, err
}

// show is a reply.
func (n *nslooker) show(r reply, name string) {
	if r.Rcode != dns.RcodeSuccess {
		fmt.Fprintf(n.Stdout, "** server can't find %s: %s\n", bindNames(name), rcodeName(r.Rcode))
		n.Exit(1)
		return
	}
	switch {
	case !r.Authoritative:
		fmt.Fprintln(n.Stdout, "Non-authoritative answer:")
	case n.debug:
		fmt.Fprintln(n.Stdout, "authoritative answer:")
	}
	for _, rr := range r.Answer {
		n.record(rr)
	}
}

// record is one in busybox's words. Texts and names are escaped, which busybox's are not.
func (n *nslooker) record(rr dns.RR) {
	plain := func(name string) string { return bindNames(strings.TrimSuffix(name, ".")) }
	w, name := n.Stdout, plain(rr.Header().Name)
	switch rr := rr.(type) {
	case *dns.A:
		fmt.Fprintf(w, "Name:\t%s\nAddress: %s\n", name, rr.A)
	case *dns.AAAA:
		fmt.Fprintf(w, "Name:\t%s\nAddress: %s\n", name, rdata(rr, 0))
	case *dns.NS:
		fmt.Fprintf(w, "%s\tnameserver = %s\n", name, plain(rr.Ns))
	case *dns.CNAME:
		fmt.Fprintf(w, "%s\tcanonical name = %s\n", name, plain(rr.Target))
	case *dns.PTR:
		fmt.Fprintf(w, "%s\tname = %s\n", name, plain(rr.Ptr))
	case *dns.MX:
		fmt.Fprintf(w, "%s\tmail exchanger = %d %s\n", name, rr.Preference, plain(rr.Mx))
	case *dns.SRV:
		fmt.Fprintf(w, "%s\tservice = %d %d %d %s\n", name, rr.Priority, rr.Weight, rr.Port, plain(rr.Target))
	case *dns.TXT:
		fmt.Fprintf(w, "%s\ttext = %s\n", name, rdata(rr, 0))
	case *dns.SOA:
		fmt.Fprintf(w, "%s\n\torigin = %s\n\tmail addr = %s\n\tserial = %d\n\trefresh = %d\n\tretry = %d\n\texpire = %d\n\tminimum = %d\n",
			name, plain(rr.Ns), plain(rr.Mbox), rr.Serial, rr.Refresh, rr.Retry, rr.Expire, rr.Minttl)
	}
}
