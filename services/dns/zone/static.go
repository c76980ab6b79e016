package zone

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
)

// static is what the site says, frozen.
type static struct {
	// slab has all nodes, each with all that is said of it, so that a question touches
	// few lines of memory: with 100,000 hosts, memory is what an answer waits for.
	slab  []byte
	slots []uint64 // hash index of nodes: hash<<32 | node, 0 for none; as many as a power of two
	zones []zoneOf // zones[0] is everybody else's

	addrs     []located
	addrSlots []uint32 // hash index of addrs: 1 + its place, 0 for none

	owners   []owner // of nodes with leases, by node
	networks []netip.Prefix
	domain   ref // its node
	// domainHash is that of its name, and suffix what a lease may have behind its label.
	domainHash    uint32
	suffix        string
	ttl, leaseTTL uint32
}

// A ref is where a node is in the slab; 0 is the root, and stands for none. A node is a
// name of the house, or one with names below it:
//
//	0  the node "*" below it; 0: none
//	4  the node whose leases add addresses to it: itself, or what it is an alias of; 0: none
//	8  the zone around it, then flags, the number of its sets, the size of its name
//	13 its name in wire form and lower case, then its sets:
//	   type, number of records, bytes of records; the records
//
// The records of a set are as they are sent, but that each starts with a pointer to the
// name in the question, whatever stands for it.
type ref uint32

const (
	nodeHead = 13
	setHead  = 6
)

// Flags of a node.
const (
	alone = 1 << iota // answered for although its zone is others' or says that there is nothing
	void              // it does not exist, for all that there are names below it
)

func (s *static) wild(n ref) ref      { return ref(binary.LittleEndian.Uint32(s.slab[n:])) }
func (s *static) host(n ref) ref      { return ref(binary.LittleEndian.Uint32(s.slab[n+4:])) }
func (s *static) zone(n ref) uint16   { return binary.LittleEndian.Uint16(s.slab[n+8:]) }
func (s *static) flags(n ref) uint8   { return s.slab[n+10] }
func (s *static) sets(n ref) int      { return int(s.slab[n+11]) }
func (s *static) nameOf(n ref) []byte { return s.slab[n+nodeHead : n+nodeHead+ref(s.slab[n+12])] }

// A set is the records of one type at a node.
type set struct {
	records []byte
	typ     uint16
	count   uint16
}

// setAt returns the set that starts at a place in the slab, and where it ends.
func (s *static) setAt(at ref) (set, ref) {
	head := s.slab[at : at+setHead]
	end := at + setHead + ref(binary.LittleEndian.Uint16(head[4:]))
	return set{
		records: s.slab[at+setHead : end : end],
		typ:     binary.LittleEndian.Uint16(head),
		count:   binary.LittleEndian.Uint16(head[2:]),
	}, end
}

// firstSet returns where the sets of a node start.
func (s *static) firstSet(n ref) ref { return n + nodeHead + ref(s.slab[n+12]) }

// setOf returns the set of a type at a node; it has no records if there is none.
func (s *static) setOf(n ref, typ uint16) set {
	at := s.firstSet(n)
	for range s.sets(n) {
		one, end := s.setAt(at)
		if one.typ == typ {
			return one
		}
		at = end
	}
	return set{}
}

// rule says who answers for the names of a zone that are no nodes.
type rule uint8

const (
	others   rule = iota // other servers
	inHouse              // they do not exist, but parts of addresses do
	emptied              // they do not exist
	noName               // they do not exist; its own name is void
	loopback             // emptied, and the addresses in it are localhost's
)

// zoneOf is a zone: what is said where there is no record.
type zoneOf struct {
	soa    []byte // for negative answers; its owner is the zone's name
	size   int    // of the zone's name; 1: the root's; 0: that of the name in question
	rule   rule
	parent bool // type DS of its own name is asked of others
}

// The zones that are there before all others.
const (
	zoneOthers = iota // everybody else's names
	zoneRoot          // names without a dot: the SOA is the root's
	zoneAlone         // a name that is its own zone
)

// A located is an address with a name.
type located struct {
	addr netip.Addr
	node ref
}

// An owner is a client whose leases give a host addresses.
type owner struct {
	node   ref
	client string
}

// lookup returns the node of a name in wire form and lower case; 0: there is none.
func (s *static) lookup(hash uint32, wire []byte) ref {
	mask := uint32(len(s.slots) - 1)
	for i := hash & mask; s.slots[i] != 0; i = (i + 1) & mask {
		if uint32(s.slots[i]>>32) != hash {
			continue
		}
		if n := ref(s.slots[i]); bytes.Equal(s.nameOf(n), wire) {
			return n
		}
	}
	return 0
}

// inDomain returns the node of a label in lower case below the domain; 0: there is none.
func (s *static) inDomain(label []byte) ref {
	var wire [64 + 256]byte
	wire[0] = byte(len(label))
	n := 1 + copy(wire[1:], label)
	hash := hashBytes(s.domainHash, wire[:n])
	return s.lookup(hash, append(wire[:n], s.nameOf(s.domain)...))
}

// located returns the node that an address is the name of; 0: none.
func (s *static) located(a netip.Addr) ref {
	mask := uint32(len(s.addrSlots) - 1)
	for i := hashAddr(a) & mask; s.addrSlots[i] != 0; i = (i + 1) & mask {
		if e := &s.addrs[s.addrSlots[i]-1]; e.addr == a {
			return e.node
		}
	}
	return 0
}

// hashAddr spreads the addresses of one network over a table.
func hashAddr(a netip.Addr) uint32 {
	b := a.As16()
	h := uint32(hashStart)
	for _, c := range b {
		h = (h ^ uint32(c)) * hashPrime
	}
	return h ^ h>>15
}

// zoneAround returns the zone of the closest node at or above a name.
func (s *static) zoneAround(m *name) uint16 {
	for i := 0; i < m.labels; i++ {
		if n := s.lookup(m.hash[i], m.from(i)); n != 0 {
			return s.zone(n)
		}
	}
	return zoneOthers
}

// owns reports whether a client's leases give a node addresses.
func (s *static) owns(n ref, client string) bool {
	i, _ := slices.BinarySearchFunc(s.owners, n, func(o owner, n ref) int { return int(o.node) - int(n) })
	for ; i < len(s.owners) && s.owners[i].node == n; i++ {
		if s.owners[i].client == client {
			return true
		}
	}
	return false
}

// network returns the network of the house that an address is on, else the zero Prefix.
func (s *static) network(a netip.Addr) netip.Prefix {
	for _, p := range s.networks {
		if p.Contains(a) {
			return p
		}
	}
	return netip.Prefix{}
}
