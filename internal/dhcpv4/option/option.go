// Package option knows the options of DHCPv4: what people call them, what their
// values are, and how these look on the wire (RFC 2132 and its successors).
//
// It is the one place that knows, for the site, which is written by people, for the
// server and the client, and for what people are shown. It says nothing about which
// options a client is sent or believes; the kinds are those that people can write, so that a few options
// with a structure of their own are Hex.
package option

import (
	"slices"
	"strconv"
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
	Routes  // RFC 3442
	// Encapsulated is options within the option, each a code, a length and a value.
	// People write it as Hex.
	Encapsulated
)

// String says what a value of the kind is, for people who have to write one.
func (k Kind) String() string {
	switch k {
	case Text:
		return "printable text"
	case Address:
		return "an IPv4 address"
	case Addresses:
		return "IPv4 addresses"
	case Number8:
		return "a number from 0 to 255"
	case Number16:
		return "a number from 0 to 65535"
	case Number32:
		return "a number from 0 to 4294967295"
	case Flag:
		return "true or false"
	case Domains:
		return "domain names"
	case Codes:
		return "numbers of options"
	case Routes:
		return `networks with their routers, such as "10.8.0.0/16 via 192.168.32.2"`
	}
	return `pairs of hex digits such as "01:02:ff", or a value with its type: "text:…", "ip:…", "u8:…", "u16:…" or "u32:…"`
}

// IsBytes reports whether people write the bytes of a value themselves.
func (k Kind) IsBytes() bool { return k == Hex || k == Encapsulated }

// IsList reports whether a value of the kind may have several parts.
func (k Kind) IsList() bool { return k == Addresses || k == Domains || k == Codes || k == Routes }

// A Definition says what an option is: its code, the name that dnsmasq and its
// users know it by, and the type of its value.
type Definition struct {
	Code uint8
	Name string
	Kind Kind
}

// All returns the options with a name: RFC 2132 and those of later RFCs that are in
// use, in the order of their codes.
func All() []Definition {
	return []Definition{
		{1, "netmask", Address}, {2, "time-offset", Number32}, {3, "router", Addresses},
		{4, "time-server", Addresses},
		{6, "dns-server", Addresses}, {7, "log-server", Addresses}, {9, "lpr-server", Addresses},
		{12, "host-name", Text},
		{13, "boot-file-size", Number16}, {15, "domain-name", Text}, {16, "swap-server", Address},
		{17, "root-path", Text},
		{18, "extension-path", Text}, {19, "ip-forward-enable", Flag}, {23, "default-ttl", Number8},
		{26, "mtu", Number16},
		{28, "broadcast", Address}, {31, "router-discovery", Flag}, {33, "static-route", Addresses},
		{35, "arp-timeout", Number32},
		{37, "tcp-ttl", Number8}, {38, "tcp-keepalive", Number32}, {40, "nis-domain", Text},
		{41, "nis-server", Addresses},
		{42, "ntp-server", Addresses}, {43, "vendor-encap", Encapsulated}, {44, "netbios-ns", Addresses},
		{45, "netbios-dd", Addresses},
		{46, "netbios-nodetype", Number8}, {47, "netbios-scope", Text}, {48, "x-windows-fs", Addresses},
		{49, "x-windows-dm", Addresses},
		{50, "requested-address", Address}, {51, "lease-time", Number32}, {52, "overload", Number8},
		{53, "message-type", Number8},
		{54, "server-identifier", Address}, {55, "requested-options", Codes}, {56, "message", Text},
		{57, "max-message-size", Number16},
		{58, "T1", Number32}, {59, "T2", Number32}, {60, "vendor-class", Text}, {61, "client-id", Hex},
		{66, "tftp-server", Text},
		{67, "bootfile-name", Text}, {69, "smtp-server", Addresses}, {70, "pop3-server", Addresses},
		{77, "user-class", Text},
		{80, "rapid-commit", Hex}, {81, "client-fqdn", Hex}, {82, "relay-agent", Encapsulated},
		{93, "client-arch", Number16},
		{94, "client-interface-id", Hex}, {97, "client-machine-id", Hex}, {100, "posix-timezone", Text},
		{101, "tzdb-timezone", Text},
		{108, "ipv6-only", Number32}, {114, "captive-portal", Text}, {116, "auto-configure", Flag},
		{119, "domain-search", Domains},
		{120, "sip-server", Hex}, {121, "classless-static-route", Routes}, {125, "vendor-id-encap", Hex},
		{138, "capwap-server", Addresses},
		{145, "forcerenew-nonce", Hex}, {150, "tftp-server-address", Addresses}, {175, "ipxe", Encapsulated},
		{203, "iscsi-initiator", Text},
		{209, "pxe-config-file", Text}, {210, "pxe-path-prefix", Text}, {252, "wpad", Text},
	}
}

// Define returns the definition of an option by its name or its number. A number
// without a name is Hex.
func Define(option string) (d Definition, ok bool) {
	n, err := strconv.ParseUint(option, 10, 8)
	for _, d := range All() {
		if d.Name == option || err == nil && uint64(d.Code) == n {
			return d, true
		}
	}
	return Definition{Code: uint8(n), Name: option}, err == nil && n > 0 && n < 255
}

// ServersOwn reports whether an option is the server's own to send: what the
// messages themselves are made of, and what only clients and relay agents send.
func ServersOwn(code uint8) bool {
	// pad, mask, requested address, lease time, overload, message type, server
	// identifier, requested options, message, maximum size, T1, T2, client
	// identifier, rapid commit, relay agent information, end
	return slices.Contains([]uint8{0, 1, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 61, 80, 82, 255}, code)
}
