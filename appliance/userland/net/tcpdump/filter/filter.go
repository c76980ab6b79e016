// Package filter is the language of pcap-filter(7): an expression becomes a program of classic BPF, which the
// kernel runs on what a socket receives, and Match on what is read from a file.
//
//	text ──lex──► words ──parse──► tree of primitives ──generate──► tree of conditions ──assemble──► BPF
//
// It chooses the packets that tcpdump's filters choose, also where those are not what one might think: a load
// behind the end of a packet refuses it, "tcp port" of IPv6 looks at no extension headers, and what follows
// "vlan" is looked for behind that tag. Known are the words for Ethernet, VLANs, IPv4 and IPv6 and what is in
// them, and arithmetic; not known, and refused, are those for other media, MPLS, PPPoE, Geneve, pf, gateway
// and protochain.
//
// Names are asked of a resolver that is handed in. Nothing else is outside of this package.
package filter

import (
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
)

// A Link is what packets begin with.
type Link int

// The links.
const (
	Ethernet Link = iota
	Raw           // an IP packet
	SLL           // "cooked" of Linux, LINKTYPE_LINUX_SLL
	SLL2          // the same with the index of the link, LINKTYPE_LINUX_SLL2
)

// Options say what an expression is about.
type Options struct {
	Link Link
	// Socket: the program is for a packet socket of Linux, which can say who sent a packet. One of SLL and
	// SLL2 is then for SOCK_DGRAM, whose packets begin at the network header.
	Socket bool
	// Netmask is that of the link, for "ip broadcast"; the zero Prefix: not known, so that only
	// 255.255.255.255 and 0.0.0.0 are for all.
	Netmask netip.Prefix
	// Resolve has the addresses of a host; nil: names are refused.
	Resolve func(name string) ([]netip.Addr, error)
}

// An Error is what is wrong with an expression, and where.
type Error struct {
	Column  int // of its first byte, from 1
	Problem string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Problem) }

// A Filter is an expression that is understood. It is for one goroutine.
type Filter struct {
	// Tags: it asks for VLANs. A packet socket has taken the outer tag away before its program runs, so that
	// such a filter is to be matched with the frame as it was.
	Tags bool

	program []bpf.Instruction
	vm      *bpf.VM
	whole   bool // it asks for the length on the wire, which is before the packet in scratch
	scratch []byte
}

// maxProgram is how many instructions the kernel takes, BPF_MAXINSNS, but for one that whoever attaches them
// may add.
const maxProgram = 4095

// maxText is how long an expression may be.
const maxText = 64 << 10

// Compile understands an expression. The empty one is true of every packet. The error is an *Error.
func Compile(text string, o Options) (*Filter, error) {
	if len(text) > maxText {
		return nil, &Error{1, fmt.Sprintf("longer than %d bytes", maxText)}
	}
	tree, err := parse(text)
	if err != nil {
		return nil, err
	}
	g := newGenerator(o)
	c, err := g.generate(tree)
	if err != nil {
		return nil, err
	}
	program, ok := assemble(c)
	if !ok {
		return nil, &Error{1, fmt.Sprintf("more than %d instructions", maxProgram)}
	}
	f := &Filter{Tags: g.tags, program: program, whole: g.whole}
	if !o.Socket {
		if f.vm, err = bpf.NewVM(program); err != nil {
			return nil, &Error{1, err.Error()}
		}
	}
	return f, nil
}

// Instructions are those for a packet socket.
func (f *Filter) Instructions() []bpf.Instruction { return f.program }

// Match reports whether a packet is chosen, of which there is b; length is how long it was on the wire. The
// Filter must not be one for a socket.
func (f *Filter) Match(b []byte, length int) bool {
	if f.whole {
		n := uint32(max(0, length))
		f.scratch = append(f.scratch[:0], byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		f.scratch = append(f.scratch, b...)
		b = f.scratch
	}
	n, err := f.vm.Run(b)
	return err == nil && n > 0
}
