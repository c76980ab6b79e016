package toml

func dnsKeys() []Key {
	const server = "address, address@port, either with #name for TLS"
	return append(inTable("[dns]",
		Key{Name: "upstream", Type: typeMany, Unit: server + ", or \"wan\"",
			Default: "names outside the site have no answer", Range: "at most 16; the port is 53, or 853 with TLS",
			Example: `["192.0.2.53", "2001:db8::53#dns.example"]`,
			Doc: "The resolvers that the appliance asks for names which are not the site's. With a name they are asked by " +
				"DNS over TLS, and their certificate must be for it. `\"wan\"` are those that the provider names by DHCP."},
		Key{Name: "private", Type: typeStrings, Unit: "domain names", Default: "none", Range: "at most 256",
			Example: `["plex.direct"]`,
			Doc: "Domains outside whose names may have private addresses. Those of others are taken out of answers, " +
				"so that no stranger's web page reaches into the network (DNS rebinding)."},
		Key{Name: "mixed-case", Type: typeBoolean, Default: "false", Example: `true`,
			Doc: "Asks resolvers without TLS in letters of random case, which answers must repeat: harder to forge. " +
				"There are resolvers that do not."}),
		Key{Table: "[dns.forward]", Name: "DOMAIN", Type: typeMany, Unit: server, Default: "[dns] upstream for all",
			Range: "at most 256 domains, at most 16 servers each", Example: `["10.8.0.53", "10.8.1.53"]`,
			Doc: "Who is asked for the domain and all names below it, in place of upstream: `\"lab.example\" = \"10.8.0.53\"`. " +
				"Reverse zones too: `\"8.10.in-addr.arpa\"`. Their answers may have private addresses."})
}

func recordKeys() []Key {
	return inTable("[[record]]",
		Key{Name: "name", Type: typeString, Unit: "domain name", Required: true,
			Range:   `in the site's domain if no dot is behind "*" and labels with "_"; "@" is the domain itself; unique`,
			Example: `"files"`, Doc: "The name that this is about. A star for the first label is all names that do not exist otherwise (RFC 4592)."},
		Key{Name: "address", Type: typeMany, Unit: "IP addresses", Default: "none",
			Range: "for names that are no host's", Example: `["192.168.32.10", "2001:db8:0:20::10"]`,
			Doc: "Its addresses, which keep their own names (A, AAAA)."},
		Key{Name: "srv", Type: typeMany, Unit: "priority weight port target", Default: "none",
			Range: "targets that are no aliases", Example: `["10 5 5060 web1"]`,
			Doc: `Where its service is (RFC 2782); for a service of a host see [[service]]. Target "." is "nowhere".`},
		Key{Name: "mx", Type: typeMany, Unit: "preference host", Default: "none",
			Range: "hosts that are no aliases", Example: `["10 web1"]`,
			Doc: `Who takes its mail; host "." is "nobody" (RFC 7505).`},
		Key{Name: "txt", Type: typeMany, Unit: "text", Default: "none",
			Example: `["v=spf1 mx -all"]`, Doc: "Texts, a record each, cut into strings of 255 bytes."},
		Key{Name: "caa", Type: typeMany, Unit: "flags tag value", Default: "none",
			Example: `["0 issue ca.example"]`, Doc: "Who may issue certificates for it (RFC 8659)."},
		Key{Name: "ttl", Type: typeString, Unit: "duration in s, m, h or d", Default: "5m", Range: "1s to 7d",
			Example: `"10m"`, Doc: "How long others may keep what this says."},
		Key{Name: "cname", Type: typeString, Unit: "domain name", Default: "none", Range: "alone",
			Example: `"web1"`, Doc: "The name that this one stands for, of the site or outside."})
}

func serviceKeys() []Key {
	return inTable("[[service]]",
		Key{Name: "type", Type: typeString, Unit: "_service._protocol", Required: true,
			Range: "at most 15 characters behind the first _; _tcp or _udp", Example: `"_ipp._tcp"`,
			Doc: "What a host offers, by its registered name (RFC 6335); clients find the host by it."},
		Key{Name: "host", Type: typeString, Unit: "host name", Required: true,
			Range: "a name in hosts or ethers, or the appliance's", Example: `"web1"`, Doc: "Who offers it."},
		Key{Name: "port", Type: typeInteger, Unit: "port", Required: true, Range: "1 to 65535",
			Example: `631`, Doc: "On which port."},
		Key{Name: "priority", Type: typeInteger, Unit: "number", Default: "0", Range: "0 to 65535", Example: `10`,
			Doc: "Who is tried first, of several: the lowest."},
		Key{Name: "weight", Type: typeInteger, Unit: "number", Default: "0", Range: "0 to 65535", Example: `5`,
			Doc: "How often, of several with one priority."},
		Key{Name: "instance", Type: typeString, Unit: "text", Default: "found by its type only",
			Range: "at most 63 bytes, unique for its type", Example: `"Office Printer"`,
			Doc: "What people see who browse the domain for it (DNS-SD, RFC 6763)."},
		Key{Name: "text", Type: typeMany, Unit: "key=value", Default: "none",
			Range: "at most 255 bytes each; with an instance", Example: `["rp=printers/office"]`,
			Doc: "What the instance is like (RFC 6763 6)."})
}
