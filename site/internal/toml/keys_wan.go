package toml

import "slices"

func wanKeys() []Key {
	return slices.Concat(wanLinkKeys(), wanClientKeys())
}

func wanLinkKeys() []Key {
	return inTable("[wan]",
		Key{Name: "interface", Type: typeString, Unit: "network interface", Required: true,
			Range:   "at most 15 bytes, with the VLAN id",
			Example: `"eth0"`,
			Doc:     "The interface to the upstream network. Without [wan] the appliance serves its LANs only."},
		Key{Name: "vlan", Type: typeInteger, Unit: "VLAN id", Default: "untagged", Range: "1 to 4094",
			Example: `10`, Doc: "The upstream network is this VLAN (IEEE 802.1Q) of the interface."},
		Key{Name: "priority", Type: typeInteger, Unit: "class", Default: "0", Range: "0 to 7, with vlan",
			Example: `6`, Doc: "The priority of all frames that leave by the VLAN (IEEE 802.1p)."},
		Key{Name: "mac", Type: typeString, Unit: "MAC address", Default: "the card's own",
			Range:   "of one card",
			Example: `"00:16:3e:00:00:99"`,
			Doc:     "What the appliance sends from upstream, where a provider insists on one that it knows."},
		Key{Name: "mtu", Type: typeInteger, Unit: "bytes", Default: "the card's, 1500",
			Range:   "576 to 9216; 1280 with ipv6",
			Example: `1492`,
			Doc:     "The largest packet upstream. With DHCP the provider may name a smaller one."},
		Key{Name: "ipv4", Type: typeMany, Unit: "IPv4 address/length, or \"dhcp\"",
			Default: "no IPv4 upstream",
			Range:   "at most 16; \"dhcp\" comes first",
			Example: `"192.0.2.10/24"`,
			Doc: "The appliance's address upstream; LAN clients reach the outside from it (masquerading). " +
				"`\"dhcp\"`: the provider gives it. What follows in a list is the appliance's there too."},
		Key{Name: "gateway", Type: typeString, Unit: "IPv4 address", Default: "no IPv4 default route",
			Range:   "on a network of ipv4; anywhere upstream if these are all of length 32",
			Example: `"192.0.2.1"`, Doc: "The router upstream for IPv4."},
		Key{Name: "ipv6", Type: typeString, Unit: "IPv6 address/length, or \"auto\"", Default: "no IPv6 upstream",
			Example: `"2001:db8:0:1::10/64"`,
			Doc: "The appliance's IPv6 address upstream. `\"auto\"`: router and address " +
				"are what the provider advertises, or gives by DHCPv6."},
		Key{Name: "gateway6", Type: typeString, Unit: "IPv6 address", Default: "no IPv6 default route",
			Range:   "on the network of ipv6, or link-local",
			Example: `"2001:db8:0:1::1"`, Doc: "The router upstream for IPv6."},
		Key{Name: "delegation", Type: typeInteger, Unit: "length of a prefix", Default: "none is asked for",
			Range:   "48 to 64, with ipv6 = \"auto\"",
			Example: `56`,
			Doc: "A prefix for the LANs is asked for (DHCPv6-PD, RFC 8415), of this length; " +
				"the provider may give another."})
}

// wanClientKeys are what a provider is told who gives addresses by DHCP.
func wanClientKeys() []Key {
	const noDHCP, onlyDHCP = "none", `with ipv4 = "dhcp"`
	return inTable("[wan]",
		Key{Name: "client-id", Type: typeString, Unit: "text, hex:…, \"mac\" or \"duid\"",
			Default: "the hardware address", Range: "2 to 255 bytes; " + onlyDHCP,
			Example: `"hex:01:00:16:3e:00:00:99"`,
			Doc: "By what the provider knows the appliance (DHCP option 61): bytes as they are sent, " +
				"the hardware address, or what RFC 4361 makes of it."},
		Key{Name: "vendor-class", Type: typeString, Unit: "text", Default: noDHCP,
			Range:   "at most 255 bytes of ASCII; " + onlyDHCP,
			Example: `"isp-router"`,
			Doc:     "What kind of box it says it is (option 60), where a provider serves only its own."},
		Key{Name: "hostname", Type: typeString, Unit: "host name", Default: noDHCP, Range: onlyDHCP,
			Example: `"customer-4711"`,
			Doc:     "What it says it is called (option 12), where a provider knows customers by that."},
		Key{Name: "request", Type: typeStrings, Unit: "option names or numbers", Default: "the usual ones",
			Range:   "at most 64; " + onlyDHCP,
			Example: `["tftp-server", "125"]`, Doc: "Options that the provider is asked for besides."},
		Key{Name: "options", Type: typeOptions, Unit: "options", Default: noDHCP,
			Range:   "at most 16 of 512 bytes together; " + onlyDHCP,
			Example: `{ user-class = "customer" }`,
			Doc: "Further options that the provider is sent, by name or number, as for LANs: " +
				"[dhcp.md](dhcp.md#options)."},
		Key{Name: "broadcast", Type: typeBoolean, Default: "false", Range: onlyDHCP, Example: `true`,
			Doc: "The provider is asked to answer to everybody on the link (RFC 2131 4.1), where its answers to a box " +
				"without an address get lost."},
		Key{Name: "hooks", Type: typeMany, Unit: "file names", Default: noDHCP,
			Range:   "at most 8 files of 64 KiB; " + onlyDHCP,
			Example: `"dyndns.sh"`,
			Doc: "Programs, files of the site, that run as nobody when the address comes, is renewed or goes: " +
				"[wan.md](wan.md#hooks)."})
}
