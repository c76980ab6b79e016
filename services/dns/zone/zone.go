// Package zone answers for the names of the house: hosts, the router, records and
// services of the site, clients with a lease, and the names that are special to DNS
// and never leave the house (special.go).
//
// A Table is made once from a Config and never changes, so any number of goroutines
// ask it at the same time, without a lock, and whoever has a new one swaps a
// pointer. It is flat: names, records and their index are a few large slices, with
// records as they go onto the wire. A question costs no allocation, and as many steps
// with 100 hosts as with 100,000.
//
// It guarantees that a name of the house has all its types answered here: what it
// does not have is NODATA (RFC 2308 2.2), never NXDOMAIN and never another server's
// matter, and that NXDOMAIN is said only of names that nobody can have. Wildcards are
// those of RFC 4592: an exact name wins, and so does one that only has names below it.
// Leases come and go in a second, small table over that of the site (lease.go), and
// can take no name that the site gives.
//
// It is pure: no socket, file or clock. The header of a message, EDNS, truncation and
// what is asked of other servers are for others.
package zone

import "net/netip"

// A Table is the names of the house at one moment.
type Table struct {
	*static        // what the site says
	leases  leases // what its clients say
}

// A Query is one question, and who asks it.
type Query struct {
	Name  []byte // in wire form and not compressed, in the case it was asked in
	Type  uint16
	Class uint16
	// From is who asks: of several addresses of one name, those on its network come
	// first. The zero Addr: in the order of the site.
	From netip.Addr
}

// A Kind says who is to answer a question.
type Kind uint8

const (
	// NotLocal is for other servers; nothing was appended.
	NotLocal Kind = iota
	// Local is answered. The answer is authoritative (AA).
	Local
	// Outside is a name of the house that stands for one outside: the answer has the
	// CNAME records so far, and whoever asked completes it with those of Target.
	Outside
)

// An Answer is what follows the question in a reply.
type Answer struct {
	Kind  Kind
	RCode uint8 // NOERROR, FORMERR, NXDOMAIN, NOTIMP or REFUSED
	// Msg is dst and the sections, at most MaxAnswer bytes of them. Compression pointers
	// in it are right if the sections start right behind a header and one question with
	// the name as it was asked.
	Msg       []byte
	Answers   uint16 // records in the answer section
	Authority uint16 // records in the authority section: an SOA, if the answer is negative
	// Target is the name outside that the chain of CNAME records leads to, in wire form.
	// It belongs to the Table and must not be changed.
	Target []byte
}

// MaxAnswer bounds what Answer appends: a chain of CNAME records, and one RRset.
const MaxAnswer = maxHops*(255+12) + maxSet

const (
	maxHops = 8        // CNAME records in one answer
	maxSet  = 16 << 10 // bytes of one RRset; well below the reach of a compression pointer and of TCP
)

// The codes of answers and the types and classes that are more to us than numbers.
const (
	rcodeFormErr  = 1
	rcodeNXDomain = 3
	rcodeNotImp   = 4
	rcodeRefused  = 5

	classIN = 1

	typeA          = 1
	typeNS         = 2
	typeCNAME      = 5
	typeSOA        = 6
	typePTR        = 12
	typeHINFO      = 13
	typeMX         = 15
	typeTXT        = 16
	typeAAAA       = 28
	typeSRV        = 33
	typeOPT        = 41
	typeDS         = 43
	typeRRSIG      = 46
	typeNSEC       = 47
	typeDNSKEY     = 48
	typeNSEC3      = 50
	typeNSEC3PARAM = 51
	typeCDS        = 59
	typeCDNSKEY    = 60
	typeZONEMD     = 63
	typeNXNAME     = 128 // RFC 9824 3.6: only in replies
	typeTKEY       = 249
	typeTSIG       = 250
	typeIXFR       = 251
	typeAXFR       = 252
	typeMAILB      = 253
	typeMAILA      = 254
	typeANY        = 255
	typeCAA        = 257
)
