package toml

import "github.com/gatehouse-os/gatehouse/site/internal/source"

// Tunnel is [tunnel].
type Tunnel struct {
	At       source.Span `toml:"-"` // of the header; no place when the table is not there
	Server   Str         `toml:"server"`
	IPv6     Str         `toml:"ipv6"`
	Gateway6 Str         `toml:"gateway6"`
	Routed   Many        `toml:"routed"`
	MTU      Int         `toml:"mtu"`
	Update   Update      `toml:"update"`
}

// Update is [tunnel.update].
type Update struct {
	At      source.Span `toml:"-"`
	User    Str         `toml:"user"`
	Tunnel  Str         `toml:"tunnel"`
	KeyFile Str         `toml:"key-file"`
	URL     Str         `toml:"url"`
}
