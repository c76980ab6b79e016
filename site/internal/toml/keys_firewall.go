package toml

func firewallKeys() []Key {
	const ends = "zones, hosts, patterns, groups, lists, addresses, networks"
	from := Key{Name: "from", Type: typeMany, Unit: ends, Required: true,
		Range: `a LAN, "wan", a zone, a name of hosts, …, or "any"`, Example: `"lan"`,
		Doc: "Who starts the conversation."}
	to := Key{Name: "to", Type: typeMany, Unit: ends, Required: true,
		Range: `the same, and "box" for the appliance itself`, Example: `"wan"`, Doc: "With whom."}
	service := Key{Name: "service", Type: typeMany, Unit: "services", Default: "everything",
		Range:   `names of the table below or of [firewall.service], or protocol/port`,
		Example: `["http", "tcp/8080"]`, Doc: "By what."}
	rate := Key{Name: "rate", Type: typeString, Unit: "number/time", Default: "no bound",
		Range:   "per second, minute or hour; 1 to 1000000; \"10/second burst 30\" lets 30 come at once",
		Example: `"10/second"`, Doc: "New conversations; what is above it goes on to the next rule."}
	log := Key{Name: "log", Type: typeBoolean, Unit: "true or false", Default: "no lines", Example: `true`,
		Doc: "Note what it decides, five a second at most."}
	name := Key{Name: "name", Type: typeString, Unit: "name", Default: "made of what the rule says",
		Range: "at most 32 letters, digits and hyphens, a letter first, unique", Example: `"web-out"`,
		Doc: "What the rule is called by counters, log and explain."}
	keys := []Key{
		{Table: "[firewall]", Name: "masquerade", Type: typeStrings, Unit: "network names", Default: "every LAN",
			Example: `["lan"]`, Doc: "The LANs whose hosts have the appliance's IPv4 address upstream; [] for none, behind a router that knows the LANs."},
		{Table: "[firewall]", Name: "share", Type: typeInteger, Unit: "conversations",
			Default: "a quarter of what the machine's memory has room for",
			Range:   "256 to 262144, or 0 for no bound", Example: `4096`,
			Doc: "How many one source may have: an IPv4 address, an IPv6 /64, in IPv6 on a LAN a card."},
		{Table: "[firewall.service]", Name: "SERVICE", Type: typeMany, Unit: "protocol/port",
			Default: "no services but those of the table below",
			Range:   "tcp, udp or sctp with a port or range; icmp or icmpv6 with a type; esp, ah, gre, ipv6",
			Example: `["tcp/25565", "udp/19132-19133"]`, Doc: "What the name SERVICE means."},
		{Table: "[firewall.group]", Name: "GROUP", Type: typeMany,
			Unit: "hosts, patterns, addresses, networks", Default: "no groups",
			Example: `["web*", "store", "192.168.32.128/28"]`,
			Doc:     "What the name GROUP means in from, to and sources."},
		{Table: "[firewall.list]", Name: "LIST", Type: typeMany, Unit: "file of the site",
			Default: "no lists", Range: "addresses and networks, one a line, # and ; start comments; at most 100000",
			Example: `"blocked.list"`, Doc: "The same, from a file, which can be read anew while the rules stay."},
		{Table: "[[firewall.zone]]", Name: "name", Type: typeString, Unit: "zone name", Required: true,
			Range:   "one label that starts with a letter, unique",
			Example: `"branch"`, Doc: "A part of a LAN, or what is behind a router on it, that is trusted in a way of its own."},
		{Table: "[[firewall.zone]]", Name: "networks", Type: typeStrings, Unit: "networks/length",
			Required: true, Range: "on one LAN or behind it by [[route]]",
			Example: `["192.168.32.240/28"]`, Doc: "Its networks; they belong to the LAN's own zone no more."},
	}
	keys = append(keys, inTable("[[firewall.allow]]", from, to, service, rate, log, name)...)
	service.Example, name.Example = `"smtp"`, `"no-spam"`
	keys = append(keys, inTable("[[firewall.deny]]", from, to, service, log, name)...)
	keys = append(keys, forwardKeys(rate, log, name)...)
	return append(keys,
		Key{Table: "[[firewall.one-to-one]]", Name: "address", Type: typeString, Unit: "IPv4 address",
			Required: true, Range: "no address of the appliance or of a LAN", Example: `"192.0.2.20"`,
			Doc: "An address upstream that a host has for itself, in both directions."},
		Key{Table: "[[firewall.one-to-one]]", Name: "host", Type: typeString,
			Unit: "host name or IPv4 address", Required: true, Range: "on a LAN", Example: `"web2"`,
			Doc: "That host. Who may reach it is for allow to say."})
}

func forwardKeys(rate, log, name Key) []Key {
	name.Example = `"web"`
	return inTable("[[firewall.forward]]",
		Key{Name: "from", Type: typeMany, Unit: "zones", Default: "wan", Range: "LANs, zones, \"wan\"",
			Example: `"wan"`, Doc: "Where the port is offered."},
		Key{Name: "proto", Type: typeMany, Unit: "protocol", Default: DefaultProto, Range: "tcp, udp, sctp",
			Example: `["tcp", "udp"]`, Doc: "Of the port."},
		Key{Name: "port", Type: typePort, Unit: "port or range", Required: true, Range: "1 to 65535",
			Example: `443`, Doc: "The port at the appliance's IPv4 addresses there. In IPv6 the host's own port is opened."},
		Key{Name: "to", Type: typeString, Unit: "host name or address, with or without :port", Required: true,
			Range: "on a LAN; another port for a single port only", Example: `"web1:8443"`,
			Doc: "The host, and its port if it is another. LAN hosts reach it by the appliance's address upstream too."},
		Key{Name: "sources", Type: typeMany, Unit: "hosts, groups, lists, addresses, networks",
			Default: "everybody", Example: `["198.51.100.0/24"]`, Doc: "Who may use it."},
		rate, log, name)
}

func inTable(table string, keys ...Key) []Key {
	out := make([]Key, len(keys))
	for i, k := range keys {
		k.Table = table
		out[i] = k
	}
	return out
}
