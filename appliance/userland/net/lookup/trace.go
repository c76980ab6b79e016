package lookup

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// maxSteps is how many delegations a trace follows.
const maxSteps = 30

// trace asks for the servers of the root, and then goes down from delegation to delegation. Where the next
// servers are, the delegation's own addresses say, or the system's resolver.
func (d *digger) trace(q query) {
	root := q
	root.name, root.kind, root.class, root.recurse = ".", dns.TypeNS, dns.ClassINET, true
	r, _, err := d.exchange(root)
	if err != nil {
		d.silence()
		return
	}
	d.step(q, r)
	at := "."
	names := delegation(r.Answer, &at)
	for range maxSteps {
		if len(names) == 0 || d.Err() != nil {
			return
		}
		if r, err = d.askOne(q, names, r.Extra); err != nil {
			d.silence()
			return
		}
		d.step(q, r)
		if len(r.Answer) > 0 {
			return
		}
		was := at
		if names = delegation(r.Ns, &at); !dns.IsSubDomain(was, at) ||
			dns.CountLabel(at) <= dns.CountLabel(was) || !dns.IsSubDomain(at, q.name) {
			if len(names) > 0 {
				fmt.Fprintf(d.Stdout, ";; BAD (HORIZONTAL) REFERRAL\n")
			}
			return
		}
	}
	fmt.Fprintf(d.Stdout, ";; Too many lookups\n")
}

// delegation returns the names of the servers in records, and sets whose they are.
func delegation(records []dns.RR, zone *string) (names []string) {
	for _, rr := range records {
		if ns, ok := rr.(*dns.NS); ok {
			names, *zone = append(names, ns.Ns), ns.Hdr.Name
		}
	}
	return names
}

// askOne asks the servers of a zone one after the other, until one answers.
func (d *digger) askOne(q query, names []string, glue []dns.RR) (r reply, err error) {
	for _, name := range names {
		servers := d.within(name, glue)
		if len(servers) == 0 {
			if servers, err = d.find(d.Context, strings.TrimSuffix(name, ".")); err != nil {
				fmt.Fprintf(d.Stdout, ";; %v\n", err)
				continue
			}
		}
		q.servers = servers
		for i := range q.servers {
			q.servers[i].name = strings.TrimSuffix(bindNames(name), ".")
		}
		if r, _, err = d.exchange(q); err == nil {
			return r, nil
		}
	}
	return r, err
}

// within are the addresses that a delegation has for its servers.
func (d *digger) within(name string, glue []dns.RR) (all []server) {
	for _, rr := range glue {
		if text := addressOf(rr); text != "" && sameName(rr.Header().Name, name) {
			if found, err := d.find(d.Context, text); err == nil {
				all = append(all, found...)
			}
		}
	}
	return all
}

func addressOf(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.String()
	case *dns.AAAA:
		return rr.AAAA.String()
	}
	return ""
}

// step prints a reply of a trace.
func (d *digger) step(q query, r reply) {
	d.greet()
	if d.short {
		for _, rr := range r.Answer {
			fmt.Fprintf(d.Stdout, "%s %s from server %s in %d ms.\n", typeName(rr.Header().Rrtype),
				rdata(rr, q.split), r.from.addr.Addr(), r.took.Milliseconds())
		}
		return
	}
	if q.comments {
		d.message(q, r.Msg, "-", false)
	} else {
		q.sections(d.Stdout, r.Msg)
	}
	fmt.Fprintf(d.Stdout, ";; Received %d bytes from %s(%s) in %d ms\n\n", r.size, r.from,
		printableName(r.from.name), r.took.Milliseconds())
}
