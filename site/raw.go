package site

// The raw types are site.toml as it was written: every value with its place, unset
// ones without. Keys documents each field; a test holds the two together.
type rawSite struct {
	At      span       `toml:"-"`
	Name    str        `toml:"name"`
	Domain  str        `toml:"domain"`
	WAN     rawWAN     `toml:"wan"`
	LANs    []rawLAN   `toml:"lan"`
	Routes  []rawRoute `toml:"route"`
	DNS     rawDNS     `toml:"dns"`
	NTP     rawNTP     `toml:"ntp"`
	Netboot rawNetboot `toml:"netboot"`
	Console rawConsole `toml:"console"`

	Firewall rawFirewall `toml:"firewall"`

	Relayed []rawRelayed `toml:"relayed"`
	Groups  []rawHost    `toml:"host"`
	Ports   []rawPort    `toml:"port"`
}

type rawWAN struct {
	At        span `toml:"-"` // of the header; no place when the table is not there
	Interface str  `toml:"interface"`
	VLAN      num  `toml:"vlan"`
	IPv4      str  `toml:"ipv4"`
	Gateway   str  `toml:"gateway"`
	IPv6      str  `toml:"ipv6"`
	Gateway6  str  `toml:"gateway6"`
}

type rawLAN struct {
	At        span `toml:"-"`
	Name      str  `toml:"name"`
	Interface str  `toml:"interface"`
	VLAN      num  `toml:"vlan"`
	IPv4      str  `toml:"ipv4"`
	IPv6      str  `toml:"ipv6"`
	rawClients
}

type rawRoute struct {
	At  span `toml:"-"`
	To  str  `toml:"to"`
	Via str  `toml:"via"`
}

type rawDNS struct {
	At       span `toml:"-"`
	Upstream list `toml:"upstream"`
}

type rawNTP struct {
	At      span `toml:"-"`
	Servers list `toml:"servers"`
}

type rawNetboot struct {
	At     span `toml:"-"`
	Server str  `toml:"server"`
	rawScheme
	Hosts list `toml:"hosts"`
}

type rawConsole struct {
	At    span `toml:"-"`
	Login str  `toml:"login"`
}

// str is a string with its place, quotes included.
type str struct {
	s  string
	at span
}

func (v str) ok() bool { return v.at.ok() }

// part returns the place of n bytes of the string from offset i. A string that was
// written with escapes keeps its whole place.
func (v str) part(i, n int) span {
	if v.at.end-v.at.off != len(v.s)+2 {
		return v.at
	}
	off := v.at.off + 1 + i
	return span{v.at.src, off, off + n}
}

// num is an integer with its place.
type num struct {
	n  int64
	at span
}

func (v num) ok() bool { return v.at.ok() }

// list is a list of strings; its own place is that of its key.
type list struct {
	items []str
	at    span
}

func (v list) ok() bool { return v.at.ok() }
