package ss

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// An end of a connection. Of a socket of Unix the port is its inode, of packets its link; they have no
// address.
type end struct {
	addr netip.Addr
	port int
}

// newEnd is a; IPv4 in IPv6 is IPv4.
func newEnd(a netip.AddrPort) end { return end{a.Addr().Unmap(), int(a.Port())} }

// A filter chooses sockets; nil: all.
type filter func(local, remote end, link uint32) bool

func (f filter) match(local, remote end, link uint32) bool { return f == nil || f(local, remote, link) }

// maxDepth bounds how deep parentheses and nots go.
const maxDepth = 50

// parser reads the words of a filter.
type parser struct {
	words []string
	depth int
}

// parseFilter reads a filter. A word of the command line may be several.
func parseFilter(args []string) (filter, error) {
	p := &parser{words: strings.Fields(strings.Join(args, " "))}
	if len(p.words) == 0 {
		return nil, nil
	}
	f, err := p.list()
	if err == nil && len(p.words) > 0 {
		err = fmt.Errorf("%s: expected nothing more", p.words[0])
	}
	return f, err
}

// next takes the next word if it is one of some.
func (p *parser) next(some ...string) bool {
	if len(p.words) == 0 || !slices.Contains(some, p.words[0]) {
		return false
	}
	p.words = p.words[1:]
	return true
}

// list reads conditions with and, or or nothing between them; both bind alike, from the left.
func (p *parser) list() (filter, error) {
	f, err := p.condition()
	for err == nil && len(p.words) > 0 && p.words[0] != ")" {
		before, or := f, p.next("|", "||", "or")
		if !or {
			p.next("&", "&&", "and")
		}
		var after filter
		after, err = p.condition()
		f = func(l, r end, link uint32) bool {
			if before(l, r, link) == or {
				return or
			}
			return after(l, r, link)
		}
	}
	return f, err
}

// condition reads one condition.
func (p *parser) condition() (filter, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("the filter is too deep")
	}
	defer func() { p.depth-- }()
	switch {
	case p.next("("):
		f, err := p.list()
		if err == nil && !p.next(")") {
			err = fmt.Errorf("expected )")
		}
		return f, err
	case p.next("!", "not"):
		f, err := p.condition()
		return func(l, r end, link uint32) bool { return !f(l, r, link) }, err
	case p.next("src"):
		c, err := p.host()
		return func(l, _ end, _ uint32) bool { return c.match(l) }, err
	case p.next("dst"):
		c, err := p.host()
		return func(_, r end, _ uint32) bool { return c.match(r) }, err
	case p.next("sport"):
		c, err := p.port()
		return func(l, _ end, _ uint32) bool { return c(l.port) }, err
	case p.next("dport"):
		c, err := p.port()
		return func(_, r end, _ uint32) bool { return c(r.port) }, err
	case p.next("dev"):
		return p.device()
	case len(p.words) == 0:
		return nil, fmt.Errorf("expected a condition: src, dst, sport, dport, dev")
	}
	return nil, fmt.Errorf("%s: expected src, dst, sport, dport, dev, not or (", p.words[0])
}

// operand takes the next word.
func (p *parser) operand(what string) (string, error) {
	if len(p.words) == 0 {
		return "", fmt.Errorf("expected %s", what)
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word, nil
}

// device reads the link that a socket is bound to.
func (p *parser) device() (filter, error) {
	is := !p.next("!=", "ne", "neq")
	p.next("=", "==", "eq")
	name, err := p.operand("a link")
	if err != nil {
		return nil, err
	}
	l, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("%s: expected a link", name)
	}
	return func(_, _ end, link uint32) bool { return (link == uint32(l.Index)) == is }, nil
}

// port reads a comparison of ports.
func (p *parser) port() (func(int) bool, error) {
	compare := func(a, b int) bool { return a == b }
	switch {
	case p.next(">=", "ge", "geq"):
		compare = func(a, b int) bool { return a >= b }
	case p.next("<=", "le", "leq"):
		compare = func(a, b int) bool { return a <= b }
	case p.next("!=", "ne", "neq"):
		compare = func(a, b int) bool { return a != b }
	case p.next(">", "gt"):
		compare = func(a, b int) bool { return a > b }
	case p.next("<", "lt"):
		compare = func(a, b int) bool { return a < b }
	default:
		p.next("=", "==", "eq")
	}
	word, err := p.operand("a port")
	if err != nil {
		return nil, err
	}
	n, err := parsePort(strings.TrimPrefix(word, ":"))
	return func(port int) bool { return compare(port, n) }, err
}

// parsePort reads a port, or the name of one of the few that the library knows.
func parsePort(word string) (int, error) {
	if n, err := strconv.ParseUint(word, 0, 16); err == nil {
		return int(n), nil
	}
	if n, err := net.LookupPort("tcp", word); err == nil && word != "" {
		return n, nil
	}
	return 0, fmt.Errorf("%s: expected a port like :22", word)
}

// host is an address with a port; what is not given matches all.
type host struct {
	prefix netip.Prefix
	port   int // -1: any
}

func (h host) match(e end) bool {
	return (h.port < 0 || h.port == e.port) && (!h.prefix.IsValid() || h.prefix.Contains(e.addr))
}

// host reads an address behind a sign, or none.
func (p *parser) host() (host, error) {
	p.next("=", "==", "eq")
	word, err := p.operand("an address")
	if err != nil {
		return host{}, err
	}
	return parseHost(word)
}

// parseHost reads 192.0.2.1, 192.0.2.0/24:22, [2001:db8::1]:22, 2001:db8::1, :22, *:22.
func parseHost(word string) (h host, err error) {
	bad := fmt.Errorf("%s: expected an address like 192.0.2.1, 192.0.2.0/24:22, [2001:db8::1]:22 or :22",
		word)
	addr, port := word, ""
	switch {
	case strings.HasPrefix(word, "["):
		var rest string
		var closed bool
		addr, rest, closed = strings.Cut(word[1:], "]")
		if !closed {
			return h, bad
		}
		if length, after, ok := strings.Cut(rest, ":"); ok {
			rest, port = length, after
		}
		addr += rest
	case strings.Count(word, ":") == 1:
		addr, port, _ = strings.Cut(word, ":")
	}
	h.port = -1
	if port != "" && port != "*" {
		if h.port, err = parsePort(port); err != nil {
			return h, err
		}
	}
	if addr == "" || addr == "*" {
		return h, nil
	}
	h.prefix, err = netip.ParsePrefix(addr)
	if a, notAddr := netip.ParseAddr(addr); notAddr == nil {
		h.prefix, err = netip.PrefixFrom(a.Unmap().WithZone(""), a.Unmap().BitLen()), nil
	}
	if err != nil {
		return h, bad
	}
	return h, nil
}
