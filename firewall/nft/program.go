package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/firewall"
)

const logKeys = 1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_GROUP

// secondValue is the register behind an IPv4 address in the first, in units of 4 bytes: where a map's port
// comes to lie.
const secondValue = unix.NFT_REG32_01

var verdictKinds = map[firewall.VerdictKind]expr.VerdictKind{
	firewall.VerdictAccept: expr.VerdictAccept, firewall.VerdictDrop: expr.VerdictDrop,
	firewall.VerdictJump: expr.VerdictJump, firewall.VerdictGoto: expr.VerdictGoto,
}

// program is the expressions of one rule, and what they have established so far.
type program struct {
	*batch
	exprs         []expr.Any
	family, proto uint32
}

func (p *program) emit(exprs ...expr.Any) { p.exprs = append(p.exprs, exprs...) }

// require makes sure that the packet is of the protocol that a field belongs to.
func (p *program) require(l loader) {
	if l.family != 0 && p.family != l.family {
		p.emit(loaders[firewall.NFProto].expr(unix.NFT_REG_1), equal([]byte{byte(l.family)}))
		p.family = l.family
	}
	if l.proto != 0 && p.proto != l.proto {
		p.emit(loaders[firewall.L4Proto].expr(unix.NFT_REG_1), equal([]byte{byte(l.proto)}))
		p.proto = l.proto
	}
	if l.ether {
		ethernet := binary.NativeEndian.AppendUint16(nil, unix.ARPHRD_ETHER)
		p.emit(&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: unix.NFT_REG_1}, equal(ethernet))
	}
}

// load fetches fields side by side from the first register on.
func (p *program) load(fields []firewall.Field) error {
	for _, f := range fields {
		if loaders[f].expr == nil {
			return fmt.Errorf("field %d cannot be loaded", f)
		}
		p.require(loaders[f])
	}
	register := uint32(unix.NFT_REG_1)
	if len(fields) > 1 {
		register = unix.NFT_REG32_00 // the same place, in units of 4 bytes
	}
	for _, f := range fields {
		p.emit(loaders[f].expr(register))
		size := int(encodings[f.Kind()].datatype.Bytes)
		register += uint32(size+padding(size)) / 4
	}
	return nil
}

func (p *program) match(m firewall.Match) error {
	if err := p.load(m.Fields); err != nil {
		return err
	}
	if m.Bits > 0 {
		if err := p.shorten(m.Fields[0].Kind(), m.Bits); err != nil {
			return err
		}
	}
	if m.Set != "" {
		set := p.sets[m.Set]
		if set == nil {
			return fmt.Errorf("there is no set %s", m.Set)
		}
		p.emit(&expr.Lookup{SourceRegister: unix.NFT_REG_1, SetName: set.Name, SetID: set.ID, Invert: m.Not})
		return nil
	}
	if len(m.Fields) != 1 || len(m.Values) == 0 || m.Not && len(m.Values) > 1 {
		return errors.New("expected one field, and values or, negated, one value")
	}
	kind := m.Fields[0].Kind()
	if m.Mask != 0 {
		return p.compareMasked(kind, m)
	}
	if len(m.Values) == 1 {
		return p.compare(kind, m)
	}
	// the library marks every anonymous set as big-endian, and nft(8) then lists it wrongly
	if encodings[kind].native {
		return errors.New("several values of this kind need a named set")
	}
	set, err := p.anonymous(m.Fields[0], m.Values)
	if err != nil {
		return err
	}
	p.emit(&expr.Lookup{SourceRegister: unix.NFT_REG_1, SetName: set.Name, SetID: set.ID})
	return nil
}

// compare tests the first register for one value, prefix, range or any of some bits.
func (p *program) compare(kind firewall.Kind, m firewall.Match) error {
	v, op := m.Values[0], expr.CmpOpEq
	if m.Not {
		op = expr.CmpOpNeq
	}
	first, last, err := encodeBounds(kind, v)
	switch {
	case err != nil:
		return err
	case isBits(kind) && !m.Not:
		p.emit(masked(first), compared(expr.CmpOpNeq, make([]byte, len(first))))
	case v.Prefix.IsValid() && !v.Single():
		p.emit(masked(maskOf(v.Prefix)), compared(op, first))
	case v.Single() && !isBits(kind):
		p.emit(compared(op, first))
	case m.Not:
		return errors.New("ranges and bits cannot be negated")
	default:
		p.emit(compared(expr.CmpOpGte, first), compared(expr.CmpOpLte, last))
	}
	if !m.Not && v.Single() {
		p.learn(m.Fields[0], v)
	}
	return nil
}

// isBits reports whether values of a kind are bits, of which a packet may have several.
func isBits(kind firewall.Kind) bool {
	return kind == firewall.KindCTState || kind == firewall.KindCTStatus || kind == firewall.KindTCPFlags
}

// compareMasked tests some bits of the first register for one value.
func (p *program) compareMasked(kind firewall.Kind, m firewall.Match) error {
	if !isBits(kind) || len(m.Values) != 1 {
		return errors.New("a mask is for one value of bits")
	}
	op := expr.CmpOpEq
	if m.Not {
		op = expr.CmpOpNeq
	}
	p.emit(masked(encodeNumber(kind, m.Mask)), compared(op, encodeNumber(kind, m.Values[0].Lo)))
	return nil
}

// shorten keeps the first bits of the address in the first register.
func (p *program) shorten(kind firewall.Kind, bits int) error {
	size := int(encodings[kind].datatype.Bytes)
	if kind != firewall.KindIPv4 && kind != firewall.KindIPv6 || bits > size*8 {
		return fmt.Errorf("%d bits: expected those of an address", bits)
	}
	p.emit(masked(firstBits(bits, size)))
	return nil
}

// meter counts the packet by its key in a dynamic set, and goes on with those above the rate.
func (p *program) meter(m *firewall.Meter) error {
	set := p.sets[m.Set]
	if set == nil {
		return fmt.Errorf("there is no set %s", m.Set)
	}
	if err := p.load(m.Fields()); err != nil {
		return err
	}
	if m.Bits > 0 {
		if err := p.shorten(m.Key.Kind(), m.Bits); err != nil {
			return err
		}
	}
	above := limit(m.Rate)
	above.Over = true
	p.emit(&expr.Dynset{SrcRegKey: unix.NFT_REG_1, SetName: set.Name, SetID: set.ID,
		Operation: unix.NFT_DYNSET_OP_UPDATE, Exprs: []expr.Any{above}})
	return nil
}

// remember puts fields of the packet into a dynamic set.
func (p *program) remember(l *firewall.Learn) error {
	set := p.sets[l.Set]
	if set == nil {
		return fmt.Errorf("there is no set %s", l.Set)
	}
	if err := p.load(l.Key); err != nil {
		return err
	}
	p.emit(&expr.Dynset{SrcRegKey: unix.NFT_REG_1, SetName: set.Name, SetID: set.ID,
		Operation: unix.NFT_DYNSET_OP_UPDATE})
	return nil
}

func limit(r firewall.Rate) *expr.Limit {
	return &expr.Limit{Type: expr.LimitTypePkts, Rate: uint64(r.Count), Unit: expr.LimitTime(r.Per.Seconds()),
		Burst: r.Burst}
}

// learn remembers a protocol that the rule itself asks for.
func (p *program) learn(f firewall.Field, v firewall.Value) {
	switch f {
	case firewall.NFProto:
		p.family = v.Lo
	case firewall.L4Proto:
		p.proto = v.Lo
	}
}

// masked keeps the bits of mask in the first register.
func masked(mask []byte) expr.Any {
	return &expr.Bitwise{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Len: uint32(len(mask)),
		Mask: mask, Xor: make([]byte, len(mask))}
}

func equal(data []byte) expr.Any { return compared(expr.CmpOpEq, data) }

func compared(op expr.CmpOp, data []byte) expr.Any {
	return &expr.Cmp{Op: op, Register: unix.NFT_REG_1, Data: data}
}

func (p *program) verdict(v firewall.Verdict) error {
	switch v.Kind {
	case firewall.VerdictNone:
	case firewall.VerdictMasquerade:
		p.emit(&expr.Masq{})
	case firewall.VerdictSource:
		return p.source(v.Target)
	case firewall.VerdictRejectICMP:
		p.emit(&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH,
			Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED})
	case firewall.VerdictRejectReset:
		p.emit(&expr.Reject{Type: unix.NFT_REJECT_TCP_RST})
	case firewall.VerdictDispatch:
		return p.lookup(v.Target, unix.NFT_REG_VERDICT)
	case firewall.VerdictDNAT, firewall.VerdictSNAT:
		return p.translate(v)
	case firewall.VerdictOffload:
		p.emit(&expr.FlowOffload{Name: v.Target})
	case firewall.VerdictNoTrack:
		p.emit(&expr.Notrack{})
	case firewall.VerdictClampMSS:
		p.clampMSS()
	default:
		kind, ok := verdictKinds[v.Kind]
		if !ok {
			return fmt.Errorf("verdict %d is unknown", v.Kind)
		}
		p.emit(&expr.Verdict{Kind: kind, Chain: v.Target})
	}
	return nil
}

// lookup fetches what a map has for the packet. Without an entry the rule does not apply.
func (p *program) lookup(name string, into uint32) error {
	m := p.sets[name]
	if m == nil {
		return fmt.Errorf("there is no map %s", name)
	}
	if err := p.load(p.keys[name]); err != nil {
		return err
	}
	p.emit(&expr.Lookup{SourceRegister: unix.NFT_REG_1, SetName: m.Name, SetID: m.ID, DestRegister: into,
		IsDestRegSet: true})
	return nil
}

// translate changes an address, and the port if the map has one, to what the map has for the packet.
func (p *program) translate(v firewall.Verdict) error {
	if err := p.lookup(v.Target, unix.NFT_REG_1); err != nil {
		return err
	}
	nat := &expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: unix.NFT_REG_1}
	if v.Kind == firewall.VerdictSNAT {
		nat.Type = expr.NATTypeSourceNAT
	}
	if p.ported[v.Target] {
		nat.RegProtoMin = secondValue
	}
	p.emit(nat)
	return nil
}

// source changes the source to an IPv4 address.
func (p *program) source(target string) error {
	a, err := netip.ParseAddr(target)
	if err != nil || !a.Is4() {
		return fmt.Errorf("%q: expected an IPv4 address", target)
	}
	p.require(loader{family: firewall.NFProtoIPv4})
	p.emit(&expr.Immediate{Register: unix.NFT_REG_1, Data: a.AsSlice()},
		&expr.NAT{Type: expr.NATTypeSourceNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: unix.NFT_REG_1})
	return nil
}

// clampMSS sets the option (kind 2 of RFC 9293, 3.1; its value behind kind and length) to what fits the
// route.
func (p *program) clampMSS() {
	const option, value, size = 2, 2, 2
	p.emit(&expr.Rt{Register: unix.NFT_REG_1, Key: expr.RtTCPMSS},
		&expr.Byteorder{SourceRegister: unix.NFT_REG_1, DestRegister: unix.NFT_REG_1, Op: expr.ByteorderHton,
			Len: size, Size: size},
		&expr.Exthdr{SourceRegister: unix.NFT_REG_1, Type: option, Offset: value, Len: size,
			Op: expr.ExthdrOpTcpopt})
}
