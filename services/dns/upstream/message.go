package upstream

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// The parts of messages that this package looks at, RFC 1035 section 4.1.
const (
	headerLen = 12
	fixedLen  = 10 // of a record between its name and its data
)

// Bits of the second 16 of a header.
const (
	flagQR     = 1 << 15
	maskOpcode = 15 << 11
	flagAA     = 1 << 10
	flagTC     = 1 << 9
	flagRD     = 1 << 8
	flagRA     = 1 << 7
	flagAD     = 1 << 5 // RFC 4035
	flagCD     = 1 << 4
	maskRcode  = 15
)

// Codes of responses.
const (
	rcodeNoError  = 0
	rcodeFormErr  = 1
	rcodeServFail = 2
	rcodeNXDomain = 3
	rcodeNotImp   = 4
	rcodeRefused  = 5
	rcodeYXDomain = 6 // a DNAME made too long a name, RFC 6672: an answer
)

// Types that are looked at, and those whose data has names in it.
const (
	typeA     = 1
	typeNS    = 2
	typeMD    = 3
	typeMF    = 4
	typeCNAME = 5
	typeSOA   = 6
	typeMB    = 7
	typeMG    = 8
	typeMR    = 9
	typePTR   = 12
	typeMINFO = 14
	typeMX    = 15
	typeRP    = 17
	typeAFSDB = 18
	typeRT    = 21
	typeSIG   = 24
	typePX    = 26
	typeAAAA  = 28
	typeNXT   = 30
	typeSRV   = 33
	typeNAPTR = 35
	typeKX    = 36
	typeDNAME = 39
	typeOPT   = 41
	typeSVCB  = 64
	typeHTTPS = 65
	typeIXFR  = 251
	typeAXFR  = 252
)

const classIN = 1

// The sections of records, in their order.
const (
	sectionAnswer = iota
	sectionAuthority
	sectionAdditional
)

// errGarbage is a message that nobody can read.
var errGarbage = errors.New("the message is garbage")

func u16(b []byte, at int) int { return int(binary.BigEndian.Uint16(b[at:])) }

// A record is where the parts of one are in its message.
type record struct {
	section   int
	start     int // of its name
	typ       int
	class     int
	ttl       uint32
	data, end int
}

// A walk goes through the records of a message.
type walk struct {
	b       []byte
	at      int
	section int
	left    [3]int
}

// walkRecords starts at the first record behind the only question of b, which is at least a header.
func walkRecords(b []byte) (w walk, err error) {
	w = walk{b: b, at: headerLen, left: [3]int{u16(b, 6), u16(b, 8), u16(b, 10)}}
	for range u16(b, 4) {
		if w.at, err = skipName(b, w.at); err != nil || w.at+4 > len(b) {
			return w, errGarbage
		}
		w.at += 4
	}
	return w, nil
}

// next returns the next record. more is false behind the last.
func (w *walk) next() (r record, more bool, err error) {
	for w.section < len(w.left) && w.left[w.section] == 0 {
		w.section++
	}
	if w.section == len(w.left) {
		return r, false, nil
	}
	w.left[w.section]--
	at, err := skipName(w.b, w.at)
	if err != nil || at+fixedLen > len(w.b) {
		return r, false, errGarbage
	}
	r = record{
		section: w.section, start: w.at, typ: u16(w.b, at), class: u16(w.b, at+2),
		ttl: binary.BigEndian.Uint32(w.b[at+4:]), data: at + fixedLen,
	}
	r.end = r.data + u16(w.b, at+8)
	if r.end > len(w.b) {
		return r, false, errGarbage
	}
	w.at = r.end
	return r, true, nil
}

// skipName returns where the name at an offset ends, and does not follow pointers.
func skipName(b []byte, at int) (int, error) {
	for at < len(b) {
		switch c := int(b[at]); {
		case c == 0:
			return at + 1, nil
		case c >= 0xc0 && at+2 <= len(b):
			return at + 2, nil
		case c <= servers.MaxLabel:
			at += 1 + c
		default:
			return 0, errGarbage
		}
	}
	return 0, errGarbage
}

// appendName appends the whole name at an offset, and returns where it ends there. A pointer leads to what
// is wholly before the labels that it ends (RFC 1035 section 4.1.4, "a prior occurrence"), so there are no
// loops; and not into the header, which changes.
func appendName(dst, b []byte, at int) (name []byte, end int, err error) {
	first, limit, size := at, len(b), 0
	for at < limit {
		switch c := int(b[at]); {
		case c >= 0xc0 && at+2 <= limit:
			to := u16(b, at) & 0x3fff
			if end == 0 {
				end = at + 2
			}
			if to < headerLen {
				return nil, 0, errGarbage
			}
			first, limit, at = to, first, to // so what is not before ends the loop
		case c <= servers.MaxLabel && at+1+c <= limit:
			if size += 1 + c; size > servers.MaxName {
				return nil, 0, errGarbage
			}
			dst = append(dst, b[at:at+1+c]...)
			if at += 1 + c; c == 0 && end == 0 {
				end = at
			}
			if c == 0 {
				return dst, end, nil
			}
		default:
			return nil, 0, errGarbage
		}
	}
	return nil, 0, errGarbage
}

// names says where the names in the data of a record of a type are: behind skip octets, so many of them, and
// whether a sender may compress them: only in the types of RFC 1035, by RFC 3597 section 4.
func names(b []byte, r record) (skip, count int, compress bool) {
	switch r.typ {
	case typeNS, typeMD, typeMF, typeCNAME, typeMB, typeMG, typeMR, typePTR:
		return 0, 1, true
	case typeSOA, typeMINFO:
		return 0, 2, true
	case typeMX:
		return 2, 1, true
	case typeDNAME, typeNXT:
		return 0, 1, false
	case typeAFSDB, typeRT, typeKX:
		return 2, 1, false
	case typeRP:
		return 0, 2, false
	case typePX:
		return 2, 2, false
	case typeSRV:
		return 6, 1, false
	case typeSIG:
		return 18, 1, false
	case typeNAPTR: // two numbers, three strings
		skip = 4
		for range 3 {
			if r.data+skip < r.end {
				skip += 1 + int(b[r.data+skip])
			}
		}
		return skip, 1, false
	}
	return 0, 0, false
}

// checkRecord reports whether a record has the names and the data that its type has, as far as this package
// must know.
func checkRecord(b []byte, r record) error {
	size := r.end - r.data
	if r.class == classIN && (r.typ == typeA && size != 4 || r.typ == typeAAAA && size != 16) {
		return errGarbage
	}
	var room [servers.MaxName]byte
	if _, _, err := appendName(room[:0], b, r.start); err != nil {
		return err
	}
	at, count, _ := names(b, r)
	at += r.data
	for range count {
		var err error
		if _, at, err = appendName(room[:0], b[:r.end], at); err != nil {
			return err
		}
	}
	return nil
}

// address returns the address that is the data of an A or AAAA record.
func address(b []byte, r record) netip.Addr {
	a, _ := netip.AddrFromSlice(b[r.data:r.end])
	return a
}
