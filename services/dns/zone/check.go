package zone

import (
	"bytes"
	"encoding/binary"
)

// claim returns the node of a name, unless it is another's or cannot be anybody's.
// Records may share a name, with each other and with a host.
func (b *builder) claim(wire []byte, by claimant) (uint32, bool) {
	n := b.place(wire, by)
	old := b.whose[n]
	switch {
	case n == 0:
		return 0, false
	case old.kind == "" || old.kind == "record":
		b.whose[n] = by
	case by.kind == "record":
	case old.kind == "service" && by.kind == "service" && old != by:
		b.bad("%s: the name is that of a service already", by)
		return 0, false
	case old.kind != "service":
		b.bad("%s: %s is the name of %s already", by, display(wire), old)
		return 0, false
	}
	return n, true
}

// join returns the node of a name that several may add records to, 0 if it can be
// nobody's. What is added to that is never asked for: Build fails.
func (b *builder) join(wire []byte, by claimant) uint32 {
	n := b.place(wire, by)
	if n != 0 && b.whose[n].kind == "" {
		b.whose[n] = by
	}
	return n
}

// place returns the node of a name if it can be somebody's, else 0.
func (b *builder) place(wire []byte, by claimant) uint32 {
	n := b.addNode(wire)
	x := &b.nodes[n]
	z := &b.zones[x.zone]
	switch {
	case n == 0, bytes.Equal(wire, []byte("\x01*\x00")):
		b.bad("%s: the root is not of the house", by)
		return 0
	case by.kind != "browsing of" && underArpa(b.nodeName(n)):
		b.bad("%s: names in in-addr.arpa and ip6.arpa follow from addresses", by)
		return 0
	case z.rule == loopback:
		b.bad("%s: names in localhost are the machine's own (RFC 6761 6.3)", by)
		return 0
	case z.rule == others && x.zone != zoneOthers:
		b.bad("%s: %s is elsewhere", by, display(wire))
		return 0
	case z.rule != inHouse:
		x.flags |= alone
	}
	return n
}

// underArpa reports whether a name in lower case is that of addresses.
func underArpa(wire []byte) bool {
	return bytes.HasSuffix(wire, []byte(suffix4)) || bytes.HasSuffix(wire, []byte(suffix6))
}

// checkNode reports what cannot be at one node together.
func (b *builder) checkNode(n uint32) {
	if n == 0 {
		return // what was refused
	}
	at, sets := b.firstSet(b.refs[n]), b.sets(b.refs[n])
	for range sets {
		var s set
		s, at = b.setAt(at)
		if s.count > 1 && hasTwins(s) {
			b.bad("%s: it says the same twice", b.whose[n])
		}
		if s.typ == typeCNAME && (sets > 1 || s.count > 1 || b.nodes[n].host != 0) {
			b.bad("%s: it stands for another name, and says more (RFC 1034 3.6.2)", b.whose[n])
		}
	}
}

// hasTwins reports whether two records of a set say the same.
func hasTwins(s set) bool {
	for one := s.records; len(one) > 0; one = one[sizeOf(one):] {
		data := one[recordLen:sizeOf(one)]
		for other := one[sizeOf(one):]; len(other) > 0; other = other[sizeOf(other):] {
			if bytes.Equal(data, other[recordLen:sizeOf(other)]) {
				return true
			}
		}
	}
	return false
}

// sizeOf returns how long the first of some records is.
func sizeOf(records []byte) int {
	return recordLen + int(binary.BigEndian.Uint16(records[recordLen-2:]))
}

// checkTargets follows what each record points to.
func (b *builder) checkTargets() {
	if len(b.errs) > 0 {
		return // names that were refused would be missed once more
	}
	t := &Table{static: b.static}
	skip := map[uint16]int{typeCNAME: 0, typeMX: 2, typeSRV: 6}
	for n := range b.nodes {
		at := b.firstSet(b.refs[n])
		for range b.sets(b.refs[n]) {
			var s set
			s, at = b.setAt(at)
			before, points := skip[s.typ]
			if !points {
				continue
			}
			for one := s.records; len(one) > 0; one = one[sizeOf(one):] {
				b.checkTarget(t, uint32(n), s.typ, one[recordLen+before:sizeOf(one)])
			}
		}
	}
}

// checkTarget follows one name.
func (b *builder) checkTarget(t *Table, n uint32, typ uint16, target []byte) {
	by, m := b.whose[n], new(name)
	if len(target) == 1 {
		if typ == typeCNAME {
			b.bad("%s: it stands for the root", by)
		}
		return
	}
	for hop := 0; ; hop++ {
		m.set(target)
		f := t.find(m)
		z := &b.zones[f.zone]
		switch {
		case f.kind == NotLocal:
			return
		case !f.exists && !b.mayLease(m):
			b.bad("%s: %s does not exist", by, display(target))
			return
		case f.exists && z.rule != inHouse && f.zone != zoneAlone:
			b.bad("%s: %s is not of the house", by, display(target))
			return
		}
		next := t.cname(f.node)
		switch {
		case next == nil:
			return
		case typ != typeCNAME:
			b.bad("%s: %s stands for another name (RFC 2181 10.3)", by, display(target))
			return
		case hop+2 > maxHops:
			b.bad("%s: it leads from name to name, more than %d times or in a circle", by, maxHops)
			return
		}
		target = next
	}
}

// mayLease reports whether a client can have a name that there is not.
func (b *builder) mayLease(m *name) bool {
	return m.labels > 1 && bytes.Equal(m.from(1), b.nameOf(b.domain)) && isLabel(string(m.label(0)))
}
