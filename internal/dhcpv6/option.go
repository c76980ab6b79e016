package dhcpv6

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// Option codes, RFC 8415 21 unless noted.
const (
	OptionClientID          uint16 = 1
	OptionServerID          uint16 = 2
	OptionIANA              uint16 = 3
	OptionIATA              uint16 = 4
	OptionIAAddr            uint16 = 5
	OptionORO               uint16 = 6
	OptionPreference        uint16 = 7
	OptionElapsedTime       uint16 = 8
	OptionUnicast           uint16 = 12 // obsolete by RFC 9915: nobody is to send or obey it
	OptionStatus            uint16 = 13
	OptionRapidCommit       uint16 = 14
	OptionUserClass         uint16 = 15
	OptionVendorClass       uint16 = 16
	OptionReconfigureAccept uint16 = 20
	OptionDNS               uint16 = 23 // RFC 3646
	OptionSearch            uint16 = 24 // RFC 3646
	OptionIAPD              uint16 = 25
	OptionIAPrefix          uint16 = 26
	OptionSNTP              uint16 = 31 // RFC 4075
	OptionRefreshTime       uint16 = 32
	OptionNTP               uint16 = 56 // RFC 5908
	OptionPrefixExclude     uint16 = 67 // RFC 6603
	OptionSolMaxRT          uint16 = 82
	OptionInfMaxRT          uint16 = 83
	OptionCaptivePortal     uint16 = 103 // RFC 8910
	OptionAddrRegEnable     uint16 = 148 // RFC 9686
)

// MaxOptions is how many options one list may have. No message needs as many.
const MaxOptions = 256

// An Option is one option, its value as on the wire.
type Option struct {
	Code uint16
	Data []byte // at most 65535 bytes
}

// Options are those of a message, or of an option that has others in it.
type Options []Option

// ReadOptions reads a list of options. The error is ErrOption.
func ReadOptions(b []byte) (all Options, err error) {
	all, rest, err := readOptions(b)
	if err == nil && len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes are left behind the last one", ErrOption, len(rest))
	}
	return all, err
}

// readOptions returns what is behind the last option as well: too few bytes for one more.
func readOptions(b []byte) (all Options, rest []byte, err error) {
	for len(b) >= 4 {
		code, n := binary.BigEndian.Uint16(b), 4+int(binary.BigEndian.Uint16(b[2:]))
		switch {
		case n > len(b):
			return nil, nil, fmt.Errorf("%w: option %d runs past the end", ErrOption, code)
		case len(all) == MaxOptions:
			return nil, nil, fmt.Errorf("%w: more than %d of them", ErrOption, MaxOptions)
		}
		all = append(all, Option{code, b[4:n:n]})
		b = b[n:]
	}
	return all, b, nil
}

// Append appends the list.
func (o Options) Append(b []byte) []byte {
	for _, one := range o {
		b = binary.BigEndian.AppendUint16(b, one.Code)
		b = binary.BigEndian.AppendUint16(b, uint16(len(one.Data)))
		b = append(b, one.Data...)
	}
	return b
}

// Add adds an option at the end.
func (o *Options) Add(code uint16, data []byte) { *o = append(*o, Option{code, data}) }

// Get returns the value of the first option of the code, nil if there is none. An empty
// option has a value that is not nil.
func (o Options) Get(code uint16) []byte {
	for data := range o.All(code) {
		return data
	}
	return nil
}

// Has reports whether there is an option of the code.
func (o Options) Has(code uint16) bool { return o.Get(code) != nil }

// All returns the values of all options of the code, in their order.
func (o Options) All(code uint16) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, one := range o {
			if one.Code != code {
				continue
			}
			data := one.Data
			if data == nil {
				data = []byte{}
			}
			if !yield(data) {
				return
			}
		}
	}
}
