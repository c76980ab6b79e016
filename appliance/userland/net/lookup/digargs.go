package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const digHelp = `  -x ADDRESS             the name of an address
  -t TYPE -c CLASS -q NAME   for what would be taken for something else
  -p PORT  -4  -6        where, and by what, servers are asked
  +short                 what the answers say, and nothing else
  +noall +answer         what is shown: question answer authority additional
                           comments cmd stats
  +trace                 from the root on, server by server
  +tcp +ignore           by TCP; not by TCP when a reply is cut off
  +time=S +tries=N +retry=N   how long, how often: 5 seconds, three times
  +norecurse +noadflag +cdflag +aaflag +dnssec      flags of the question
  +bufsize=N +edns=N +noedns +nocookie +nsid +subnet=NETWORK        EDNS
  +nottlid +noclass +ttlunits +split=N +identify +qr +onesoa    how it looks
  +search +domain=NAME +ndots=N    the search list, which is not used else
What is before the first NAME is for all, what is behind one for that one.
Exit status 9: no server has answered.
`

// A query is what one name is asked for, and how.
type query struct {
	name    string
	kind    uint16
	class   uint16
	kindSet bool
	servers []server
	style
	stats, identify, qr, onesoa                  bool
	tcp, ignore, trace, search                   bool
	recurse, ad, cd, aa, dnssec, nsid, useCookie bool
	edns                                         int // version; below 0: none
	bufsize                                      uint16
	subnet                                       netip.Prefix
	timeout                                      time.Duration
	tries                                        int
}

func newQuery() query {
	return query{
		kind: dns.TypeA, class: dns.ClassINET, stats: true, recurse: true, ad: true, useCookie: true,
		style: style{
			comments: true, question: true, answer: true, authority: true, additional: true, ttl: true,
			class: true, split: splitWidth,
		},
		bufsize: 1232, timeout: 5 * time.Second, tries: 3,
	}
}

// A digLine is a command line of dig.
type digLine struct {
	endpoint
	queries []query
	domain  string // in place of the search list
	ndots   int    // below 0: as the system has it
	short   bool   // what answers say, and nothing else
	cmd     bool   // the command line is shown
	found   int    // how many addresses the server for all has; 0: none was named
	help    bool
}

// errUsage is a command line that dig explains itself after; errValue one whose value is wrong.
var errUsage, errValue = errors.New("invalid option"), errors.New("couldn't parse")

// A digParser reads words; find resolves servers.
type digParser struct {
	line   digLine
	all    query  // what holds for all names
	now    *query // where options go
	closed bool   // words are names, since -t or -c were used
	find   func(context.Context, endpoint, string) ([]server, error)
	warn   func(format string, args ...any)
}

func (p *digParser) parse(ctx context.Context, args []string) error {
	p.all, p.line.port, p.line.ndots, p.line.cmd = newQuery(), 53, -1, true
	p.now = &p.all
	var at []func() error // servers are looked for with all options known
	for i := 0; i < len(args); i++ {
		word := args[i]
		switch {
		case strings.HasPrefix(word, "@"):
			everybody, query := p.now == &p.all, len(p.line.queries)-1
			at = append(at, func() error {
				servers, err := p.find(ctx, p.line.endpoint, word[1:])
				if everybody {
					p.line.found = len(servers)
				}
				for q := range p.line.queries {
					if everybody || q == query {
						p.line.queries[q].servers = append(p.line.queries[q].servers, servers...)
					}
				}
				return err
			})
		case strings.HasPrefix(word, "+"):
			if err := p.now.plus(&p.line, word[1:]); err != nil {
				return err
			}
		case strings.HasPrefix(word, "-") && len(word) > 1:
			used, err := p.dash(word[1:], args[i+1:])
			if err != nil || p.line.help {
				return err
			}
			i += used
		default:
			p.word(word)
		}
	}
	if len(p.line.queries) == 0 {
		p.add(".")
		if !p.now.kindSet {
			p.now.kind = dns.TypeNS
		}
	}
	for _, look := range at {
		if err := look(); err != nil {
			return err
		}
	}
	return nil
}

// add begins another query.
func (p *digParser) add(name string) {
	q := p.all
	q.name = name
	p.line.queries = append(p.line.queries, q)
	p.now = &p.line.queries[len(p.line.queries)-1]
}

// word is a type, a class or a name.
func (p *digParser) word(word string) {
	if !p.closed {
		if kind, ok := parseType(word); ok {
			p.setType(kind)
			return
		}
		if class, ok := dns.StringToClass[strings.ToUpper(word)]; ok && class != dns.ClassANY {
			p.now.class = class
			return
		}
	}
	p.add(word)
}

func (p *digParser) setType(kind uint16) {
	if p.now.kindSet {
		p.warn(";; Warning, extra type option\n")
	}
	p.now.kind, p.now.kindSet = kind, true
}

// parseType knows TYPE65280 too.
func parseType(word string) (uint16, bool) {
	word = strings.ToUpper(word)
	if number, ok := strings.CutPrefix(word, "TYPE"); ok {
		n, err := strconv.ParseUint(number, 10, 16)
		return uint16(n), err == nil
	}
	kind, ok := dns.StringToType[word]
	return kind, ok && kind != dns.TypeOPT && kind != dns.TypeIXFR && kind != dns.TypeNone
}

// dash reads an option of one letter; used is how many of the words behind it.
func (p *digParser) dash(letters string, rest []string) (used int, err error) {
	for letters != "" {
		letter := letters[0]
		letters = letters[1:]
		switch letter {
		case '4':
			p.line.only4, p.line.only6 = true, false
			continue
		case '6':
			p.line.only4, p.line.only6 = false, true
			continue
		case 'h':
			p.line.help = true
			return 0, nil
		case 'r':
			continue // there is no ~/.digrc
		}
		if !strings.ContainsRune("cpqtx", rune(letter)) {
			return 0, fmt.Errorf("%w: -%c", errUsage, printable(letter))
		}
		value := letters
		if value == "" {
			if len(rest) == 0 {
				return 0, fmt.Errorf("%w: -%c needs a value", errUsage, letter)
			}
			value, used = rest[0], 1
		}
		return used, p.valued(letter, value)
	}
	return 0, nil
}

func printable(c byte) rune {
	if c < ' ' || c > '~' {
		return '?'
	}
	return rune(c)
}

func (p *digParser) valued(letter byte, value string) error {
	switch letter {
	case 'c':
		p.closed = true
		if class, ok := dns.StringToClass[strings.ToUpper(value)]; ok {
			p.now.class = class
		} else {
			p.warn(";; Warning, ignoring invalid class %s\n", printableName(value))
		}
	case 'p':
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return fmt.Errorf("no port: %s", printableName(value))
		}
		p.line.port = uint16(n)
	case 'q':
		p.add(value)
	case 't':
		p.closed = true
		if kind, ok := parseType(value); ok {
			p.setType(kind)
		} else {
			p.warn(";; Warning, ignoring invalid type %s\n", printableName(value))
		}
	case 'x':
		p.add(reverse(value))
		p.now.kind, p.now.kindSet = dns.TypePTR, true
	}
	return nil
}

// reverse is the name of an address in the tree of addresses; of a part of one too.
func reverse(text string) string {
	if a, err := netip.ParseAddr(text); err == nil {
		if name, err := dns.ReverseAddr(a.WithZone("").String()); err == nil {
			return name
		}
	}
	labels := strings.Split(strings.Trim(text, "."), ".")
	slices.Reverse(labels)
	return strings.Join(labels, ".") + ".in-addr.arpa."
}
