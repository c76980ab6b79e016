// Package wire is DNS as bytes: what a server on UDP needs for each query, without an allocation and without
// a message of structs in between. [Query] reads a question of a stranger, [Query.Append] writes the reply to
// it, [Extract] takes of an upstream's answer what belongs to its question, [Cache] keeps that in a fixed
// memory, [Flights] has equal questions asked once, and [Cookies] tell a client that was here before from a
// forged address.
//
// It is guaranteed that a Query that is Plain is one question of class IN and well formed, that no reply is
// longer than allowed or echoes what was not understood, that what the cache returns is what was put, counted
// down, and that no table grows. Time, secrets and seeds are arguments. Left to others: sockets and waiting
// (the front), local names (zone), who is asked, over what, and whether to believe it (upstream), and every
// question that is not plain (the full server).
package wire

// Types of records and questions that this package knows by name (IANA, DNS parameters).
const (
	TypeA      = 1
	TypeNS     = 2
	TypeMD     = 3
	TypeMF     = 4
	TypeCNAME  = 5
	TypeSOA    = 6
	TypeMB     = 7
	TypeMG     = 8
	TypeMR     = 9
	TypePTR    = 12
	TypeMINFO  = 14
	TypeMX     = 15
	TypeRP     = 17
	TypeAFSDB  = 18
	TypeRT     = 21
	TypeSIG    = 24
	TypePX     = 26
	TypeAAAA   = 28
	TypeSRV    = 33
	TypeNAPTR  = 35
	TypeKX     = 36
	TypeDNAME  = 39
	TypeOPT    = 41
	TypeRRSIG  = 46
	TypeNSEC   = 47
	TypeNSEC3  = 50
	TypeTSIG   = 250
	TypeIXFR   = 251
	firstMeta  = 128 // types from here to lastMeta ask for more than one RRset, or are no questions at all
	lastMeta   = 255
	classIN    = 1
	headerSize = 12
	ednsSize   = 11 // of an OPT record without options
)

// MaxUDP is the size of the longest reply over UDP in bytes: what fits into one packet on any path
// (DNS Flag Day 2020).
const MaxUDP = 1232

// minUDP is what every client takes (RFC 1035 4.2.1, RFC 6891 6.2.3).
const minUDP = 512

// An Rcode is the result of a question. Those above 15 need EDNS to be told.
type Rcode uint16

// Results that this package gives or looks at.
const (
	NoError   Rcode = 0
	FormErr   Rcode = 1
	ServFail  Rcode = 2
	NXDomain  Rcode = 3
	NotImp    Rcode = 4
	Refused   Rcode = 5
	BadVers   Rcode = 16
	BadCookie Rcode = 23
)

// Bits of the second and third word of a header.
const (
	flagQR = 1 << 15
	flagAA = 1 << 10
	flagTC = 1 << 9
	flagRD = 1 << 8
	flagRA = 1 << 7
	flagAD = 1 << 5
	flagCD = 1 << 4

	flagDO = 1 << 15 // of an OPT record
)
