package client

import (
	"fmt"
	"time"
)

// State is a state of RFC 2131 figure 5, or one of those that it needs beside.
type State uint8

// The states.
const (
	Init       State = iota // waits for carrier, or until it may ask again
	Selecting               // waits for offers
	Requesting              // has taken an offer, waits for its ACK
	Checking                // has the ACK, looks whether another station has the address
	InitReboot              // knows an address, waits for carrier to ask for it
	Rebooting               // has asked for it
	Bound
	Renewing
	Rebinding
	Released // given back, until somebody wants it again
)

// String returns the RFC's name of the state.
func (s State) String() string {
	names := [...]string{
		"INIT", "SELECTING", "REQUESTING", "CHECKING", "INIT-REBOOT", "REBOOTING", "BOUND", "RENEWING",
		"REBINDING", "RELEASED",
	}
	if int(s) < len(names) {
		return names[s]
	}
	return "?"
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(text []byte) error {
	for of := Init; of <= Released; of++ {
		if of.String() == string(text) {
			*s = of
			return nil
		}
	}
	return fmt.Errorf("%q is no state of a DHCP client", text)
}

// A pace lets confirmBurst exchanges begin, confirmWithin apart, and then one each
// confirmRefill: the generic cell rate algorithm of ITU-T I.371.
type pace struct {
	last   time.Duration // when one began
	theory time.Duration // when it would have, had all kept the interval
}

// when returns the earliest time at which one may begin.
func (p *pace) when(now time.Duration) time.Duration {
	return max(now, p.last+confirmWithin, p.theory-(confirmBurst-1)*confirmRefill)
}

// begun has one begin.
func (p *pace) begun(now time.Duration) {
	p.last, p.theory = now, max(p.theory, now)+confirmRefill
}
