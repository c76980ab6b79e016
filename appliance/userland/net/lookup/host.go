package lookup

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const hostHelp = `  -t TYPE   what is asked for; else addresses and mail, or an address's name
  -c CLASS  CH, HS
  -a        -v -t ANY
  -v -d     the whole replies
  -l        the hosts of a zone, by a transfer
  -C        the SOA of each server of a zone
  -r        not recursively
  -T        by TCP
  -4 -6     by IPv4 or IPv6 only
  -p PORT   of the server
  -W S      wait S seconds; -w: for ever
  -R N      try N times more
  -N N      names with N dots are not looked for in the search list
`

// A hoster is one run of host.
type hoster struct {
	digger
	base    query
	verbose bool
	named   bool   // a server was named, and is to be shown
	typed   bool   // a type was asked for
	shown   string // the name without what belongs to the wire
}

func host(c *command.Call) {
	h := &hoster{digger: digger{Call: c}}
	if !h.options() {
		return
	}
	conf, err := readConf()
	if err != nil {
		c.Warn(err)
	}
	if n, given := c.Value('N'); given {
		if conf.ndots, err = strconv.Atoi(n); err != nil {
			c.Misused("-N: expected a number of dots")
			return
		}
	}
	h.conf = conf
	if h.base.servers = h.ours(conf); len(c.Args) == 2 {
		h.named = true
		if h.base.servers, err = h.find(c.Context, c.Args[1]); err != nil {
			c.Fail(err)
			return
		}
	}
	h.run(c.Args[0])
}

// options reads them, and reports whether all is well.
func (h *hoster) options() bool {
	h.port, h.base = 53, newQuery()
	q := &h.base
	q.edns, q.ad, q.tries, q.stats = -1, false, 2, false
	h.verbose = h.Has('v') || h.Has('a') || h.Has('d')
	q.comments, q.tcp, q.recurse = h.verbose, h.Has('T'), !h.Has('r')
	h.only4, h.only6 = h.Has('4'), h.Has('6')
	if h.Has('a') {
		q.kind, h.typed = dns.TypeANY, true
	}
	for _, o := range h.Options {
		n, numberErr := strconv.ParseUint(o.Value, 10, 16)
		switch o.Letter {
		case 't':
			kind, ok := parseType(o.Value)
			if !ok || kind == dns.TypeAXFR {
				h.Warn(fmt.Errorf("invalid type: %s", printableName(o.Value)))
				h.Exit(2)
				return false
			}
			q.kind, h.typed = kind, true
		case 'c':
			class, ok := dns.StringToClass[strings.ToUpper(o.Value)]
			if !ok {
				h.Warn(fmt.Errorf("invalid class: %s", printableName(o.Value)))
				h.Exit(2)
				return false
			}
			q.class, h.typed = class, true
		case 'W', 'R', 'p':
			if numberErr != nil {
				h.Misused("-%c: expected a number", o.Letter)
				return false
			}
			switch o.Letter {
			case 'W':
				q.timeout = max(time.Duration(n)*time.Second, time.Second)
			case 'R':
				q.tries = max(int(n), 1) + 1
			case 'p':
				h.port = uint16(n)
			}
		case 'w':
			q.timeout = 24 * time.Hour
		}
	}
	if len(h.Args) < 1 || len(h.Args) > 2 {
		h.Misused("expected a name, and perhaps a server")
		return false
	}
	return true
}

// run asks what the options want to know of a name.
func (h *hoster) run(name string) {
	names := h.conf.candidates(name)
	if a, err := netip.ParseAddr(name); err == nil {
		names = []string{reverse(a.String())}
		if a.Is6() {
			names[0] = strings.TrimSuffix(names[0], ".")
		}
		if !h.typed {
			h.base.kind, h.typed = dns.TypePTR, true
		}
	}
	for _, n := range names {
		if err := legal(n); err != nil {
			h.Fail(err)
			return
		}
	}
	switch {
	case h.Has('l'):
		h.zone(names[0])
	case h.Has('C'):
		h.authorities(names[0])
	case h.typed:
		h.one(names, h.base.kind)
	default:
		h.everything(names)
	}
}

// everything is addresses and mail, for the name that the first answer is about.
func (h *hoster) everything(names []string) {
	r, ok := h.one(names, dns.TypeA)
	if !ok {
		return
	}
	end := chased(r.Msg)
	for _, kind := range []uint16{dns.TypeAAAA, dns.TypeMX} {
		if _, ok := h.one([]string{end}, kind); !ok {
			return
		}
	}
}

// chased is the name at the end of the aliases of a reply.
func chased(r *dns.Msg) string {
	name := r.Question[0].Name
	for range r.Answer {
		for _, rr := range r.Answer {
			if alias, ok := rr.(*dns.CNAME); ok && sameName(alias.Hdr.Name, name) {
				name = alias.Target
			}
		}
	}
	return strings.TrimSuffix(name, ".")
}

// one asks for one type, for the first name that there is; ok is false where there is no answer.
func (h *hoster) one(names []string, kind uint16) (r reply, ok bool) {
	q := h.base
	q.kind = kind
	for i, name := range names {
		if h.verbose {
			fmt.Fprintf(h.Stdout, "Trying \"%s\"\n", bindNames(strings.TrimSuffix(name, ".")))
		}
		q.name, h.shown = dns.Fqdn(name), name
		var err error
		if r, _, err = h.exchange(q); err != nil {
			if h.silence(); h.Status() == digSilence {
				h.Exit(1)
			}
			return r, false
		}
		if r.Rcode != dns.RcodeNameError || i == len(names)-1 {
			return r, h.print(q, r)
		}
	}
	return r, false
}

// print is a reply; it reports whether the name is there.
func (h *hoster) print(q query, r reply) bool {
	h.showServer(r.from)
	switch {
	case r.Rcode != dns.RcodeSuccess:
		fmt.Fprintf(h.Stdout, "Host %s not found: %d(%s)\n", bindNames(h.shown), r.Rcode, rcodeName(r.Rcode))
		h.Exit(1)
	case h.verbose:
		headerText(h.Stdout, r.Msg)
		fmt.Fprintln(h.Stdout)
		q.sections(h.Stdout, r.Msg)
	default:
		for _, rr := range r.Answer {
			fmt.Fprintln(h.Stdout, sentence(rr))
		}
		if h.typed && len(r.Answer) == 0 && q.kind != dns.TypeANY {
			fmt.Fprintf(h.Stdout, "%s has no %s record\n", bindNames(h.shown), typeName(q.kind))
		}
	}
	if h.verbose {
		fmt.Fprintf(h.Stdout, "Received %d bytes from %s in %d ms\n", r.size, r.from, r.took.Milliseconds())
	}
	return r.Rcode == dns.RcodeSuccess
}

func (h *hoster) showServer(s server) {
	if h.named {
		fmt.Fprintf(h.Stdout, "Using domain server:\nName: %s\nAddress: %s\nAliases: \n\n",
			printableName(s.name), s)
		h.named = false
	}
}

// sentence is a record in words.
func sentence(rr dns.RR) string {
	words := map[uint16]string{
		dns.TypeA: "has address", dns.TypeAAAA: "has IPv6 address", dns.TypeCNAME: "is an alias for",
		dns.TypeNS: "name server", dns.TypePTR: "domain name pointer", dns.TypeMX: "mail is handled by",
		dns.TypeTXT: "descriptive text", dns.TypeHINFO: "host information", dns.TypeLOC: "location",
		dns.TypeKEY: "has key", dns.TypeSIG: "has signature", dns.TypeX25: "x25 address",
		dns.TypeISDN: "ISDN address",
	}
	name, kind := bindNames(strings.TrimSuffix(rr.Header().Name, ".")), rr.Header().Rrtype
	if name == "" {
		name = "."
	}
	text := words[kind]
	if text == "" {
		text = "has " + typeName(kind) + " record"
	}
	return fmt.Sprintf("%s %s %s", name, text, rdata(rr, splitWidth))
}

// zone lists the hosts of one.
func (h *hoster) zone(name string) {
	q := h.base
	q.name, q.kind, h.shown = dns.Fqdn(name), dns.TypeAXFR, name
	for _, to := range q.servers {
		question, _ := q.message()
		t, err := receive(h.Context, question, to, q.timeout, func(rr dns.RR) {
			h.showServer(to)
			switch kind := rr.Header().Rrtype; {
			case h.verbose:
				fmt.Fprintln(h.Stdout, q.record(rr))
			case h.typed && (kind == h.base.kind || h.base.kind == dns.TypeANY), !h.typed && isHost(kind):
				fmt.Fprintln(h.Stdout, sentence(rr))
			}
		})
		switch {
		case err == nil:
			return
		case errors.Is(err, errRefused):
			if t.rcode != dns.RcodeSuccess {
				fmt.Fprintf(h.Stdout, "Host %s not found: %d(%s)\n", bindNames(name), t.rcode,
					rcodeName(t.rcode))
			}
			fmt.Fprintln(h.Stdout, "; Transfer failed.")
			h.Exit(1)
			return
		case t.messages > 0:
			fmt.Fprintf(h.Stdout, "; Transfer failed: %s\n", printableName(why(err)))
			h.Exit(1)
			return
		}
		h.complain(q, to, true, err)
	}
	h.silence()
	h.Exit(1)
}

// isHost reports whether a list of a zone has records of a type.
func isHost(kind uint16) bool {
	return kind == dns.TypeA || kind == dns.TypeAAAA || kind == dns.TypeNS || kind == dns.TypePTR
}

// authorities asks each server of a zone for its SOA.
func (h *hoster) authorities(name string) {
	q := h.base
	q.name, q.kind, h.shown = dns.Fqdn(name), dns.TypeNS, name
	r, _, err := h.exchange(q)
	if err != nil {
		h.silence()
		h.Exit(1)
		return
	}
	if r.Rcode != dns.RcodeSuccess {
		h.print(q, r)
		return
	}
	at := ""
	for _, ns := range delegation(r.Answer, &at) {
		servers := h.within(ns, r.Extra)
		if len(servers) == 0 {
			if servers, err = h.find(h.Context, strings.TrimSuffix(ns, ".")); err != nil {
				h.Fail(err)
				continue
			}
		}
		for _, s := range servers {
			h.authority(q, s)
		}
	}
}

func (h *hoster) authority(q query, s server) {
	q.kind, q.servers, q.recurse = dns.TypeSOA, []server{s}, false
	r, _, err := h.exchange(q)
	if err != nil {
		h.Exit(1)
		return
	}
	fmt.Fprintf(h.Stdout, "Nameserver %s:\n", s.addr.Addr())
	for _, rr := range r.Answer {
		fmt.Fprintf(h.Stdout, "\t%s\n", sentence(rr))
	}
}
