package site

// The raw types of [firewall].
type rawFirewall struct {
	At         span          `toml:"-"`
	Masquerade list          `toml:"masquerade"`
	Services   dict          `toml:"service" name:"SERVICE"`
	Groups     dict          `toml:"group" name:"GROUP"`
	Lists      dict          `toml:"list" name:"LIST"`
	Zones      []rawZone     `toml:"zone"`
	Allows     []rawAllow    `toml:"allow"`
	Denies     []rawDeny     `toml:"deny"`
	Forwards   []rawForward  `toml:"forward"`
	OneToOne   []rawOneToOne `toml:"one-to-one"`
}

type rawZone struct {
	At       span `toml:"-"`
	Name     str  `toml:"name"`
	Networks list `toml:"networks"`
}

type rawAllow struct {
	At      span    `toml:"-"`
	From    many    `toml:"from"`
	To      many    `toml:"to"`
	Service many    `toml:"service"`
	Rate    str     `toml:"rate"`
	Log     boolean `toml:"log"`
	Name    str     `toml:"name"`
}

type rawDeny struct {
	At      span    `toml:"-"`
	From    many    `toml:"from"`
	To      many    `toml:"to"`
	Service many    `toml:"service"`
	Log     boolean `toml:"log"`
	Name    str     `toml:"name"`
}

type rawForward struct {
	At      span    `toml:"-"`
	From    many    `toml:"from"`
	Proto   many    `toml:"proto"`
	Port    port    `toml:"port"`
	To      str     `toml:"to"`
	Sources many    `toml:"sources"`
	Rate    str     `toml:"rate"`
	Log     boolean `toml:"log"`
	Name    str     `toml:"name"`
}

type rawOneToOne struct {
	At      span `toml:"-"`
	Address str  `toml:"address"`
	Host    str  `toml:"host"`
}

// port is a port or a range of them, as text.
type port struct{ str }

// dict is a table whose keys the site chooses, each with one string or more.
type dict struct {
	at      span
	entries []definition
}

// definition is one key of a dict.
type definition struct {
	name  str
	value many
}
