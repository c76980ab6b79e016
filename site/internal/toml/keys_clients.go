package toml

import "strings"

// clientsKeys are those of a table with a network's DHCP clients.
func clientsKeys(table string) []Key {
	keys := append(poolKeys(), toldKeys()...)
	for i := range keys {
		k := &keys[i]
		if k.Table = table; table == "[[relayed]]" {
			asRelayed(k)
		}
	}
	return keys
}

// asRelayed changes a key of [[lan]] into that of a network which is not ours.
func asRelayed(k *Key) {
	if k.Name == "router" {
		k.Default, k.Required, k.Range, k.Example = "", true, `within network, or "off"`, `"10.8.40.1"`
		k.Doc = "What clients there are told as their way out; usually the relay agent."
		return
	}
	k.As, k.Doc = "[[lan]]", "What clients there get and are told, with network in place of ipv4."
	switch k.Name {
	case "pool":
		k.Example = `"10.8.40.100-10.8.40.199"`
	case "exclude":
		k.Example = `"10.8.40.150"`
	case "routes":
		k.Example = `["10.8.48.0/20 via 10.8.40.2"]`
	}
	if k.Name != "pool" && !strings.HasPrefix(k.Default, `"`) {
		k.Default = "as there"
	}
}

func poolKeys() []Key {
	return []Key{
		{Name: "pool", Type: typeMany, Unit: "IPv4 address-address",
			Default: "hosts with an address in hosts only", Range: "within ipv4, without the appliance",
			Example: `"192.168.32.100-192.168.32.199"`,
			Doc:     "The addresses for clients that have none of their own, first to last; a list for several ranges."},
		{Name: "exclude", Type: typeMany, Unit: "IPv4 addresses, address-address", Default: "none",
			Range:   "within pool",
			Example: `["192.168.32.150", "192.168.32.160-192.168.32.169"]`,
			Doc:     "Addresses of the pool that nobody gets."},
		{Name: "lease-time", Type: typeString, Unit: "duration in s, m, h or d",
			Default: defaultLeaseTimeText, Range: "2m to 30d",
			Example: `"12h"`, Doc: "How long a DHCP lease is valid; clients ask again after half of it."},
		{Name: "probe", Type: typeString, Unit: "duration in ms or s", Default: defaultProbeText,
			Range:   `100ms to 2s, or "off"`,
			Example: `"500ms"`, Doc: "How long a stranger is looked for on an address (ARP, ping if relayed) before a client that never had it is offered it; known clients do not wait."},
		{Name: "rapid-commit", Type: typeBoolean, Unit: "", Default: "false",
			Example: `true`, Doc: "Leases in two messages for clients that ask for it (RFC 4039). For networks without another DHCP server."},
	}
}

func toldKeys() []Key {
	return []Key{
		{Name: "router", Type: typeString, Unit: "IPv4 address", Default: "the appliance",
			Range:   `within ipv4, or "off"`,
			Example: `"192.168.32.2"`, Doc: "What clients are told as their way out (option 3)."},
		{Name: "dns", Type: typeStrings, Unit: "IPv4 addresses", Default: "the appliance",
			Range:   "at most 16; [] for none",
			Example: `["192.168.32.53"]`, Doc: "The resolvers that clients are told (option 6)."},
		{Name: "ntp", Type: typeStrings, Unit: "IPv4 addresses", Default: "the appliance, if it has [ntp]",
			Range:   "at most 16; [] for none",
			Example: `["192.168.32.123"]`,
			Doc:     "The time servers that clients are told (option 42; over IPv6 by DHCPv6, option 56)."},
		{Name: "search", Type: typeStrings, Unit: "domain names", Default: "clients search the site's domain",
			Range:   "at most 16",
			Example: `["home.example", "lab.example"]`,
			Doc:     "The domains that clients look names up in (option 119)."},
		{Name: "mtu", Type: typeInteger, Unit: "bytes", Default: "not told",
			Range:   "576 to 1500, with IPv6 from 1280",
			Example: `1400`, Doc: "The largest packet that clients send (option 26), for networks with a narrow way out."},
		{Name: "routes", Type: typeStrings, Unit: "network/length via IPv4 address", Default: "none",
			Range:   "at most 64; routers within ipv4",
			Example: `["10.8.0.0/16 via 192.168.32.2"]`,
			Doc:     "Further routes of the clients (option 121, RFC 3442); the way out through router is added, as clients then want it."},
		{Name: "captive-portal", Type: typeString, Unit: "https URL", Default: "not told",
			Range:   "at most 255 bytes; or \"" + NoPortal + "\"",
			Example: `"https://portal.home.example/api"`,
			Doc:     "The API of the captive portal (option 114, RFC 8910), or that there is none."},
		{Name: "ipv6-only-wait", Type: typeString, Unit: "duration in s, m, h or d",
			Default: "IPv4 is for everybody", Range: "5m to 30d",
			Example: `"1d"`, Doc: "How long clients that can do without IPv4 leave it alone (option 108, RFC 8925)."},
		{Name: "options", Type: typeOptions, Unit: "DHCP options by name or number", Default: "none",
			Range:   "options that have no key of their own; values as their type wants",
			Example: `{ tftp-server-address = "192.168.32.10", 224 = "01:02" }`,
			Doc:     "Further options, for clients that ask for them: [the names](dhcp.md#options)."},
		{Name: "options-always", Type: typeOptions, Unit: "the same", Default: "none", Range: "the same",
			Example: `{ wpad = "http://wpad.home.example/wpad.dat" }`,
			Doc:     "Options for clients that do not ask for them too."},
	}
}

func relayedKeys() []Key {
	keys := []Key{
		{Table: "[[relayed]]", Name: "name", Type: typeString, Unit: "network name", Required: true,
			Range:   "one label that starts with a letter, unique among the LANs too",
			Example: `"shop"`, Doc: "What the network is called: one that is not ours but behind a router of ours, whose relay agent brings its DHCP here."},
		{Table: "[[relayed]]", Name: "network", Type: typeString, Unit: "IPv4 network/length", Required: true,
			Range:   "length 8 to 30; a [[route]] leads there through a LAN",
			Example: `"10.8.40.0/24"`, Doc: "The network; the relay agent says that it is about this one by its own address (giaddr, or RFC 3527)."},
	}
	return append(keys, clientsKeys("[[relayed]]")...)
}

func groupKeys() []Key {
	keys := []Key{
		{Table: "[[host]]", Name: "names", Type: typeStrings, Unit: "host names or patterns", Required: true,
			Range:   "* for any characters, ? for one, [a-f] for one of these",
			Example: `["web*", "db1"]`, Doc: "Whom this is about. A host may be in several [[host]]; a name in full goes before a pattern, and what is said twice otherwise is refused."},
		{Table: "[[host]]", Name: "lease-time", Type: typeString, Unit: "duration in s, m, h or d",
			Default: "that of the network", Range: "2m to 30d",
			Example: `"7d"`, Doc: "How long their leases are valid."},
		{Table: "[[host]]", Name: "router", Type: typeString, Unit: "IPv4 address",
			Default: "that of the network", Range: `on a LAN, or "off"`,
			Example: `"off"`, Doc: "Their way out; \"off\" keeps them in their network."},
		{Table: "[[host]]", Name: "options", Type: typeOptions, Unit: "DHCP options by name or number",
			Default: "none", Range: "options that have no key here; values as their type wants",
			Example: `{ ntp-server = ["192.168.32.123"] }`,
			Doc:     "Further options, or others in place of their network's: [the names](dhcp.md#options)."},
		{Table: "[[host]]", Name: "options-always", Type: typeOptions, Unit: "the same", Default: "none",
			Range:   "the same",
			Example: `{ 252 = "http://wpad.home.example/wpad.dat" }`,
			Doc:     "Options for those that do not ask for them too."},
		{Table: "[host.netboot]", Name: "install", Type: typeBoolean, Unit: "", Default: "false",
			Example: `true`, Doc: "The script starts an installer: iPXE attaches the disk and does not boot from it (keep-san, skip-san-boot)."},
		{Table: "[host.netboot]", Name: "server", Type: typeString, Unit: "host name",
			Default: "that of [netboot]", Range: "a name in hosts with an IPv4 address",
			Example: `"store"`, Doc: "Another server for these hosts."},
	}
	for _, k := range schemeKeys() {
		k.Table, k.As, k.Default, k.Doc = "[host.netboot]", "[netboot]", "that of [netboot]",
			"The same for these hosts alone; \"off\" for none."
		keys = append(keys, k)
	}
	return keys
}

func portKeys() []Key {
	const text = `at most 255 bytes; "hex:00:04" for others than text`
	return []Key{
		{Table: "[[port]]", Name: "host", Type: typeString, Unit: "host name", Required: true,
			Range:   "a name in hosts",
			Example: `"web2"`, Doc: "Who is plugged in there, whatever card it has."},
		{Table: "[[port]]", Name: "circuit", Type: typeString, Unit: "text", Default: "any", Range: text,
			Example: `"ge-0/0/7"`, Doc: "The port as the relay agent calls it (option 82.1); `gatehouse dhcp why` shows it."},
		{Table: "[[port]]", Name: "remote", Type: typeString, Unit: "text", Default: "any", Range: text,
			Example: `"sw1"`, Doc: "The relay agent's name for itself, or for the client's modem (option 82.2)."},
	}
}
