package site

import "time"

// What keys mean when they are absent; everything else that is absent is off.
const (
	defaultLeaseTime     = 12 * time.Hour
	defaultLeaseTimeText = `"12h"`

	// A stranger answers ARP within milliseconds; the clients that are new to an
	// address wait no longer than they do for a busy server.
	defaultProbe     = 300 * time.Millisecond
	defaultProbeText = `"300ms"`

	off = "off" // the value of keys that can be turned off

	defaultProto = "tcp" // of firewall.forward.proto

	consoleShell  = "shell" // the default of console.login
	consoleLocked = "locked"
)
