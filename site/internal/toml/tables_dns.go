package toml

import "github.com/gatehouse-os/gatehouse/site/internal/source"

// DNS is [dns].
type DNS struct {
	At        source.Span `toml:"-"`
	Upstream  Many        `toml:"upstream"`
	Private   List        `toml:"private"`
	MixedCase Bool        `toml:"mixed-case"`
	Forward   Dict        `toml:"forward" name:"DOMAIN"`
}

// Record is a [[record]].
type Record struct {
	At      source.Span `toml:"-"`
	Name    Str         `toml:"name"`
	Address Many        `toml:"address"`
	SRV     Many        `toml:"srv"`
	MX      Many        `toml:"mx"`
	TXT     Many        `toml:"txt"`
	CAA     Many        `toml:"caa"`
	TTL     Str         `toml:"ttl"`
	CNAME   Str         `toml:"cname"`
}

// Service is a [[service]].
type Service struct {
	At       source.Span `toml:"-"`
	Type     Str         `toml:"type"`
	Host     Str         `toml:"host"`
	Port     Int         `toml:"port"`
	Priority Int         `toml:"priority"`
	Weight   Int         `toml:"weight"`
	Instance Str         `toml:"instance"`
	Text     Many        `toml:"text"`
}
