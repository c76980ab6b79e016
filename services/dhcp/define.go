package dhcp

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the type of the value of an option.
type Kind uint8

// The kinds. Hex stands for whatever has no better one.
const (
	Hex       Kind = iota
	Text           // printable, without an end mark
	Address        // one IPv4 address
	Addresses      // one or more
	Number8        // unsigned, like the next two
	Number16
	Number32
	Flag    // 0 or 1
	Domains // RFC 3397
	Codes   // a list of option codes
)

// A Definition says what an option is: its code, the name that dnsmasq and its
// users know it by, and the type of its value.
type Definition struct {
	Code uint8
	Name string
	Kind Kind
}

// definitions are the options with a name: RFC 2132 and those of later RFCs that
// are in use. The order is that of the codes.
func definitions() []Definition {
	return []Definition{
		{1, "netmask", Address}, {2, "time-offset", Number32}, {3, "router", Addresses}, {4, "time-server", Addresses},
		{6, "dns-server", Addresses}, {7, "log-server", Addresses}, {9, "lpr-server", Addresses}, {12, "host-name", Text},
		{13, "boot-file-size", Number16}, {15, "domain-name", Text}, {16, "swap-server", Address}, {17, "root-path", Text},
		{18, "extension-path", Text}, {19, "ip-forward-enable", Flag}, {23, "default-ttl", Number8}, {26, "mtu", Number16},
		{28, "broadcast", Address}, {31, "router-discovery", Flag}, {33, "static-route", Addresses}, {35, "arp-timeout", Number32},
		{37, "tcp-ttl", Number8}, {38, "tcp-keepalive", Number32}, {40, "nis-domain", Text}, {41, "nis-server", Addresses},
		{42, "ntp-server", Addresses}, {43, "vendor-encap", Hex}, {44, "netbios-ns", Addresses}, {45, "netbios-dd", Addresses},
		{46, "netbios-nodetype", Number8}, {47, "netbios-scope", Text}, {48, "x-windows-fs", Addresses}, {49, "x-windows-dm", Addresses},
		{50, "requested-address", Address}, {51, "lease-time", Number32}, {52, "overload", Number8}, {53, "message-type", Number8},
		{54, "server-identifier", Address}, {55, "requested-options", Codes}, {56, "message", Text}, {57, "max-message-size", Number16},
		{58, "T1", Number32}, {59, "T2", Number32}, {60, "vendor-class", Text}, {61, "client-id", Hex}, {66, "tftp-server", Text},
		{67, "bootfile-name", Text}, {69, "smtp-server", Addresses}, {70, "pop3-server", Addresses}, {77, "user-class", Text},
		{80, "rapid-commit", Hex}, {81, "client-fqdn", Hex}, {82, "relay-agent", Hex}, {93, "client-arch", Number16},
		{94, "client-interface-id", Hex}, {97, "client-machine-id", Hex}, {100, "posix-timezone", Text}, {101, "tzdb-timezone", Text},
		{108, "ipv6-only", Number32}, {114, "captive-portal", Text}, {116, "auto-configure", Flag}, {119, "domain-search", Domains},
		{120, "sip-server", Hex}, {121, "classless-static-route", Hex}, {125, "vendor-id-encap", Hex}, {138, "capwap-server", Addresses},
		{145, "forcerenew-nonce", Hex}, {150, "tftp-server-address", Addresses}, {175, "ipxe", Hex}, {203, "iscsi-initiator", Text},
		{209, "pxe-config-file", Text}, {210, "pxe-path-prefix", Text}, {252, "wpad", Text},
	}
}

// Define returns the definition of an option by its name or its number. A number
// without a name is Hex.
func Define(option string) (d Definition, ok bool) {
	n, err := strconv.ParseUint(option, 10, 8)
	for _, d := range definitions() {
		if d.Name == option || err == nil && uint64(d.Code) == n {
			return d, true
		}
	}
	return Definition{Code: uint8(n), Name: option}, err == nil && n > 0 && n < 255
}

// Encode returns the value as on the wire. The errors say what was expected.
//
// Kinds of lists take any number of values, the others one. Hex takes pairs of
// digits, which colons or spaces may separate, or a value with its type before it:
// text:, ip:, u8:, u16: or u32:.
func (d Definition) Encode(values ...string) (b []byte, err error) {
	if list := d.Kind == Addresses || d.Kind == Domains || d.Kind == Codes; len(values) == 0 || !list && len(values) > 1 {
		return nil, fmt.Errorf("option %s: %d values, want one", d.Name, len(values))
	}
	for _, v := range values {
		if b, err = d.Kind.append(b, v); err != nil {
			return nil, fmt.Errorf("option %s: %q: %w", d.Name, v, err)
		}
	}
	return b, nil
}

func (k Kind) append(b []byte, v string) ([]byte, error) {
	switch k {
	case Text:
		if v == "" || !isPrintable(v) {
			return nil, fmt.Errorf("want printable text")
		}
		return append(b, v...), nil
	case Address, Addresses:
		a, err := netip.ParseAddr(v)
		if err != nil || !a.Is4() {
			return nil, fmt.Errorf("want an IPv4 address")
		}
		return append(b, a.AsSlice()...), nil
	case Flag:
		switch v {
		case "true":
			return append(b, 1), nil
		case "false":
			return append(b, 0), nil
		}
		return nil, fmt.Errorf("want true or false")
	case Domains:
		if !isDomain(v) {
			return nil, fmt.Errorf("want a domain name")
		}
		return append(b, searchList([]string{v})...), nil
	case Hex:
		return appendHex(b, v)
	}
	return k.appendNumber(b, v)
}

func (k Kind) appendNumber(b []byte, v string) ([]byte, error) {
	bits := map[Kind]int{Number16: 16, Number32: 32}[k]
	if bits == 0 {
		bits = 8
	}
	n, err := strconv.ParseUint(v, 10, bits)
	if err != nil {
		return nil, fmt.Errorf("want a number below 2^%d", bits)
	}
	switch bits {
	case 16:
		return binary.BigEndian.AppendUint16(b, uint16(n)), nil
	case 32:
		return binary.BigEndian.AppendUint32(b, uint32(n)), nil
	}
	return append(b, byte(n)), nil
}

// appendHex appends a value of no known type.
func appendHex(b []byte, v string) ([]byte, error) {
	types := map[string]Kind{"text": Text, "ip": Address, "u8": Number8, "u16": Number16, "u32": Number32}
	if name, value, ok := strings.Cut(v, ":"); ok {
		if k, ok := types[name]; ok {
			return k.append(b, value)
		}
	}
	d, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(v))
	if err != nil {
		return nil, fmt.Errorf("want pairs of hex digits, or text:, ip:, u8:, u16: or u32: and a value")
	}
	return append(b, d...), nil
}

// Format returns the value for people. What is not of the kind that it should be
// is shown as it is.
func (d Definition) Format(data []byte) string {
	switch k := d.Kind; {
	case k == Text && isPrintable(string(data)):
		return strconv.Quote(string(data))
	case (k == Address || k == Addresses) && len(data) > 0 && len(data)%4 == 0:
		return formatEach(data, 4, func(b []byte) string { return netip.AddrFrom4([4]byte(b)).String() })
	case k == Number8 && len(data) == 1, k == Flag && len(data) == 1:
		return strconv.Itoa(int(data[0]))
	case k == Number16 && len(data) > 0 && len(data)%2 == 0:
		return formatEach(data, 2, func(b []byte) string { return strconv.Itoa(int(binary.BigEndian.Uint16(b))) })
	case k == Number32 && len(data) == 4:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(data)), 10)
	case k == Codes:
		return formatEach(data, 1, func(b []byte) string { return strconv.Itoa(int(b[0])) })
	}
	return hex.EncodeToString(data)
}

func formatEach(b []byte, size int, format func([]byte) string) string {
	var all []string
	for ; len(b) >= size; b = b[size:] {
		all = append(all, format(b[:size]))
	}
	return strings.Join(all, ",")
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || !strconv.IsPrint(r) })
}
