package site

import "time"

// What keys mean when they are absent; everything else that is absent is off.
const (
	defaultLeaseTime     = 12 * time.Hour
	defaultLeaseTimeText = `"12h"`

	consoleShell  = "shell" // the default of console.login
	consoleLocked = "locked"
)
