package zone

import (
	"bytes"
	"net/netip"
	"slices"
)

// static is what the site says, frozen.
type static struct {
	names []byte   // names of nodes in wire form and lower case
	nodes []node   // nodes[0] is the root
	slots []uint64 // hash index of nodes: hash<<32 | node, 0 for none; as many as a power of two
	sets  []set    // those of a node beside each other
	data  []byte   // records of sets beside each other, as they are sent
	zones []zoneOf // zones[0] is everybody else's

	addrs     []located
	addrSlots []uint32 // hash index of addrs: 1 + its place, 0 for none

	owners   []owner // of nodes with leases, by node
	networks []netip.Prefix
	domain   uint32 // its node
	// domainHash is that of its name, and suffix what a lease may have behind its label.
	domainHash    uint32
	suffix        string
	ttl, leaseTTL uint32
}

// A node is a name of the house, or one with names below it.
type node struct {
	name  uint32 // in names
	set   uint32 // the first of its sets
	wild  uint32 // the node "*" below it; 0: none
	host  uint32 // whose leases add addresses to it: itself, or what it is an alias of; 0: none
	zone  uint16 // the zone around it
	sets  uint16
	size  uint8 // of its name
	alone bool  // answered for although its zone is others' or says that there is nothing
	void  bool  // it does not exist, for all that there are names below it
}

// A set is the records of one type at a node. Each starts with a pointer to the name
// in the question, or what stands for it.
type set struct {
	at, size uint32 // in data
	typ      uint16
	count    uint16
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
	soa    set // for negative answers; its owner is the zone's name
	size   int // of the zone's name; 1: the root's; 0: that of the name in question
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
	node uint32
}

// An owner is a client whose leases give a host addresses.
type owner struct {
	node   uint32
	client string
}

// nameOf returns the name of a node in wire form.
func (s *static) nameOf(n uint32) []byte {
	x := &s.nodes[n]
	return s.names[x.name : x.name+uint32(x.size)]
}

// lookup returns the node of a name in wire form and lower case; 0: there is none.
func (s *static) lookup(hash uint32, wire []byte) uint32 {
	mask := uint32(len(s.slots) - 1)
	for i := hash & mask; s.slots[i] != 0; i = (i + 1) & mask {
		if uint32(s.slots[i]>>32) != hash {
			continue
		}
		if n := uint32(s.slots[i]); bytes.Equal(s.nameOf(n), wire) {
			return n
		}
	}
	return 0
}

// inDomain returns the node of a label in lower case below the domain; 0: there is none.
func (s *static) inDomain(label []byte) uint32 {
	var wire [64 + 256]byte
	wire[0] = byte(len(label))
	n := 1 + copy(wire[1:], label)
	hash := hashBytes(s.domainHash, wire[:n])
	return s.lookup(hash, append(wire[:n], s.nameOf(s.domain)...))
}

// located returns the node that an address is the name of; 0: none.
func (s *static) located(a netip.Addr) uint32 {
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

// setOf returns the set of a type at a node, nil if there is none.
func (s *static) setOf(n uint32, typ uint16) *set {
	x := &s.nodes[n]
	for i := x.set; i < x.set+uint32(x.sets); i++ {
		if s.sets[i].typ == typ {
			return &s.sets[i]
		}
	}
	return nil
}

// zoneAround returns the zone of the closest node at or above a name.
func (s *static) zoneAround(m *name) uint16 {
	for i := 0; i < m.labels; i++ {
		if n := s.lookup(m.hash[i], m.from(i)); n != 0 {
			return s.nodes[n].zone
		}
	}
	return zoneOthers
}

// owns reports whether a client's leases give a node addresses.
func (s *static) owns(n uint32, client string) bool {
	i, _ := slices.BinarySearchFunc(s.owners, n, func(o owner, n uint32) int { return int(o.node) - int(n) })
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
