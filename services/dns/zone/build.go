package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
)

// Check reports every contradiction in c, with the names that it is about.
func (c Config) Check() error {
	_, err := Build(c)
	return err
}

// Build returns the Table of a house, with leases in the order in which With would
// have taken them: who had a name first comes first. None has ended yet; With knows
// the time. The error has everything that Check reports.
func Build(c Config, held ...Lease) (*Table, error) {
	b := newBuilder(&c)
	if !b.setDomain() {
		return nil, errors.Join(b.errs...)
	}
	b.addZones()
	b.addHosts()
	b.addRecords()
	b.addServices()
	b.freeze()
	b.checkTargets()
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	t := &Table{static: b.static}
	return t.with(time.Time{}, held), nil
}

// A builder makes a Table. Records are added in any order; freeze puts those of one
// name and type beside each other.
type builder struct {
	*static
	c       *Config
	errs    []error
	names   []byte // of nodes
	nodes   []node // nodes[0] is the root, and stands for none
	refs    []ref  // where each node is in the slab
	data    []byte // of records
	records []record
	whose   []claimant // by node
	wire    []byte     // the domain
	scratch []byte
	m       name
}

// A node is one before freeze: see ref. Until then, nodes have numbers.
type node struct {
	name       uint32 // in names
	wild, host uint32
	zone       uint16
	flags      uint8
	size       uint8 // of its name
}

// A record is one before freeze.
type record struct {
	node     uint32
	at, size uint32 // in data
	typ      uint16
}

// A claimant is what made a node more than a name above others.
type claimant struct {
	kind string // "host", "alias of", "record"; "": nothing yet
	name string
}

func (w claimant) String() string { return w.kind + " " + w.name }

func newBuilder(c *Config) *builder {
	names, addrs := 1024+8*len(c.Records)+4*len(c.Services), len(c.Router.Addrs)
	for i := range c.Hosts {
		names += 1 + len(c.Hosts[i].Aliases)
		addrs += len(c.Hosts[i].Addrs)
	}
	b := &builder{c: c, static: &static{
		slots:     make([]uint64, powerOfTwo(2*names)),
		addrs:     make([]located, 0, addrs+2),
		addrSlots: make([]uint32, powerOfTwo(2*addrs+4)),
		networks:  slices.Clone(c.Networks),
		ttl:       orDefault(c.TTL, DefaultTTL),
		leaseTTL:  orDefault(c.LeaseTTL, DefaultLeaseTTL),
	}}
	b.names = make([]byte, 0, 32*names)
	b.nodes = make([]node, 0, names)
	b.data = make([]byte, 0, 4096+32*(names+addrs))
	b.records = make([]record, 0, names+addrs)
	b.whose = make([]claimant, 0, names)
	return b
}

// powerOfTwo returns the least one that is not less than n.
func powerOfTwo(n int) int {
	p := 16
	for p < n {
		p *= 2
	}
	return p
}

func orDefault(seconds, otherwise uint32) uint32 {
	if seconds == 0 {
		return otherwise
	}
	return seconds
}

func (b *builder) bad(format string, args ...any) {
	b.errs = append(b.errs, fmt.Errorf(format, args...))
}

// setDomain makes the domain's name, and reports whether it is one.
func (b *builder) setDomain() bool {
	for _, ttl := range []uint32{b.c.TTL, b.c.LeaseTTL, b.c.NegativeTTL} {
		if ttl > math.MaxInt32 {
			b.bad("a TTL of %d seconds: want at most %d (RFC 2181 8)", ttl, math.MaxInt32)
		}
	}
	wire, ok := appendName(nil, b.c.Domain+".", nil)
	if !ok || !isHostName(b.c.Domain) || len(wire) > 255-64 {
		b.bad("domain %q: want a domain name of at most %d characters", b.c.Domain, 255-64-2)
		return false
	}
	b.wire = wire
	b.addNode(nil) // the root, so that no other is node 0
	return true
}

// addNode returns the node of a name in wire form, and makes it and those above it
// that there are not yet.
func (b *builder) addNode(wire []byte) uint32 {
	if len(wire) <= 1 {
		if len(b.nodes) == 0 {
			b.nodes = append(b.nodes, node{name: 0, size: 1})
			b.names = append(b.names, 0)
			b.whose = append(b.whose, claimant{})
		}
		return 0
	}
	m := &b.m
	m.set(wire)
	i, above := 0, uint32(0)
	for ; i < m.labels; i++ {
		if above = b.nodeOf(m.hash[i], m.from(i)); above != 0 {
			break
		}
	}
	for i--; i >= 0; i-- {
		above = b.insert(i, above)
	}
	return above
}

// insert adds the node of b.m's end at label i, below another.
func (b *builder) insert(i int, above uint32) uint32 {
	m, n := &b.m, uint32(len(b.nodes))
	x := node{name: uint32(len(b.names)), size: uint8(m.n - int(m.at[i])), zone: b.nodes[above].zone}
	b.names = append(b.names, m.from(i)...)
	b.nodes = append(b.nodes, x)
	b.whose = append(b.whose, claimant{})
	if m.lower[m.at[i]] == 1 && m.lower[m.at[i]+1] == '*' {
		b.nodes[above].wild = n
	}
	if 2*len(b.nodes) > len(b.slots) {
		b.growIndex()
	}
	b.index(m.hash[i], n)
	return n
}

func (b *builder) index(hash, n uint32) {
	mask := uint32(len(b.slots) - 1)
	i := hash & mask
	for b.slots[i] != 0 {
		i = (i + 1) & mask
	}
	b.slots[i] = uint64(hash)<<32 | uint64(n)
}

func (b *builder) growIndex() {
	old := b.slots
	b.slots = make([]uint64, 2*len(old))
	for _, slot := range old {
		if slot != 0 {
			b.index(uint32(slot>>32), uint32(slot))
		}
	}
}

// locate gives an address a name, and reports the node that has it already.
func (b *builder) locate(a netip.Addr, n uint32) (taken uint32) {
	if other := b.located(a); other != 0 {
		return uint32(other)
	}
	if !b.network(a).IsValid() {
		// In a network, parts of addresses exist. Elsewhere those above this one do.
		wire := appendReverse(b.scratch[:0], a, a.BitLen())
		b.scratch = wire[:0]
		b.addNode(wire[1+wire[0]:])
	}
	b.addrs = append(b.addrs, located{a, ref(n)})
	mask := uint32(len(b.addrSlots) - 1)
	i := hashAddr(a) & mask
	for b.addrSlots[i] != 0 {
		i = (i + 1) & mask
	}
	b.addrSlots[i] = uint32(len(b.addrs))
	return 0
}

// begin starts a record at a node; its data is appended to b.data, then end is called.
func (b *builder) begin(n uint32, typ uint16, ttl uint32) {
	b.records = append(b.records, record{node: n, at: uint32(len(b.data)), typ: typ})
	b.data = binary.BigEndian.AppendUint16(b.data, pointer|headerLen)
	b.data = binary.BigEndian.AppendUint16(b.data, typ)
	b.data = binary.BigEndian.AppendUint16(b.data, classIN)
	b.data = binary.BigEndian.AppendUint32(b.data, ttl)
	b.data = append(b.data, 0, 0)
}

func (b *builder) end() {
	r := &b.records[len(b.records)-1]
	r.size = uint32(len(b.data)) - r.at
	binary.BigEndian.PutUint16(b.data[r.at+10:], uint16(r.size-recordLen))
}

const (
	headerLen = 12
	recordLen = 12     // of a record whose owner is a pointer, without its data
	pointer   = 0xC000 // RFC 1035 4.1.4
)

// nodeName returns the name of a node in wire form.
func (b *builder) nodeName(n uint32) []byte {
	x := &b.nodes[n]
	return b.names[x.name : x.name+uint32(x.size)]
}

// nodeOf returns the node of a name in wire form and lower case; 0: there is none yet.
func (b *builder) nodeOf(hash uint32, wire []byte) uint32 {
	mask := uint32(len(b.slots) - 1)
	for i := hash & mask; b.slots[i] != 0; i = (i + 1) & mask {
		if n := uint32(b.slots[i]); uint32(b.slots[i]>>32) == hash && bytes.Equal(b.nodeName(n), wire) {
			return n
		}
	}
	return 0
}

// freeze writes the slab: each node with its records, those of one type beside each
// other. What refers to a node by its number refers to its place then.
func (b *builder) freeze() {
	first := make([]uint32, len(b.nodes)+1)
	for _, r := range b.records {
		first[r.node+1]++
	}
	for i := 1; i < len(first); i++ {
		first[i] += first[i-1]
	}
	sorted, next := make([]record, len(b.records)), slices.Clone(first)
	for _, r := range b.records {
		sorted[next[r.node]] = r
		next[r.node]++
	}
	b.slab = make([]byte, 0, len(b.names)+len(b.data)+nodeHead*len(b.nodes)+setHead*len(b.records))
	b.refs = make([]ref, len(b.nodes))
	for n := range b.nodes {
		b.freezeNode(uint32(n), sorted[first[n]:first[n+1]])
	}
	for n := range b.nodes {
		binary.LittleEndian.PutUint32(b.slab[b.refs[n]:], uint32(b.refs[b.nodes[n].wild]))
		binary.LittleEndian.PutUint32(b.slab[b.refs[n]+4:], uint32(b.refs[b.nodes[n].host]))
		b.checkNode(uint32(n))
	}
	for i, slot := range b.slots {
		b.slots[i] = slot>>32<<32 | uint64(b.refs[uint32(slot)])
	}
	for i := range b.addrs {
		b.addrs[i].node = b.refs[b.addrs[i].node]
	}
	for i := range b.owners {
		b.owners[i].node = b.refs[b.owners[i].node]
	}
	slices.SortStableFunc(b.owners, func(x, y owner) int { return int(x.node) - int(y.node) })
	b.domain = b.lookup(b.domainHash, bytes.ToLower(b.wire))
}

// freezeNode writes a node. Its wild and host are written when all are in their place.
func (b *builder) freezeNode(n uint32, records []record) {
	x := &b.nodes[n]
	at := len(b.slab)
	b.refs[n] = ref(at)
	b.slab = append(b.slab, 0, 0, 0, 0, 0, 0, 0, 0, byte(x.zone), byte(x.zone>>8), x.flags, 0, x.size)
	b.slab = append(b.slab, b.nodeName(n)...)
	for i, r := range records {
		if b.setOf(ref(at), r.typ).count > 0 {
			continue
		}
		head := len(b.slab)
		b.slab = append(b.slab, byte(r.typ), byte(r.typ>>8), 0, 0, 0, 0)
		count := uint16(0)
		for _, same := range records[i:] {
			if same.typ == r.typ {
				b.slab = append(b.slab, b.data[same.at:same.at+same.size]...)
				count++
			}
		}
		size := len(b.slab) - head - setHead
		if size > maxSet {
			b.bad("%s: %d bytes of one type: want at most %d", b.whose[n], size, maxSet)
			b.slab, size, count = b.slab[:head+setHead], 0, 0
		}
		binary.LittleEndian.PutUint16(b.slab[head+2:], count)
		binary.LittleEndian.PutUint16(b.slab[head+4:], uint16(size))
		b.slab[at+11]++
	}
}
