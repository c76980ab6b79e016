package toml

// UpdateURL is where tunnelbroker.net hears of the endpoint of a tunnel, over IPv4.
const UpdateURL = "https://ipv4.tunnelbroker.net/nic/update"

func tunnelKeys() []Key {
	return append(inTable("[tunnel]",
		Key{Name: "server", Type: typeString, Unit: "IPv4 address", Required: true,
			Example: `"203.0.113.30"`,
			Doc: "The broker's end of a 6in4 tunnel (RFC 4213), which is the way out over IPv6. An address, " +
				"for " +
				"a name would need a way out first."},
		Key{Name: "ipv6", Type: typeString, Unit: "IPv6 address/length", Required: true,
			Range:   "length at most 126",
			Example: `"2001:db8:1f0a:1::2/64"`, Doc: "The appliance's address in the tunnel."},
		Key{Name: "gateway6", Type: typeString, Unit: "IPv6 address", Default: "the first of ipv6",
			Range:   "on the network of ipv6",
			Example: `"2001:db8:1f0a:1::1"`, Doc: "The broker's address in the tunnel."},
		Key{Name: "routed", Type: typeMany, Unit: "IPv6 networks/length", Required: true,
			Range:   "at most 8, length 16 to 64",
			Example: `["2001:db8:1f0b:1::/64", "2001:db8:abcd::/48"]`,
			Doc: "What the broker routes to the appliance. LANs have their ipv6 in these; what no LAN has is " +
				"unreachable."},
		Key{Name: "mtu", Type: typeInteger, Unit: "bytes", Default: "WAN's less 20, at least 1280",
			Range:   "1280 to 9196",
			Example: `1452`, Doc: "The largest packet in the tunnel, where the broker's end has another MTU."},
	), inTable("[tunnel.update]",
		Key{Name: "user", Type: typeString, Unit: "text", Required: true,
			Range:   `at most 64 bytes of ASCII without ":"`,
			Example: `"customer"`, Doc: "The user at the broker who tells it the appliance's IPv4 address " +
				"when it changes."},
		Key{Name: "tunnel", Type: typeString, Unit: "text", Required: true,
			Range:   "at most 64 letters, digits, dots, hyphens",
			Example: `"123456"`, Doc: "The tunnel's id at the broker."},
		Key{Name: "key-file", Type: typeString, Unit: "file of the site", Required: true,
			Range:   "one line of at most 128 bytes",
			Example: `"tunnel.key"`,
			Doc:     "The file that holds the tunnel's update key, or the user's password. It is never shown."},
		Key{Name: "url", Type: typeString, Unit: "URL", Default: "that of tunnelbroker.net",
			Range:   `"https://", at most 255 bytes, without a query`,
			Example: `"https://broker.example/nic/update"`,
			Doc:     "Where the broker is told, in the words of dyndns2. Its certificate must be good."},
	)...)
}
