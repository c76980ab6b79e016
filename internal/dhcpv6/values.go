package dhcpv6

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// ReadAddrs reads the value of an option that is addresses: 23, 31. The error is ErrOption.
func ReadAddrs(b []byte) (all []netip.Addr, err error) {
	if len(b)%16 != 0 {
		return nil, fmt.Errorf("%w: addresses of %d bytes, expected a multiple of 16", ErrOption, len(b))
	}
	for ; len(b) > 0; b = b[16:] {
		all = append(all, netip.AddrFrom16([16]byte(b)))
	}
	return all, nil
}

// AppendAddrs appends addresses.
func AppendAddrs(b []byte, all []netip.Addr) []byte {
	for _, a := range all {
		one := a.As16()
		b = append(b, one[:]...)
	}
	return b
}

// ReadDomains reads the value of an option that is domains, as 24: names of RFC 1035 3.1,
// which are not compressed (RFC 8415 10). Names have no dot at the end; whether they are names
// of hosts, or what they show on a terminal, is not looked at. The root, and a label with a
// dot in it, cannot be told from other names: they are an ErrOption too.
func ReadDomains(b []byte) (all []string, err error) {
	for len(b) > 0 {
		var name string
		if name, b, err = readDomain(b); err != nil {
			return nil, err
		}
		all = append(all, name)
	}
	return all, nil
}

func readDomain(b []byte) (name string, rest []byte, err error) {
	const maxLabel, maxName = 63, 253
	var labels []string
	for len(b) > 0 {
		n := int(b[0])
		switch {
		case n == 0 && len(labels) > 0:
			if name = strings.Join(labels, "."); len(name) > maxName {
				return "", nil, fmt.Errorf("%w: a domain name of more than %d characters", ErrOption, maxName)
			}
			return name, b[1:], nil
		case n == 0:
			return "", nil, fmt.Errorf("%w: the root as a domain name", ErrOption)
		case n > maxLabel:
			return "", nil, fmt.Errorf("%w: a domain name with a label of %d bytes, or compressed", ErrOption,
				n)
		case 1+n > len(b) || strings.Contains(string(b[1:1+n]), "."):
			return "", nil, fmt.Errorf("%w: a label of a domain name that is cut off or has a dot in it",
				ErrOption)
		}
		labels = append(labels, string(b[1:1+n]))
		b = b[1+n:]
	}
	return "", nil, fmt.Errorf("%w: a domain name without an end", ErrOption)
}

// AppendDomains appends domains, whose labels have 1 to 63 bytes each.
func AppendDomains(b []byte, all []string) []byte {
	for _, name := range all {
		b = option.AppendDomain(b, name)
	}
	return b
}

// NTP is the value of option 56 (RFC 5908): where the time is had from.
type NTP struct {
	Servers   []netip.Addr
	Multicast []netip.Addr
	Names     []string
}

// Its suboptions, RFC 5908 4.
const (
	ntpServer    = 1
	ntpMulticast = 2
	ntpName      = 3
)

// ReadNTP reads it. Suboptions that are not known are passed over. The error is ErrOption.
func ReadNTP(b []byte) (n NTP, err error) {
	all, err := ReadOptions(b)
	if err != nil {
		return NTP{}, err
	}
	for _, o := range all {
		switch o.Code {
		case ntpServer, ntpMulticast:
			if len(o.Data) != 16 {
				return NTP{}, fmt.Errorf("%w: an NTP server of %d bytes, expected 16", ErrOption, len(o.Data))
			}
			to := &n.Servers
			if o.Code == ntpMulticast {
				to = &n.Multicast
			}
			*to = append(*to, netip.AddrFrom16([16]byte(o.Data)))
		case ntpName:
			names, err := ReadDomains(o.Data)
			if err != nil || len(names) != 1 {
				return NTP{}, fmt.Errorf("%w: an NTP server by %d names, expected one", ErrOption, len(names))
			}
			n.Names = append(n.Names, names[0])
		}
	}
	return n, nil
}

// Append appends it.
func (n *NTP) Append(b []byte) []byte {
	var all Options
	for _, a := range n.Servers {
		all.Add(ntpServer, AppendAddrs(nil, []netip.Addr{a}))
	}
	for _, a := range n.Multicast {
		all.Add(ntpMulticast, AppendAddrs(nil, []netip.Addr{a}))
	}
	for _, name := range n.Names {
		all.Add(ntpName, AppendDomains(nil, []string{name}))
	}
	return all.Append(b)
}

// ReadCodes reads the value of an Option Request option (6). The error is ErrOption.
func ReadCodes(b []byte) (all []uint16, err error) {
	if len(b)%2 != 0 {
		return nil, fmt.Errorf("%w: option codes of %d bytes, expected an even number", ErrOption, len(b))
	}
	for ; len(b) > 0; b = b[2:] {
		all = append(all, binary.BigEndian.Uint16(b))
	}
	return all, nil
}

// AppendCodes appends option codes.
func AppendCodes(b []byte, all []uint16) []byte {
	for _, code := range all {
		b = binary.BigEndian.AppendUint16(b, code)
	}
	return b
}

// AppendElapsed appends the value of an Elapsed Time option (8), in hundredths of a second; a
// longer time is 0xffff (RFC 8415 21.9).
func AppendElapsed(b []byte, d time.Duration) []byte {
	return binary.BigEndian.AppendUint16(b, uint16(min(max(d, 0)/(10*time.Millisecond), 0xffff)))
}

// ReadElapsed reads it.
func ReadElapsed(b []byte) (d time.Duration, ok bool) {
	if len(b) != 2 {
		return 0, false
	}
	return time.Duration(binary.BigEndian.Uint16(b)) * 10 * time.Millisecond, true
}

// Preference returns how much an advertising server wants to be chosen: 0, as without the
// option, to 255 (RFC 8415 21.8).
func (o Options) Preference() uint8 {
	if b := o.Get(OptionPreference); len(b) == 1 {
		return b[0]
	}
	return 0
}
