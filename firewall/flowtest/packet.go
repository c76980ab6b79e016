package flowtest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// IANA's numbers of protocols over IP.
const (
	protoICMP, protoTCP, protoUDP, protoFragment, protoICMPv6, protoSCTP = 1, 6, 17, 44, 58, 132
)

// A Packet is what is written as one:
//
//	tcp 192.168.32.50:1000 > 198.51.100.7:80 S
//	udp [2001:db8:32::50]:1000 > [2001:db8:9::7]:53 frag=two
//	icmp 192.168.32.50 > 198.51.100.7 echo=7
//	icmp 198.51.100.1 > 192.0.2.10 type=3/4 about udp 192.0.2.10:1000 > 198.51.100.7:53
//	41 198.51.100.9 > 192.0.2.10
//
// The flags of TCP are some of S, A, R, F, and "-" for none. The words behind them may be hop=N (64 if
// absent), ext=N,M (IPv6 extension headers), frag=KIND (see [Packet.frames]) and badsum, a wrong checksum.
type Packet struct {
	Proto    uint8
	Src, Dst netip.AddrPort // port 0 where there are none
	Flags    string         // of TCP
	Type     uint8          // of ICMP
	Code     uint8
	ID       uint16  // of an echo
	About    *Packet // what an ICMP error is about

	Hop    uint8
	Ext    []uint8
	Frag   string
	BadSum bool
}

// ParsePacket reads what [Packet] describes.
func ParsePacket(text string) (Packet, error) {
	words := strings.Fields(text)
	if len(words) < 4 || words[2] != ">" {
		return Packet{}, fmt.Errorf("%q: expected PROTOCOL SOURCE > DESTINATION", text)
	}
	p := Packet{Hop: 64}
	var err [3]error
	p.Src, err[0] = parseEnd(words[1])
	p.Dst, err[1] = parseEnd(words[3])
	p.Proto, err[2] = p.protocol(words[0])
	if e := errors.Join(err[:]...); e != nil {
		return Packet{}, fmt.Errorf("%q: %w", text, e)
	}
	for i, w := range words[4:] {
		if w == "about" {
			about, err := ParsePacket(strings.Join(words[i+5:], " "))
			p.About = &about
			return p, err
		}
		if err := p.word(w); err != nil {
			return Packet{}, fmt.Errorf("%q: %q: %w", text, w, err)
		}
	}
	return p, nil
}

func (p *Packet) protocol(name string) (uint8, error) {
	if name == "icmp" && p.Src.Addr().Is6() {
		return protoICMPv6, nil
	}
	if n, ok := map[string]uint8{"icmp": protoICMP, "tcp": protoTCP, "udp": protoUDP,
		"sctp": protoSCTP}[name]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(name, 10, 8)
	return uint8(n), err
}

// parseEnd reads an address with or without a port.
func parseEnd(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, 0), nil
	}
	return netip.ParseAddrPort(text)
}

// word reads one word behind the destination.
func (p *Packet) word(w string) error {
	key, value, _ := strings.Cut(w, "=")
	switch key {
	case "echo", "reply":
		p.Type = map[string]uint8{"echo": 8, "reply": 0}[key]
		if p.Proto == protoICMPv6 {
			p.Type = map[string]uint8{"echo": 128, "reply": 129}[key]
		}
		return scan(value, "%d", &p.ID)
	case "type":
		return scan(value, "%d/%d", &p.Type, &p.Code)
	case "hop":
		return scan(value, "%d", &p.Hop)
	case "ext":
		for n := range strings.SplitSeq(value, ",") {
			p.Ext = append(p.Ext, 0)
			if err := scan(n, "%d", &p.Ext[len(p.Ext)-1]); err != nil {
				return err
			}
		}
	case "frag":
		p.Frag = value
	case "badsum":
		p.BadSum = true
	default:
		if p.Proto != protoTCP || strings.Trim(w, "SARF-") != "" {
			return errors.New("unknown")
		}
		p.Flags = strings.Trim(w, "-")
	}
	return nil
}

func scan(text, format string, into ...any) error {
	_, err := fmt.Sscanf(text, format, into...)
	return err
}

// String is what of p a rule or NAT can change, in the notation of [Packet].
func (p Packet) String() string {
	name := map[uint8]string{protoICMP: "icmp", protoICMPv6: "icmp", protoTCP: "tcp", protoUDP: "udp",
		protoSCTP: "sctp"}[p.Proto]
	if name == "" {
		name = strconv.Itoa(int(p.Proto))
	}
	text := fmt.Sprintf("%s %s > %s", name, endString(p.Src), endString(p.Dst))
	switch {
	case p.Proto == protoTCP && p.Flags == "":
		text += " -"
	case p.Proto == protoTCP:
		text += " " + p.Flags
	case p.isEcho():
		text += fmt.Sprintf(" type=%d id=%d", p.Type, p.ID)
	case p.Proto == protoICMP || p.Proto == protoICMPv6:
		text += fmt.Sprintf(" type=%d/%d", p.Type, p.Code)
	}
	if p.About != nil {
		text += " about " + p.About.ends()
	}
	return text
}

// ends is the part of String that NAT can change.
func (p Packet) ends() string { return endString(p.Src) + " > " + endString(p.Dst) }

func endString(a netip.AddrPort) string {
	if a.Port() == 0 {
		return a.Addr().String()
	}
	return a.String()
}

func (p Packet) isEcho() bool {
	return p.Proto == protoICMP && (p.Type == 8 || p.Type == 0) || p.Proto == protoICMPv6 &&
		(p.Type == 128 || p.Type == 129)
}

// isError reports whether p is an ICMP error, which wraps the head of a packet.
func (p Packet) isError() bool {
	return p.Proto == protoICMP && slices.Contains([]uint8{3, 4, 5, 11, 12}, p.Type) ||
		p.Proto == protoICMPv6 && p.Type > 0 && p.Type < 128
}

// answers reports whether p is what somebody says to q.
func (p Packet) answers(q Packet) bool {
	if p.isError() && p.About != nil {
		return p.Dst.Addr() == q.Src.Addr() && p.About.Src == q.Src
	}
	return p.Proto == q.Proto && p.Src == q.Dst && p.Dst == q.Src
}
