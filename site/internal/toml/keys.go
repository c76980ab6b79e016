package toml

import "strings"

// Key documents one key of site.toml.
type Key struct {
	Table    string // header of its table as written, "[wan]" or "[[lan]]"; "" at the top of the file
	Name     string
	Type     string // "string", "integer", "list of strings", …
	Unit     string // what a value is, or counts: "IPv4 address/length", "VLAN id"
	Required bool   // wherever its table stands
	Default  string // what an absent key means; "" for a required one
	Range    string // what is accepted; "" when Unit says it all
	Example  string // a value as it is written in the file
	Doc      string // what it does, in one line
	As       string // the table whose key of the same name this one is like; "" for none
}

// Path returns the key's name from the top of the file: "lan.pool".
func (k Key) Path() string {
	if table := strings.Trim(k.Table, "[]"); table != "" {
		return table + "." + k.Name
	}
	return k.Name
}

const (
	typeString  = "string"
	typeInteger = "integer"
	typeBoolean = "boolean"
	typeStrings = "list of strings"
	typeMany    = "string or list of strings"
	typeOptions = "table"
	typePort    = "integer or string"
)

// Keys returns the reference of site.toml: every key, in the order in which the
// file is best written.
func Keys() []Key {
	var all []Key
	for _, table := range [][]Key{
		topKeys(), wanKeys(), tunnelKeys(), lanKeys(), ipv6Keys(), routeKeys(), dnsKeys(), recordKeys(),
		serviceKeys(), ntpKeys(), netbootKeys(),
		consoleKeys(), firewallKeys(), relayedKeys(), groupKeys(), portKeys(),
	} {
		all = append(all, table...)
	}
	return all
}

func topKeys() []Key {
	return []Key{
		{Table: "", Name: "name", Type: typeString, Unit: "host name", Required: true,
			Range:   "one label of letters, digits and hyphens (RFC 1123)",
			Example: `"firewall"`, Doc: "The appliance's own name."},
		{Table: "", Name: "domain", Type: typeString, Unit: "domain name", Required: true,
			Range:   "at most 189 characters, so that any host name fits before it",
			Example: `"home.example"`, Doc: "The domain of the network; hosts are known as NAME.DOMAIN and clients search it."},
	}
}

func lanKeys() []Key {
	keys := []Key{
		{Table: "[[lan]]", Name: "name", Type: typeString, Unit: "network name", Required: true,
			Range:   `one label that starts with a letter, unique, not "wan" or "box"`,
			Example: `"lan"`, Doc: "What the network is called in messages and in the firewall."},
		{Table: "[[lan]]", Name: "interface", Type: typeString, Unit: "network interface", Required: true,
			Range:   "at most 15 bytes, with the VLAN id",
			Example: `"eth1"`, Doc: "The interface to the network; several networks may share one, told apart by their VLANs."},
		{Table: "[[lan]]", Name: "vlan", Type: typeInteger, Unit: "VLAN id", Default: "untagged",
			Range:   "1 to 4094",
			Example: `20`, Doc: "The network is this VLAN (IEEE 802.1Q) of the interface."},
		{Table: "[[lan]]", Name: "ipv4", Type: typeString, Unit: "IPv4 address/length", Required: true,
			Range:   "length 8 to 30",
			Example: `"192.168.32.1/24"`,
			Doc:     "The appliance's address on the network, the gateway of its clients."},
		{Table: "[[lan]]", Name: "ipv6", Type: typeMany, Unit: "IPv6 address/length, or a source",
			Default: "every source that the site has",
			Range:   `length 64 (RFC 4862); "tunnel", "delegated", "ula"; "off"`,
			Example: `"2001:db8:0:20::1/64"`,
			Doc: "The appliance's IPv6 address on the network, or what prefix the network is a part of; several in a list. " +
				`"off": no IPv6.`},
		{Table: "[[lan]]", Name: "subnet", Type: typeInteger, Unit: "number", Default: "0",
			Range:   "0 to 65535; of one network only",
			Example: `1`, Doc: "The network's number in prefixes that several share: behind 2001:db8:8::/48 number 1 is 2001:db8:8:1::/64."},
		{Table: "[[lan]]", Name: "nat64", Type: typeString, Unit: "IPv6 network/length", Default: "not told",
			Range:   "length 32, 40, 48, 56, 64 or 96 (RFC 6052)",
			Example: `"64:ff9b::/96"`, Doc: "Where hosts find IPv4 by NAT64, which somebody else does: they are told (PREF64, RFC 8781)."},
	}
	return append(keys, clientsKeys("[[lan]]")...)
}

func ipv6Keys() []Key {
	return inTable("[ipv6]",
		Key{Name: "ula", Type: typeString, Unit: "network, or \"auto\"", Default: "none",
			Range: "of fd00::/8, length 48 (RFC 4193)", Example: `"fd4a:1c2e:93b7::/48"`,
			Doc: "Unique local addresses, by which hosts reach each other whatever the outside does. " +
				"`\"auto\"`: the appliance makes a prefix once and keeps it."},
		Key{Name: "default", Type: typeString, Unit: "word", Default: "the one by WAN",
			Range: `"wan" or "tunnel", with both`, Example: `"tunnel"`,
			Doc: "Of two ways out over IPv6 the one that conversations begin by. Those of the other go on, and it takes " +
				"over while this one is down."},
		Key{Name: "names", Type: typeString, Unit: "word", Default: `"stable"`, Range: `"stable", "all" or "off"`,
			Example: `"all"`,
			Doc: "Which of the addresses that hosts make themselves have the host's name: those that it keeps, " +
				"temporary ones too (RFC 8981), or none."},
	)
}

func routeKeys() []Key {
	return []Key{
		{Table: "[[route]]", Name: "to", Type: typeString, Unit: "network/length", Required: true,
			Example: `"10.8.0.0/16"`, Doc: "A network that is reached through another router."},
		{Table: "[[route]]", Name: "via", Type: typeString, Unit: "IP address", Required: true,
			Range:   "on the network of WAN or of a LAN",
			Example: `"192.168.32.2"`, Doc: "That router."},
	}
}

func ntpKeys() []Key {
	return inTable("[ntp]",
		Key{Name: "servers", Type: typeMany, Unit: "address or name, or \"wan\"",
			Default: "the appliance follows nobody", Range: "at most 16",
			Example: `["192.0.2.123", "time.example", "wan"]`,
			Doc: "The time servers that the appliance follows; LAN clients follow the appliance. Three and more find out which " +
				"of them is wrong. `\"wan\"` are those that the provider names."},
		Key{Name: "pools", Type: typeMany, Unit: "names", Default: "none", Range: "at most 4",
			Example: `"pool.example"`, Doc: "Names that stand for many time servers each, of which up to four are followed."},
		Key{Name: "local-stratum", Type: typeInteger, Unit: "stratum",
			Default: "time is served only when it is known", Range: "1 to 15", Example: `10`,
			Doc: "At which stratum the appliance serves its own clock while it follows nobody, for networks that are to have " +
				"one time, right or wrong."},
		Key{Name: "step-limit", Type: typeString, Unit: "duration in ms, s, m or h", Default: `"10s"`,
			Range: `100ms to 24h, or "off"`, Example: `"1s"`,
			Doc: "By how much the clock must be off to be set at once, once it has been right; less is made up for slowly. When the " +
				"appliance starts it is always set."},
	)
}

func consoleKeys() []Key {
	return []Key{
		{Table: "[console]", Name: "login", Type: typeString, Unit: "word", Default: `"` + ConsoleShell + `"`,
			Range:   `"` + ConsoleShell + `" or "` + ConsoleLocked + `"`,
			Example: `"locked"`, Doc: "A root shell on the console for whoever holds the hypervisor, or none."},
	}
}
