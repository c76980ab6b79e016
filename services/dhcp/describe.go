package dhcp

import (
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// maxDescribed bounds what is remembered of the options of one message, in bytes.
const maxDescribed = 512

// appendOptions appends the options that say something about a client or to it: a
// code, a length and the value of each, cut short where there is no room.
func appendOptions(b []byte, options []packet.Option) []byte {
	for _, o := range options {
		switch o.Code {
		case packet.OptionMessageType, packet.OptionOverload:
			continue
		}
		o = shown(o)
		n := min(len(o.Data), maxOption, maxDescribed-len(b)-2)
		if n < 0 {
			return b
		}
		b = append(append(b, o.Code, byte(n)), o.Data[:n]...)
	}
	return b
}

// OptionOf returns the value of an option in what an Outcome says, nil if it is not there.
func OptionOf(b []byte, code uint8) []byte {
	for ; len(b) >= 2 && len(b) >= 2+int(b[1]); b = b[2+int(b[1]):] {
		if b[0] == code {
			return b[2 : 2+int(b[1])]
		}
	}
	return nil
}

// PortOf returns where the sender is plugged in, as the relay agent says in what an
// Outcome says.
func PortOf(says []byte) Port {
	r := readAgent(OptionOf(says, packet.OptionRelayAgent))
	return Port{Circuit: r.circuit, Remote: r.remote}
}

// DescribeOptions returns one line for each option in what an Outcome says: the
// code, the name and the value.
func DescribeOptions(b []byte) []string {
	lines := []string{}
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		n := 2 + int(b[1])
		lines = append(lines, describe(packet.Option{Code: b[0], Data: b[2:n]}))
		b = b[n:]
	}
	return lines
}

// Describe returns one line for each option of a message, in its order. A message
// that cannot be read has none.
func Describe(msg []byte) []string {
	var p packet.Packet
	if p.Unmarshal(msg) != nil {
		return nil
	}
	lines := []string{}
	for _, o := range p.Options {
		lines = append(lines, describe(o))
	}
	return lines
}

func describe(o packet.Option) string {
	code := strconv.Itoa(int(o.Code))
	d, _ := option.Define(code)
	o = shown(o)
	if d.Name == code { // it has no name
		return strings.TrimSpace(code + " " + d.Format(o.Data))
	}
	return strings.TrimSpace(code + " " + d.Name + " " + d.Format(o.Data))
}
