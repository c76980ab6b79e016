package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// A sum is computed in A and X; scratch memory is the stack of what is half done.
type computation struct {
	load   []bpf.Instruction
	checks []cond // what must be true of the packet for its fields to be there
}

// relation compares two sums.
func (g *generator) relation(r relation) (cond, error) {
	var c computation
	t := test{cond: map[string]bpf.JumpTest{
		"=": bpf.JumpEqual, "!=": bpf.JumpNotEqual, "<": bpf.JumpLessThan, ">": bpf.JumpGreaterThan,
		"<=": bpf.JumpLessOrEqual, ">=": bpf.JumpGreaterOrEqual,
	}[r.op]}
	err := g.sum(&c, r.a, 0, r.at)
	if b, ok := r.b.(constant); ok {
		t.value = uint32(b)
	} else if err == nil {
		c.add(bpf.StoreScratch{Src: bpf.RegA, N: 0})
		err = g.sum(&c, r.b, 1, r.at)
		c.add(bpf.TAX{}, bpf.LoadScratch{Dst: bpf.RegA, N: 0})
		t.x = true
	}
	if err != nil {
		return nil, err
	}
	t.load = c.load
	if len(c.checks) == 0 {
		return t, nil
	}
	return and(and(c.checks[0], c.checks[1:]...), t), nil
}

func (c *computation) add(i ...bpf.Instruction) { c.load = append(c.load, i...) }

// maxScratch is how many cells a program has.
const maxScratch = 16

// sum computes s in A. Cells of scratch memory below depth are not touched.
func (g *generator) sum(c *computation, s sum, depth, at int) error {
	if depth >= maxScratch {
		return &Error{at, "more is to be computed at once than a filter can"}
	}
	switch s := s.(type) {
	case constant:
		c.add(bpf.LoadConstant{Dst: bpf.RegA, Val: uint32(s)})
	case length:
		c.add(g.length()...)
	case operation:
		return g.operation(c, s, depth, at)
	case field:
		return g.field(c, s, depth)
	}
	return nil
}

func (g *generator) operation(c *computation, s operation, depth, at int) error {
	op := map[string]bpf.ALUOp{
		"+": bpf.ALUOpAdd, "-": bpf.ALUOpSub, "*": bpf.ALUOpMul, "/": bpf.ALUOpDiv, "%": bpf.ALUOpMod,
		"&": bpf.ALUOpAnd, "|": bpf.ALUOpOr, "^": bpf.ALUOpXor, "<<": bpf.ALUOpShiftLeft,
		">>": bpf.ALUOpShiftRight,
	}[s.op]
	if err := g.sum(c, s.a, depth, at); err != nil {
		return err
	}
	if b, ok := s.b.(constant); ok {
		switch {
		case (s.op == "/" || s.op == "%") && b == 0:
			return &Error{at, "division by zero"}
		case (s.op == "<<" || s.op == ">>") && b > 31:
			return &Error{at, "expected a shift by 31 bits at most"}
		}
		c.add(bpf.ALUOpConstant{Op: op, Val: uint32(b)})
		return nil
	}
	c.add(bpf.StoreScratch{Src: bpf.RegA, N: depth})
	if err := g.sum(c, s.b, depth+1, at); err != nil {
		return err
	}
	c.add(bpf.TAX{}, bpf.LoadScratch{Dst: bpf.RegA, N: depth}, bpf.ALUOpX{Op: op})
	return nil
}

// maxOffset is the largest offset that is written as a number: no packet is longer.
const maxOffset = 256 << 10

// field loads bytes of a protocol's header into A.
func (g *generator) field(c *computation, f field, depth int) error {
	start, transport, err := g.begins(f)
	if err != nil {
		return err
	}
	known, fixed := f.offset.(constant)
	if fixed && known > maxOffset {
		return &Error{f.at, fmt.Sprintf("offset %d: no packet is that long", known)}
	}
	if !fixed {
		if err := g.sum(c, f.offset, depth, f.at); err != nil {
			return err
		}
	}
	c.checks = append(c.checks, g.checks(f)...)
	switch {
	case fixed && transport:
		c.add(bpf.LoadMemShift{Off: start}, bpf.LoadIndirect{Off: start + uint32(known), Size: f.size})
	case fixed:
		c.add(bpf.LoadAbsolute{Off: start + uint32(known), Size: f.size})
	case transport:
		c.add(bpf.StoreScratch{Src: bpf.RegA, N: depth}, bpf.LoadMemShift{Off: start},
			bpf.LoadScratch{Dst: bpf.RegA, N: depth}, bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{},
			bpf.LoadIndirect{Off: start, Size: f.size})
	default:
		c.add(bpf.TAX{}, bpf.LoadIndirect{Off: start, Size: f.size})
	}
	return nil
}

// begins says where the header of a field's protocol begins, or, of one above IPv4, where the one of IPv4
// does.
func (g *generator) begins(f field) (at uint32, transport bool, err error) {
	switch f.proto {
	case "ether", "link":
		if g.cooked() {
			return 0, false, &Error{f.at, "ether: packets of all links have no header of theirs"}
		}
		return g.base, false, nil
	case "ip", "arp", "rarp", "ip6":
		return g.network(), false, nil
	case "icmp6":
		return g.network() + 40, false, nil
	case "ah", "esp":
		return 0, false, &Error{f.at, f.proto + ": expected another protocol before ["}
	}
	return g.network(), true, nil
}

func (g *generator) checks(f field) []cond {
	switch f.proto {
	case "ether", "link":
		return nil
	case "icmp6":
		return []cond{g.carries(typeIP6), g.header(6, 1, protoICMP6)}
	}
	if t, ok := etherTypes()[f.proto]; ok {
		return []cond{g.carries(t)}
	}
	return []cond{g.carries(typeIP), g.header(9, 1, protocols()[f.proto]), g.unfragmented()}
}
