package telnet

import "encoding/binary"

// Commands (RFC 854) and options of telnet.
const (
	cmdIAC  = 255
	cmdDont = 254
	cmdDo   = 253
	cmdWont = 252
	cmdWill = 251
	cmdSB   = 250
	cmdSE   = 240

	optEcho    = 1  // RFC 857
	optSGA     = 3  // suppress go ahead, RFC 858
	optTerm    = 24 // terminal type, RFC 1091
	optWindow  = 31 // RFC 1073
	optEnviron = 39 // RFC 1572
)

// A state is where in the stream of the server we are.
type state uint8

const (
	text state = iota
	afterCR
	afterIAC
	afterVerb // WILL, WONT, DO, DONT
	within    // a subnegotiation
	withinIAC
)

// maxSub is how much of a subnegotiation is kept: all that is understood is shorter.
const maxSub = 16

// A negotiator takes what a server sends apart: text, and commands, of which it answers those that ask for
// something. A request is answered once, as long as nothing has changed (RFC 854, "to prevent loops"); what
// is not known is refused.
//
//	server WILL ECHO ──► DO, and from now on keys go to it one by one; WONT ──► DONT, and lines
//	server DO TTYPE, NAWS, NEW-ENVIRON ──► WILL; what it asks for then is told it
type negotiator struct {
	terminal      string // its type; "": not told
	user          string // for a login; "": not told
	width, height int

	state  state
	verb   byte
	sub    []byte
	theirs map[byte]bool // options of the server that are on
	ours   map[byte]bool
}

// characters reports whether keys go to the server one by one.
func (n *negotiator) characters() bool { return n.theirs[optEcho] }

// take returns what is text of b, and what the server is to be told.
func (n *negotiator) take(b []byte) (shown, reply []byte) {
	if n.theirs == nil {
		n.theirs, n.ours = map[byte]bool{}, map[byte]bool{}
	}
	for _, c := range b {
		switch n.state {
		case text, afterCR:
			switch {
			case c == cmdIAC:
				n.state = afterIAC
				continue
			case n.state == afterCR && c == 0: // RFC 854: a carriage return alone
			default:
				shown = append(shown, c)
			}
			n.state = text
			if c == '\r' {
				n.state = afterCR
			}
		case afterIAC:
			if c == cmdIAC {
				shown = append(shown, c)
			}
			n.command(c)
		case afterVerb:
			reply = append(reply, n.option(c)...)
			n.state = text
		case within:
			if c == cmdIAC {
				n.state = withinIAC
			} else {
				n.keep(c)
			}
		case withinIAC:
			n.state = within
			if c == cmdSE {
				reply = append(reply, n.asked()...)
				n.state = text
			} else {
				n.keep(c)
			}
		}
	}
	return shown, reply
}

// command is for what follows IAC.
func (n *negotiator) command(c byte) {
	switch c {
	case cmdDo, cmdDont, cmdWill, cmdWont:
		n.verb, n.state = c, afterVerb
	case cmdSB:
		n.sub, n.state = n.sub[:0], within
	default:
		n.state = text // go ahead, nothing, data mark, …
	}
}

func (n *negotiator) keep(c byte) {
	if len(n.sub) < maxSub {
		n.sub = append(n.sub, c)
	}
}

// option answers a wish of the server.
func (n *negotiator) option(o byte) []byte {
	switch n.verb {
	case cmdWill, cmdWont:
		wanted := o == optEcho || o == optSGA
		on := n.verb == cmdWill
		switch {
		case !wanted && on:
			return []byte{cmdIAC, cmdDont, o}
		case !wanted || n.theirs[o] == on:
			return nil
		}
		n.theirs[o] = on
		return []byte{cmdIAC, pick(on, cmdDo, cmdDont), o}
	}
	able := o == optSGA || o == optWindow || o == optTerm && n.terminal != "" || o == optEnviron && n.user != ""
	on := n.verb == cmdDo
	switch {
	case !able && on:
		return []byte{cmdIAC, cmdWont, o}
	case !able || n.ours[o] == on:
		return nil
	}
	n.ours[o] = on
	reply := []byte{cmdIAC, pick(on, cmdWill, cmdWont), o}
	if o == optWindow && on {
		reply = append(reply, n.window()...)
	}
	return reply
}

func pick(on bool, yes, no byte) byte {
	if on {
		return yes
	}
	return no
}

// asked answers a subnegotiation, which asks for something by SEND (1).
func (n *negotiator) asked() []byte {
	const is, send = 0, 1
	if len(n.sub) < 2 || n.sub[1] != send || !n.ours[n.sub[0]] {
		return nil
	}
	switch n.sub[0] {
	case optTerm:
		return subnegotiation(optTerm, append([]byte{is}, n.terminal...))
	case optEnviron:
		const variable, value = 0, 1
		told := append([]byte{is, variable}, "USER"...)
		return subnegotiation(optEnviron, append(append(told, value), n.user...))
	}
	return nil
}

// window tells the size of the terminal, if the server has asked for it.
func (n *negotiator) window() []byte {
	if !n.ours[optWindow] {
		return nil
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(n.width))
	return subnegotiation(optWindow, binary.BigEndian.AppendUint16(b, uint16(n.height)))
}

func subnegotiation(o byte, told []byte) []byte {
	return append(append([]byte{cmdIAC, cmdSB, o}, escaped(told)...), cmdIAC, cmdSE)
}

// escaped has each 255 twice.
func escaped(b []byte) (out []byte) {
	for _, c := range b {
		if c == cmdIAC {
			out = append(out, c)
		}
		out = append(out, c)
	}
	return out
}

// typed is what a person has typed, as it goes to the server: an end of line is CR LF (RFC 1123 3.3.1).
func typed(b []byte) (out []byte) {
	for _, c := range escaped(b) {
		if c == '\r' || c == '\n' {
			out = append(out, '\r', '\n')
		} else {
			out = append(out, c)
		}
	}
	return out
}
