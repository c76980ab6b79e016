package toml

import (
	"slices"
	"strconv"
	"strings"
)

// meantTable is what people write who know other routers, or half of this one: the path of a table, "" for
// the top of the file and "*" for any, then words, and what was likely meant.
const meantTable = `
firewall | drop block reject refuse | [[firewall.deny]]
firewall | accept pass permit | [[firewall.allow]]
firewall | nat dnat redirect port-forward port-forwarding forwarding forwards | [[firewall.forward]]
firewall | snat | masquerade, which is on for every LAN
firewall | rule rules policy | [[firewall.allow]] or [[firewall.deny]]
firewall.allow | action target verdict | nothing: the table is what is done, [[firewall.allow]] or [[firewall.deny]]
firewall.deny | action target verdict | nothing: the table is what is done, [[firewall.allow]] or [[firewall.deny]]
firewall.allow | port ports dport proto protocol services | service, as in service = "tcp/631"
firewall.deny | port ports dport proto protocol services | service, as in service = "tcp/631"
firewall.allow | src source sources | from
firewall.deny | src source sources | from
firewall.allow | dst dest destination | to
firewall.deny | dst dest destination | to
firewall.forward | host dst dest destination target | to
firewall.forward | src source | sources
firewall.forward | protocol | proto
firewall.forward | to-port toport target-port | to, as in to = "web1:8443"
lan | address addr ip | ipv4
lan | gateway | router, unless the appliance's own address is meant, ipv4
lan | netmask mask prefix | the length of the network in ipv4, as in "192.168.32.1/24"
lan | range dhcp-range dhcp | pool
lan | device dev nic port card | interface
lan | nameserver nameservers resolver resolvers dns-servers | dns
relayed | address ip subnet | network
wan | address addr ip | ipv4
wan | netmask mask prefix | the length of the network in ipv4, as in "192.0.2.10/24"
wan | device dev nic port card | interface
wan | router | gateway
wan | dns nameserver nameservers resolver resolvers | upstream in [dns]
dns | server servers nameserver nameservers forwarder forwarders resolver resolvers | upstream
ntp | upstream | servers
route | network destination dst dest | to
route | gateway router next-hop nexthop | via
record | a aaaa ip ipv4 ipv6 addr addresses ptr | address
record | type value data content target | a key that is the type, as in cname = "web1"
record | alias | cname
record | host hostname domain | name
host | name host | names
host | mac ethernet | a line in the file ethers
host | ip ipv4 address | a line in the file hosts
| hostname | name
| lans network networks interface interfaces subnet subnets vlan vlans | [[lan]]
| internet uplink external | [wan]
| dhcp dhcpd | the keys of [[lan]], such as pool
| nat portforward port-forward | [[firewall.forward]]
| rule rules | [[firewall.allow]] or [[firewall.deny]]
| routes | [[route]]
| reservation reservations static lease leases | the files hosts and ethers
| resolver nameserver | [dns]
| time | [ntp]
`

// meant returns what an unknown key of a table was likely to be, "" if nobody knows.
func meant(path, key string) string {
	for line := range strings.Lines(strings.TrimSpace(meantTable)) {
		parts := strings.Split(strings.TrimSpace(line), "|")
		if strings.TrimSpace(parts[0]) == path &&
			slices.Contains(strings.Fields(parts[1]), strings.ToLower(key)) {
			return strings.TrimSpace(parts[2])
		}
	}
	return ""
}

// elsewhere names the tables that have a key, "" if none has.
func elsewhere(key string) string {
	var tables []string
	for _, k := range Keys() {
		if k.Name == key && strings.ToLower(key) == key && !slices.Contains(tables, k.Table) {
			tables = append(tables, k.Table)
		}
	}
	if i := slices.Index(tables, ""); i >= 0 {
		tables[i] = "the top of the file"
	}
	const most = 4
	if len(tables) == 0 || len(tables) > most {
		return ""
	}
	return OneOf(tables)
}

// oneValue reports a string that has several values with commas between them.
func (d *decoder) oneValue(key Key, n *node) bool {
	if !strings.Contains(n.text, ",") || key.freeText() {
		return true
	}
	const shown = 4
	var parts []string
	proto := ""
	for part := range strings.SplitSeq(n.text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if before, port, has := strings.Cut(part, "/"); has && isNumber(port) && !isNumber(before) {
			proto = before + "/"
		} else if isNumber(part) {
			part = proto + part // "tcp/80,443"
		}
		parts = append(parts, strconv.Quote(part))
	}
	if len(parts) > shown {
		parts = append(parts[:shown-1], "…")
	}
	d.problem.At(n.at, "%s is one string with commas; expected a list, [%s]", key.Name, strings.Join(parts, ", "))
	d.whole = false
	return false
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789-") == "" }

// freeText reports whether a comma may be a part of a value.
func (k Key) freeText() bool {
	return slices.Contains([]string{"text", "key=value", "flags tag value"}, k.Unit) ||
		k.Table == "[firewall.list]" || k.Name == "hooks"
}
