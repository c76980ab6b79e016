package toml

import "github.com/gatehouse-os/gatehouse/site/internal/source"

// Firewall is [firewall].
type Firewall struct {
	At         source.Span `toml:"-"`
	Masquerade List        `toml:"masquerade"`
	Share      Int         `toml:"share"`
	Services   Dict        `toml:"service" name:"SERVICE"`
	Groups     Dict        `toml:"group" name:"GROUP"`
	Lists      Dict        `toml:"list" name:"LIST"`
	Zones      []Zone      `toml:"zone"`
	Allows     []Allow     `toml:"allow"`
	Denies     []Deny      `toml:"deny"`
	Forwards   []Forward   `toml:"forward"`
	OneToOne   []OneToOne  `toml:"one-to-one"`
}

// Zone is a [[firewall.zone]].
type Zone struct {
	At       source.Span `toml:"-"`
	Name     Str         `toml:"name"`
	Networks List        `toml:"networks"`
}

// Allow is a [[firewall.allow]].
type Allow struct {
	At      source.Span `toml:"-"`
	From    Many        `toml:"from"`
	To      Many        `toml:"to"`
	Service Many        `toml:"service"`
	Rate    Str         `toml:"rate"`
	Log     Bool        `toml:"log"`
	Name    Str         `toml:"name"`
}

// Deny is a [[firewall.deny]].
type Deny struct {
	At      source.Span `toml:"-"`
	From    Many        `toml:"from"`
	To      Many        `toml:"to"`
	Service Many        `toml:"service"`
	Log     Bool        `toml:"log"`
	Name    Str         `toml:"name"`
}

// Forward is a [[firewall.forward]].
type Forward struct {
	At      source.Span `toml:"-"`
	From    Many        `toml:"from"`
	Proto   Many        `toml:"proto"`
	Port    PortRange   `toml:"port"`
	To      Str         `toml:"to"`
	Sources Many        `toml:"sources"`
	Rate    Str         `toml:"rate"`
	Log     Bool        `toml:"log"`
	Name    Str         `toml:"name"`
}

// OneToOne is a [[firewall.one-to-one]].
type OneToOne struct {
	At      source.Span `toml:"-"`
	Address Str         `toml:"address"`
	Host    Str         `toml:"host"`
}
