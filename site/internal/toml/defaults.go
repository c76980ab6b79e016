package toml

import "time"

// What keys mean when they are absent; everything else that is absent is off.
const (
	DefaultLeaseTime     = 12 * time.Hour
	defaultLeaseTimeText = `"12h"`

	// A stranger answers ARP within milliseconds; the clients that are new to an
	// address wait no longer than they do for a busy server.
	DefaultProbe     = 300 * time.Millisecond
	DefaultStepLimit = 10 * time.Second
	defaultProbeText = `"300ms"`

	Off = "off" // the value of keys that can be turned off

	DefaultProto = "tcp" // of firewall.forward.proto

	NoPortal = "urn:ietf:params:capport:unrestricted" // RFC 8910 2

	ConsoleShell  = "shell" // the default of console.login
	ConsoleLocked = "locked"
)
