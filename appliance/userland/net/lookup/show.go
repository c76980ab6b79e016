package lookup

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// A style is which parts of a message are shown, and how.
type style struct {
	comments, question, answer, authority, additional bool
	ttl, class, units                                 bool
	split                                             int
}

// Columns of a record, as dig's.
const (
	ttlColumn   = 24
	classColumn = 32
	typeColumn  = 40
	dataColumn  = 48
	tab         = 8
)

// A line is filled up to columns with tabs, and a space where there is no room for one.
type line struct {
	b      strings.Builder
	column int
}

func (l *line) add(s string) { l.b.WriteString(s); l.column += len(s) }

func (l *line) to(column int) {
	column = max(column, l.column+1)
	if tabs := column/tab - l.column/tab; tabs > 0 {
		l.b.WriteString(strings.Repeat("\t", tabs))
		l.column = column / tab * tab
	}
	l.b.WriteString(strings.Repeat(" ", column-l.column))
	l.column = column
}

// record is a record as a line without its end.
func (s style) record(rr dns.RR) string {
	h := rr.Header()
	var l line
	l.add(bindNames(h.Name))
	if s.ttl {
		l.to(ttlColumn)
		if s.units {
			l.add(units(h.Ttl))
		} else {
			l.add(strconv.FormatUint(uint64(h.Ttl), 10))
		}
	}
	forward := 0 // what is left out leaves no column
	if !s.ttl {
		forward += tab
	}
	if s.class {
		l.to(classColumn - forward)
		l.add(className(h.Class))
	} else {
		forward += tab
	}
	l.to(typeColumn - forward)
	l.add(typeName(h.Rrtype))
	l.to(dataColumn - forward)
	return l.b.String() + rdata(rr, s.split)
}

// units is a time to live as dig has it: 1d2h3m4s.
func units(ttl uint32) string {
	if ttl == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		letter  byte
		seconds uint32
	}{{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}} {
		if n := ttl / u.seconds; n > 0 {
			fmt.Fprintf(&b, "%d%c", n, u.letter)
			ttl %= u.seconds
		}
	}
	return b.String()
}

func typeName(kind uint16) string {
	if name, ok := dns.TypeToString[kind]; ok {
		return name
	}
	return "TYPE" + strconv.Itoa(int(kind))
}

func className(class uint16) string {
	if name, ok := dns.ClassToString[class]; ok {
		return name
	}
	return "CLASS" + strconv.Itoa(int(class))
}

func rcodeName(rcode int) string {
	switch rcode {
	case dns.RcodeBadVers:
		return "BADVERS"
	case dns.RcodeNotImplemented:
		return "NOTIMP"
	}
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return "RESERVED" + strconv.Itoa(rcode)
}

func opcodeName(opcode int) string {
	if name, ok := dns.OpcodeToString[opcode]; ok {
		return name
	}
	return "RESERVED" + strconv.Itoa(opcode)
}

// headerText is the header, in two lines.
func headerText(w io.Writer, m *dns.Msg) {
	fmt.Fprintf(w, ";; ->>HEADER<<- opcode: %s, status: %s, id: %d\n;; flags:", opcodeName(m.Opcode),
		rcodeName(m.Rcode), m.Id)
	for _, f := range []struct {
		set  bool
		name string
	}{
		{m.Response, "qr"}, {m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"},
		{m.RecursionAvailable, "ra"},
		{m.AuthenticatedData, "ad"}, {m.CheckingDisabled, "cd"},
	} {
		if f.set {
			fmt.Fprintf(w, " %s", f.name)
		}
	}
	fmt.Fprintf(w, "; QUERY: %d, ANSWER: %d, AUTHORITY: %d, ADDITIONAL: %d\n", len(m.Question), len(m.Answer),
		len(m.Ns), len(m.Extra))
}

// sections are the message below its header.
func (s style) sections(w io.Writer, m *dns.Msg) {
	if s.question && len(m.Question) > 0 {
		s.title(w, "QUESTION")
		for _, q := range m.Question {
			fmt.Fprintf(w, ";%s\n", questionText(q))
		}
		s.end(w)
	}
	s.section(w, s.answer, "ANSWER", m.Answer)
	s.section(w, s.authority, "AUTHORITY", m.Ns)
	s.section(w, s.additional, "ADDITIONAL", m.Extra)
}

func questionText(q dns.Question) string {
	var l line
	l.add(bindNames(q.Name))
	l.to(classColumn)
	l.add(className(q.Qclass))
	l.to(typeColumn)
	l.add(typeName(q.Qtype))
	return l.b.String()
}

func (s style) section(w io.Writer, shown bool, name string, records []dns.RR) {
	if records = withoutOPT(records); !shown || len(records) == 0 {
		return
	}
	s.title(w, name)
	for _, rr := range records {
		fmt.Fprintln(w, s.record(rr))
	}
	s.end(w)
}

func (s style) title(w io.Writer, name string) {
	if s.comments {
		fmt.Fprintf(w, ";; %s SECTION:\n", name)
	}
}

func (s style) end(w io.Writer) {
	if s.comments {
		fmt.Fprintln(w)
	}
}

func withoutOPT(records []dns.RR) (all []dns.RR) {
	for _, rr := range records {
		if rr.Header().Rrtype != dns.TypeOPT {
			all = append(all, rr)
		}
	}
	return all
}

// optText is the pseudo section of EDNS. The cookie is of the question, "" for the question itself.
func optText(w io.Writer, m *dns.Msg, cookie string) {
	opt := m.IsEdns0()
	if opt == nil {
		return
	}
	flags := ""
	if opt.Do() {
		flags = " do"
	}
	fmt.Fprintf(w, ";; OPT PSEUDOSECTION:\n; EDNS: version: %d, flags:%s; udp: %d\n", opt.Version(), flags,
		opt.UDPSize())
	for _, o := range opt.Option {
		fmt.Fprintf(w, "; %s\n", optionText(o, cookie))
	}
}

func optionText(o dns.EDNS0, cookie string) string {
	switch o := o.(type) {
	case *dns.EDNS0_NSID:
		if o.Nsid == "" {
			return "NSID:"
		}
		octets, err := hex.DecodeString(o.Nsid)
		if err != nil {
			return "NSID:"
		}
		return "NSID: " + hexAndText(octets)
	case *dns.EDNS0_SUBNET:
		return fmt.Sprintf("CLIENT-SUBNET: %s/%d/%d", o.Address, o.SourceNetmask, o.SourceScope)
	case *dns.EDNS0_COOKIE:
		switch {
		case cookie == "":
			return "COOKIE: " + o.Cookie
		case len(o.Cookie) > len(cookie) && strings.HasPrefix(o.Cookie, cookie):
			return "COOKIE: " + o.Cookie + " (good)"
		case o.Cookie == cookie:
			return "COOKIE: " + o.Cookie + " (echoed)"
		}
		return "COOKIE: " + o.Cookie + " (bad)"
	case *dns.EDNS0_EDE:
		text := fmt.Sprintf("EDE: %d", o.InfoCode)
		if name := dns.ExtendedErrorCodeToString[o.InfoCode]; name != "" {
			text += " (" + name + ")"
		}
		if o.ExtraText != "" {
			text += ": (" + dots([]byte(o.ExtraText)) + ")"
		}
		return text
	case *dns.EDNS0_TCP_KEEPALIVE:
		return fmt.Sprintf("TCP-KEEPALIVE: %d.%d secs", o.Timeout/10, o.Timeout%10)
	case *dns.EDNS0_PADDING:
		return fmt.Sprintf("PAD: (%d bytes)", len(o.Padding))
	case *dns.EDNS0_LOCAL:
		return fmt.Sprintf("OPT=%d: %s", o.Code, hexAndText(o.Data))
	}
	return fmt.Sprintf("OPT=%d", o.Option())
}

// hexAndText is octets as dig shows those of options: 6e 73 31 ("ns1").
func hexAndText(octets []byte) string {
	if len(octets) == 0 {
		return ""
	}
	return fmt.Sprintf("% x (\"%s\")", octets, dots(octets))
}

// dots has a dot in place of each octet that is not printable.
func dots(octets []byte) string {
	text := make([]byte, len(octets))
	for i, c := range octets {
		if text[i] = c; c < ' ' || c > '~' {
			text[i] = '.'
		}
	}
	return string(text)
}
