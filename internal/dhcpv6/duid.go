package dhcpv6

import (
	"encoding/binary"
	"encoding/hex"
	"time"
)

// A DUID names a client or a server to the others, for as long as it lives (RFC 8415 11). To
// others it is bytes without a meaning.
type DUID []byte

// MaxDUID is the longest, in bytes: two of its type, and 128.
const MaxDUID = 130

// The types of DUIDs.
const (
	duidLLT  = 1
	duidEN   = 2
	duidLL   = 3
	duidUUID = 4 // RFC 6355
	ethernet = 1 // the type of the hardware
)

// LinkLayerDUID is that of a machine with a card that stays in it: DUID-LL.
func LinkLayerDUID(mac [6]byte) DUID { return append(DUID{0, duidLL, 0, ethernet}, mac[:]...) }

// LinkLayerTimeDUID is that of a machine that can keep it: DUID-LLT, made at a time. Of a time
// before 2000 only a part of the seconds counts, as of all later ones (RFC 8415 11.2).
func LinkLayerTimeDUID(mac [6]byte, at time.Time) DUID {
	const from2000 = 946684800
	d := binary.BigEndian.AppendUint32(DUID{0, duidLLT, 0, ethernet}, uint32(at.Unix()-from2000))
	return append(d, mac[:]...)
}

// EnterpriseDUID is that of a vendor with an enterprise number of IANA's: DUID-EN.
func EnterpriseDUID(number uint32, id []byte) DUID {
	return append(binary.BigEndian.AppendUint32(DUID{0, duidEN}, number), id...)
}

// UUIDDUID is that of a machine with a UUID: DUID-UUID.
func UUIDDUID(uuid [16]byte) DUID { return append(DUID{0, duidUUID}, uuid[:]...) }

// Valid reports whether d has a length that a DUID can have: 3 bytes to MaxDUID.
func (d DUID) Valid() bool { return len(d) > 2 && len(d) <= MaxDUID }

// String returns d as hex digits.
func (d DUID) String() string { return hex.EncodeToString(d) }

// MarshalText implements encoding.TextMarshaler.
func (d DUID) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *DUID) UnmarshalText(text []byte) (err error) {
	*d, err = hex.DecodeString(string(text))
	return err
}
