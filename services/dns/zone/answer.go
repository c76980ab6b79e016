package zone

import (
	"encoding/binary"
	"net/netip"
)

// found is what a name is, or why it is not.
type found struct {
	kind   Kind // NotLocal or Local
	exists bool
	zone   uint16
	node   ref        // 0: none; of a wildcard, its own
	host   ref        // the node whose leases add addresses; 0: none
	lease  *named     // the client that has the name; nil: none
	addr   netip.Addr // whose name it is; invalid: no address's that has a name
}

// find looks a name up. It is the algorithm of RFC 1034 4.3.2 with RFC 4592, over the
// names of the site, then those of leases.
func (t *Table) find(m *name) found {
	addr, spells := m.reverse()
	if spells == spellsAddress && (t.located(addr) != 0 || t.leases.named(addr) != nil) {
		f := found{kind: Local, exists: true, zone: t.zoneAround(m), addr: addr}
		if f.node = t.lookup(m.hash[0], m.from(0)); t.zones[f.zone].rule == others {
			f.zone = zoneAlone
		}
		return f
	}
	if m.labels == 0 {
		return found{}
	}
	if n := t.lookup(m.hash[0], m.from(0)); n != 0 {
		return t.at(n)
	}
	for i := 1; i < m.labels; i++ {
		n := t.lookup(m.hash[i], m.from(i))
		if n == 0 {
			continue
		}
		if n == t.domain && i == 1 {
			if l := t.leases.holder(m.label(0)); l != nil {
				return found{kind: Local, exists: true, zone: t.zone(n), lease: l}
			}
		}
		return t.below(n, spells == spellsPart)
	}
	return found{}
}

// at returns what a node is.
func (t *Table) at(n ref) found {
	f := found{kind: Local, exists: true, zone: t.zone(n), node: n, host: t.host(n)}
	switch {
	case t.flags(n)&alone != 0:
		f.zone = zoneAlone
	case t.zones[f.zone].rule == others:
		return found{}
	case t.flags(n)&void != 0:
		f.exists = false
	}
	return f
}

// below returns what a name is that is no node, by the closest one above it.
func (t *Table) below(n ref, part bool) found {
	if wild := t.wild(n); wild != 0 {
		return t.at(wild)
	}
	zone := t.zone(n)
	switch t.zones[zone].rule {
	case others:
		return found{}
	case inHouse:
		return found{kind: Local, zone: zone, exists: part}
	}
	return found{kind: Local, zone: zone}
}

// cname returns what a node stands for, in wire form; nil: it stands for itself.
func (t *Table) cname(n ref) []byte {
	if s := t.setOf(n, typeCNAME); s.count > 0 {
		return s.records[recordLen:]
	}
	return nil
}

// Answer appends the answer of the house to dst, if the question is for it. It refuses
// questions that are for nobody: other classes, transfers, what is no question.
func (t *Table) Answer(dst []byte, q Query) Answer {
	r := reply{t: t, typ: q.Type, from: q.From, start: len(dst), a: Answer{Msg: dst}}
	var m name
	if !m.set(q.Name) {
		return r.refuse(rcodeFormErr)
	}
	r.question = headerLen + m.n + 4
	if rcode := notAsked(q.Type, q.Class); rcode != 0 {
		return r.refuse(rcode)
	}
	f := t.find(&m)
	if m.labels == 1 && f.node == 0 {
		f = t.bare(&m, q.Type)
	}
	if f.kind == Local && q.Type == typeDS && t.zones[f.zone].parent && t.zones[f.zone].size == m.n {
		f = found{}
	}
	if f.kind == NotLocal {
		return r.a
	}
	r.a.Kind = Local
	r.owner, r.size = pointer|headerLen, m.n
	for range maxHops + 1 {
		target := r.add(f)
		if target == nil {
			return r.a
		}
		r.owner, r.size = uint16(r.offset()-len(target))|pointer, len(target)
		m.set(target)
		if f = t.find(&m); f.kind == NotLocal {
			r.a.Kind, r.a.Target = Outside, target
			return r.a
		}
	}
	return r.a // not reached: Build allows no longer chain
}

// notAsked returns the code for a question that no name answers, 0 for others.
func notAsked(typ, class uint16) uint8 {
	switch {
	case class != classIN:
		return rcodeRefused
	case typ == typeOPT || typ == typeNXNAME || typ == 0:
		return rcodeFormErr
	case typ == typeAXFR || typ == typeIXFR:
		return rcodeRefused
	case typ == typeTKEY || typ == typeTSIG || typ == typeMAILA || typ == typeMAILB:
		return rcodeNotImp
	}
	return 0
}

// ofParents reports whether resolvers ask a top-level domain for a type to find their
// way, or to validate. Such questions are not about a machine without a domain.
func ofParents(typ uint16) bool {
	switch typ {
	case typeNS, typeSOA, typeDS, typeDNSKEY, typeCDS, typeCDNSKEY, typeRRSIG, typeNSEC, typeNSEC3,
		typeNSEC3PARAM, typeZONEMD:
		return true
	}
	return false
}

// bare returns what a name without a dot is: that of the domain, if it is one, but no
// wildcard. Others are nobody's.
func (t *Table) bare(m *name, typ uint16) found {
	if ofParents(typ) {
		return found{}
	}
	var f found
	label := m.label(0)
	if n := t.inDomain(label); n != 0 && label[0] != '*' {
		f = t.at(n)
	} else if l := t.leases.holder(label); l != nil {
		f.exists, f.lease = true, l
	}
	f.kind, f.zone = Local, zoneRoot
	return f
}

// A reply is an answer in the making.
type reply struct {
	t        *Table
	a        Answer
	typ      uint16
	from     netip.Addr
	start    int // of the sections in a.Msg
	question int // bytes of header and question
	owner    uint16
	size     int // of the owner's name
}

// offset returns where in the message the next record begins.
func (r *reply) offset() int { return len(r.a.Msg) - r.start + r.question }

func (r *reply) refuse(rcode uint8) Answer {
	r.a.Kind, r.a.RCode = Local, rcode
	return r.a
}

// add appends what there is to say of a name. It returns the name that is to be
// looked up next, if this one stands for it.
func (r *reply) add(f found) (target []byte) {
	if !f.exists {
		r.a.RCode = rcodeNXDomain
		r.negative(f)
		return nil
	}
	if s := r.t.setOf(f.node, typeCNAME); s.count > 0 && r.typ != typeCNAME {
		r.set(s)
		if r.typ == typeANY {
			return nil
		}
		return s.records[recordLen:]
	}
	before := r.a.Answers
	switch {
	case r.typ == typeANY && r.hasAny(f):
		r.record(typeHINFO, emptyTTL, "\x07RFC8482\x00")
	case r.typ == typePTR && f.addr.IsValid():
		r.nameOf(f)
	case r.typ == typeA || r.typ == typeAAAA:
		r.addresses(f)
	default:
		r.set(r.t.setOf(f.node, r.typ))
	}
	if r.a.Answers == before {
		r.negative(f)
	}
	return nil
}

// hasAny reports whether a name has a record of any type: RFC 8482 4.2.
func (r *reply) hasAny(f found) bool {
	return f.addr.IsValid() || f.lease != nil || r.t.sets(f.node) > 0 ||
		f.host != 0 && r.t.leases.holderOf(r.t, f.host) != nil
}

// set appends the records of a set.
func (r *reply) set(s set) {
	from := len(r.a.Msg)
	r.a.Msg = append(r.a.Msg, s.records...)
	r.a.Answers += s.count
	if r.owner != pointer|headerLen {
		for b := r.a.Msg[from:]; len(b) > 0; b = b[sizeOf(b):] {
			binary.BigEndian.PutUint16(b, r.owner)
		}
	}
	if s.count > 1 && (s.typ == typeA || s.typ == typeAAAA) && r.from.IsValid() {
		r.nearFirst(r.a.Msg[from:])
	}
}

// nearFirst puts the addresses on the asker's network first, and keeps the order else.
func (r *reply) nearFirst(records []byte) {
	near := r.t.network(r.from.Unmap())
	if !near.IsValid() {
		return
	}
	size, front := sizeOf(records), 0
	for at := 0; at < len(records); at += size {
		a, _ := netip.AddrFromSlice(records[at+recordLen : at+size])
		if !near.Contains(a) {
			continue
		}
		var one [recordLen + 16]byte
		copy(one[:], records[at:at+size])
		copy(records[front+size:at+size], records[front:at])
		copy(records[front:], one[:size])
		front += size
	}
}

// addresses appends those that the site gives, else those of leases.
func (r *reply) addresses(f found) {
	if s := r.t.setOf(f.node, r.typ); s.count > 0 {
		r.set(s)
		return
	}
	lease := f.lease
	if f.host != 0 {
		lease = r.t.leases.holderOf(r.t, f.host)
	}
	if lease == nil {
		return
	}
	for i := range lease.shown {
		a := lease.shown[i]
		if a.Is4() != (r.typ == typeA) {
			continue
		}
		raw := a.As16()
		data := raw[:]
		if a.Is4() {
			data = raw[12:]
		}
		r.head(r.typ, r.t.leaseTTL, len(data))
		r.a.Msg = append(r.a.Msg, data...)
	}
}

// nameOf appends the name of an address.
func (r *reply) nameOf(f found) {
	if n := r.t.located(f.addr); n != 0 {
		ttl, name := r.t.ttl, r.t.nameOf(n)
		if r.t.zones[r.t.zone(n)].rule == loopback {
			ttl = emptyTTL
		}
		r.head(typePTR, ttl, len(name))
		r.a.Msg = append(r.a.Msg, name...)
		return
	}
	label, domain := r.t.leases.named(f.addr).label, r.t.nameOf(r.t.domain)
	r.head(typePTR, r.t.leaseTTL, 1+len(label)+len(domain))
	r.a.Msg = append(append(r.a.Msg, byte(len(label))), label...)
	r.a.Msg = append(r.a.Msg, domain...)
}

// record appends a record of the answer section.
func (r *reply) record(typ uint16, ttl uint32, data string) {
	r.head(typ, ttl, len(data))
	r.a.Msg = append(r.a.Msg, data...)
}

// head appends the part of a record that comes before its data.
func (r *reply) head(typ uint16, ttl uint32, size int) {
	r.a.Msg = binary.BigEndian.AppendUint16(r.a.Msg, r.owner)
	r.a.Msg = binary.BigEndian.AppendUint16(r.a.Msg, typ)
	r.a.Msg = binary.BigEndian.AppendUint16(r.a.Msg, classIN)
	r.a.Msg = binary.BigEndian.AppendUint32(r.a.Msg, ttl)
	r.a.Msg = binary.BigEndian.AppendUint16(r.a.Msg, uint16(size))
	r.a.Answers++
}

// negative appends the SOA of the zone: RFC 2308 3. Its owner is an end of the name
// that is not there.
func (r *reply) negative(f found) {
	z := &r.t.zones[f.zone]
	soa := z.soa
	r.a.Authority++
	if z.size == 1 {
		r.a.Msg = append(append(r.a.Msg, 0), soa[2:]...)
		return
	}
	from := len(r.a.Msg)
	owner := r.owner
	if z.size > 0 {
		owner += uint16(r.size - z.size)
	}
	r.a.Msg = append(r.a.Msg, soa...)
	binary.BigEndian.PutUint16(r.a.Msg[from:], owner)
	if soa[recordLen] >= pointer>>8 { // the primary server is the zone's name
		binary.BigEndian.PutUint16(r.a.Msg[from+recordLen:], owner)
	}
}
