package dhcpv6

import (
	"encoding/binary"
	"fmt"
)

// StatusCode says how a request ended.
type StatusCode uint16

// Status codes, RFC 8415 21.13.
const (
	Success StatusCode = iota
	UnspecFail
	NoAddrsAvail
	NoBinding
	NotOnLink
	UseMulticast
	NoPrefixAvail
)

// String returns the name that RFC 8415 uses.
func (c StatusCode) String() string {
	names := [...]string{
		"Success", "UnspecFail", "NoAddrsAvail", "NoBinding", "NotOnLink", "UseMulticast", "NoPrefixAvail",
	}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("status %d", uint16(c))
}

// A Status is a status code, and what the server has to say about it: text of a stranger.
type Status struct {
	Code    StatusCode
	Message string
}

// Status returns the status of a list of options; one without the option is a Success (RFC
// 8415 21.13). The error is ErrOption.
func (o Options) Status() (Status, error) {
	switch b := o.Get(OptionStatus); {
	case b == nil:
		return Status{}, nil
	case len(b) < 2:
		return Status{}, short("a status", b, 2)
	default:
		return Status{StatusCode(binary.BigEndian.Uint16(b)), string(b[2:])}, nil
	}
}

// Append appends the value of a status option.
func (s *Status) Append(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(s.Code)), s.Message...)
}
