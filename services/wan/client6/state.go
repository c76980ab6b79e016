package client6

import "fmt"

// State is a state of the session.
type State uint8

// The states.
const (
	Init       State = iota // waits for the link, for something to ask for, or until it may ask again
	Soliciting              // looks for servers
	Requesting              // has taken an offer, or asks anew for what a server has forgotten
	Bound
	Renewing
	Rebinding
	Verifying // asks whether what it has is still so: after a start, and after the link came back
	Declining // another station has the address
	Releasing
	Released // given back, until somebody wants it again
	stateCount
)

// String returns a word for the state.
func (s State) String() string {
	names := [...]string{
		"INIT", "SOLICITING", "REQUESTING", "BOUND", "RENEWING", "REBINDING", "VERIFYING", "DECLINING",
		"RELEASING", "RELEASED",
	}
	if s < stateCount {
		return names[s]
	}
	return "?"
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(text []byte) error {
	for of := range stateCount {
		if of.String() == string(text) {
			*s = of
			return nil
		}
	}
	return fmt.Errorf("%q is no state of a DHCPv6 client", text)
}
