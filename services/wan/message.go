package wan

import (
	"net/netip"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
)

// A Message is a server's as it came, for programs of the site: nothing of it is judged, and nobody else acts
// by it. It survives a round trip through JSON.
type Message struct {
	YIAddr netip.Addr   `json:",omitzero"` // the address that it gives
	SIAddr netip.Addr   `json:",omitzero"` // from where File is to be fetched
	GIAddr netip.Addr   `json:",omitzero"` // the relay agent that it came through
	SName  option.Bytes `json:",omitzero"` // the server's host name, unless it holds options
	File   option.Bytes `json:",omitzero"` // the same
	// Options has each code once, in the order of the message, at most MaxMessage bytes of values: the one
	// that is too much is left out, and those behind it.
	Options []Option `json:",omitzero"`
}

// MaxMessage is how many bytes the values of a Message have at most. What a client takes is shorter.
const MaxMessage = 4096
