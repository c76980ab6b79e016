package site

// rawClients are the keys that say what the DHCP clients of a network get, which is
// the same for a LAN and for a relayed network.
type rawClients struct {
	Pool          many        `toml:"pool"`
	Exclude       many        `toml:"exclude"`
	LeaseTime     str         `toml:"lease-time"`
	Probe         str         `toml:"probe"`
	RapidCommit   boolean     `toml:"rapid-commit"`
	Router        str         `toml:"router"`
	DNS           list        `toml:"dns"`
	NTP           list        `toml:"ntp"`
	Search        list        `toml:"search"`
	MTU           num         `toml:"mtu"`
	Routes        list        `toml:"routes"`
	CaptivePortal str         `toml:"captive-portal"`
	IPv6OnlyWait  str         `toml:"ipv6-only-wait"`
	Options       optionTable `toml:"options"`
	Always        optionTable `toml:"options-always"`
}

type rawRelayed struct {
	At      span `toml:"-"`
	Name    str  `toml:"name"`
	Network str  `toml:"network"`
	rawClients
}

// rawHost is a group of hosts.
type rawHost struct {
	At        span        `toml:"-"`
	Names     list        `toml:"names"`
	LeaseTime str         `toml:"lease-time"`
	Router    str         `toml:"router"`
	Options   optionTable `toml:"options"`
	Always    optionTable `toml:"options-always"`
	Netboot   rawProfile  `toml:"netboot"`
}

type rawPort struct {
	At      span `toml:"-"`
	Host    str  `toml:"host"`
	Circuit str  `toml:"circuit"`
	Remote  str  `toml:"remote"`
}

// rawScheme is the templates that say what hosts boot from.
type rawScheme struct {
	Initiator   str `toml:"initiator"`
	RootPath    str `toml:"root-path"`
	RootPath2   str `toml:"root-path2"`
	Script      str `toml:"script"`
	HTTP        str `toml:"http"`
	BIOS        str `toml:"bios"`
	UEFI        str `toml:"uefi"`
	UEFIARM64   str `toml:"uefi-arm64"`
	UEFIIA32    str `toml:"uefi-ia32"`
	UEFIARM32   str `toml:"uefi-arm32"`
	UEFIRISCV64 str `toml:"uefi-riscv64"`
	UEFILoong64 str `toml:"uefi-loong64"`
}

// rawProfile is how the hosts of a group boot otherwise than [netboot] says.
type rawProfile struct {
	At      span    `toml:"-"`
	Install boolean `toml:"install"`
	Server  str     `toml:"server"`
	rawScheme
}

// boolean is true or false with its place.
type boolean struct {
	b  bool
	at span
}

func (v boolean) ok() bool { return v.at.ok() }

// many is one string or a list of strings.
type many struct{ list }

// optionTable is DHCP options by name or number.
type optionTable struct {
	entries []rawOption
	at      span
}

// rawOption is one option: its name as it was written, and its values.
type rawOption struct {
	name   str
	values []str // numbers and booleans as text
	quoted bool  // all of the values are strings
	at     span  // of the value
}
