package run_test

import (
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// Messages, RFC 2132 9.6.
const (
	discover = 1
	offer    = 2
	request  = 3
	decline  = 4
	ack      = 5
	nak      = 6
	release  = 7
	inform   = 8
)

// A combo is one combination of what a message may say, and of who says it: an index of the words of each
// column.
type combo [7]int

// The columns of a combo.
const (
	colKind = iota
	colServer
	colAsked
	colCIAddr
	colFlag
	colClient
	colAgent
)

// Words of addresses: see the page.
const (
	none = iota
	good
	taken
	far
)

// Words of option 54.
const (
	named54 = iota + 1 // ours
	other54
	zero54
)

// words are what the values of each column are called.
var words = [7][]string{
	{"DISCOVER", "REQUEST", "INFORM", "RELEASE", "DECLINE"},
	{"–", "ours", "other", "0.0.0.0"},
	{"–", "good", "taken", "far"},
	{"0", "good", "taken", "far"},
	{"0", "1"},
	{"known", "unknown"},
	{"0", "served", "unserved"},
}

var kinds = []byte{discover, request, inform, release, decline}

// combos returns all of a kind.
func combos(kind int) (all []combo) {
	all = []combo{{kind}}
	for col := 1; col < len(words); col++ {
		var next []combo
		for _, c := range all {
			for v := range words[col] {
				c[col] = v
				next = append(next, c)
			}
		}
		all = next
	}
	return all
}

// A verdict is what a server does about a combo.
type verdict struct {
	answer string // and the address in it; "–": none
	way    string // by which it goes; "": none
	ciaddr string // in it
	after  string // of RELEASE and DECLINE: what became of the address
}

// walk asks a server all combinations, each by a client of its own.
func walk(b *bench) map[combo]verdict {
	found := map[combo]verdict{}
	for kind := range kinds {
		for i, c := range combos(kind) {
			if i%50 == 0 {
				b.forget()
			}
			found[c] = b.try(c)
		}
	}
	return found
}

func (b *bench) try(c combo) verdict {
	where := 0
	if words[colAgent][c[colAgent]] == "served" {
		where = 1
	}
	q := query{kind: kinds[c[colKind]], card: b.card(), broadcast: c[colFlag] == 1, giaddr: [3]netip.Addr{{}, benchAgent, benchUnserved}[c[colAgent]],
		server: [4]netip.Addr{{}, benchServer, benchOther, netip.IPv4Unspecified()}[c[colServer]]}
	addrs := [4]netip.Addr{good: b.nobodys(where), taken: b.taken[where], far: benchFar}
	known := words[colClient][c[colClient]] == "known"
	if known {
		addrs[good] = b.take(q.card, where)
		if where == 0 && c[colCIAddr] == good && b.name == "dnsmasq" {
			b.forget() // how it reached the card a moment ago
		}
	}
	q.asked, q.ciaddr = addrs[c[colAsked]], addrs[c[colCIAddr]]
	r := b.maybe(q)
	v := verdict{answer: "–"}
	if r.kind != 0 {
		v = verdict{answer: answerWord(r, addrs), way: r.way, ciaddr: addrWord(r.ciaddr, addrs)}
	}
	if q.kind == release || q.kind == decline {
		v.after = b.after(q.card, addrs[good], where, known)
	}
	return v
}

func answerWord(r response, addrs [4]netip.Addr) string {
	kind := map[byte]string{offer: "OFFER", ack: "ACK", nak: "NAK"}[r.kind]
	if kind == "" {
		return fmt.Sprintf("message %d", r.kind)
	}
	if a := addrWord(r.yiaddr, addrs); a != "0" {
		return kind + " " + a
	}
	return kind
}

func addrWord(a netip.Addr, addrs [4]netip.Addr) string {
	if a.IsUnspecified() {
		return "0"
	}
	for i, x := range addrs {
		if a == x {
			return words[colCIAddr][i]
		}
	}
	return "new"
}

// after finds out what became of an address, by asking for it.
func (b *bench) after(card lease.MAC, addr netip.Addr, where int, known bool) string {
	giaddr := [2]netip.Addr{{}, benchAgent}[where]
	asked := b.ask(query{kind: discover, card: b.card(), giaddr: giaddr, asked: addr})
	switch {
	case asked.yiaddr == addr:
		return "free"
	case !known:
		return "aside"
	}
	if again := b.ask(query{kind: discover, card: card, giaddr: giaddr}); again.yiaddr == addr {
		return "kept"
	}
	return "aside"
}
