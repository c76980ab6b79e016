package wire

// A form says where the names are in the data of a type: behind prefix bytes, names of them, and then rest
// bytes, any number if rest is negative.
type form struct {
	prefix, names, rest int
	compress            bool // names may be compressed (RFC 3597 4: only in the types of RFC 1035)
}

// anyRest is the rest of a form of which nothing is known.
const anyRest = -1

// formOf returns the form of a type. Types that are not here have no names that could point elsewhere, and
// are taken as they are (RFC 3597 4).
func formOf(typ uint16) form {
	switch typ {
	case TypeNS, TypeMD, TypeMF, TypeCNAME, TypeMB, TypeMG, TypeMR, TypePTR:
		return form{names: 1, compress: true}
	case TypeSOA:
		return form{names: 2, rest: soaNumbers, compress: true}
	case TypeMINFO:
		return form{names: 2, compress: true}
	case TypeMX:
		return form{prefix: 2, names: 1, compress: true}
	case TypeRP:
		return form{names: 2}
	case TypeAFSDB, TypeRT, TypeKX:
		return form{prefix: 2, names: 1}
	case TypePX:
		return form{prefix: 2, names: 2}
	case TypeSRV:
		return form{prefix: 6, names: 1}
	case TypeDNAME:
		return form{names: 1}
	case TypeSIG, TypeRRSIG:
		return form{prefix: signerAt, names: 1, rest: anyRest}
	case TypeNSEC:
		return form{names: 1, rest: anyRest}
	case TypeA:
		return form{rest: 4}
	case TypeAAAA:
		return form{rest: 16}
	}
	return form{rest: anyRest}
}

const (
	soaNumbers = 20 // bytes of serial, refresh, retry, expire, minimum
	signerAt   = 18 // where in a signature the name of the signer begins (RFC 4034 3.1)
)

// naptrPrefix returns how much of the data of a NAPTR record is before its name: two numbers and three
// strings (RFC 3403 4.1); 0 if the strings are too long.
func naptrPrefix(data []byte) int {
	off := 4
	for range 3 {
		if off >= len(data) {
			return 0
		}
		off += 1 + int(data[off])
	}
	return off
}
