// Package show says what a packet is, in one line as tcpdump(8) does, and in more with Verbose: ARP, IPv4,
// IPv6 and its extension headers, TCP, UDP, ICMP, ICMPv6 with neighbour and router discovery, DHCP, DNS, NTP,
// and iSCSI by its port.
//
// Packets come from anybody. Each read is bounded by what there is of the packet, and each loop by the
// packet's length; what is cut off is said so: "[|tcp]". Of what comes out nothing acts on a terminal: text
// of strangers is escaped by internal/printable, and bytes are shown as numbers or as characters of ASCII.
package show

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Options say what is shown.
type Options struct {
	Link     uint32 // type of the link: what packets begin with, as files have it
	Header   bool   // what the link's header says
	Quiet    bool   // less
	Absolute bool   // sequence numbers of TCP as they are
	Verbose  int

	ASCII, Hex, Both int // bytes too; 2: with those of the link's header

	Host     func(netip.Addr) string            // the name of an address; "": none
	Port     func(udp bool, port uint16) string // the name of a port; "": none
	LinkName func(index int) string             // the name of a link; "": none
}

// A Printer shows packets one after the other. It keeps where connections of TCP begin.
type Printer struct {
	Options
	flows map[flow]sequence
}

// New makes a Printer.
func New(o Options) *Printer { return &Printer{Options: o, flows: map[flow]sequence{}} }

// A dump is a packet that is being shown.
type dump struct {
	*Printer
	out   strings.Builder
	depth int  // packets within packets
	cut   bool // it ends where nothing is to be said of it: its bytes are shown from the link's header on
	bytes bool // nothing is known of it: its bytes are shown in any case
}

// maxDepth is how many packets are shown one within the other.
const maxDepth = 8

func (d *dump) f(format string, args ...any) { fmt.Fprintf(&d.out, format, args...) }

func (d *dump) s(text string) { d.out.WriteString(text) }

// text is what a stranger has written, for a terminal.
func text(b []byte) string { return printable.Cut(string(b), 256) }

// Packet shows a packet, of which there is b; length is how long it was on the wire. The last line has no
// end.
func (p *Printer) Packet(b []byte, length int) string {
	d := &dump{Printer: p}
	header := d.link(view(b), max(length, len(b)))
	if header = min(header, len(b)); d.cut {
		header = 0
	}
	switch {
	case p.ASCII > 0:
		d.ascii(b[skipped(p.ASCII, header):])
	case p.Both > 0:
		d.hex(b[skipped(p.Both, header):], true)
	case p.Hex > 0:
		d.hex(b[skipped(p.Hex, header):], false)
	case d.bytes && !p.Quiet:
		d.hex(b[header:], true)
	}
	return d.out.String()
}

func skipped(times, header int) int {
	if times > 1 {
		return 0
	}
	return header
}

// hex shows bytes as numbers, sixteen a line.
func (d *dump) hex(b []byte, characters bool) {
	for at := 0; at < len(b); at += 16 {
		line := b[at:min(at+16, len(b))]
		var numbers strings.Builder
		for i, c := range line {
			if i%2 == 0 {
				numbers.WriteByte(' ')
			}
			fmt.Fprintf(&numbers, "%02x", c)
		}
		d.f("\n\t0x%04x: ", at)
		if !characters {
			d.s(numbers.String())
			continue
		}
		d.f("%-40s  ", numbers.String())
		for _, c := range line {
			d.out.WriteByte(graphic(c))
		}
	}
}

func graphic(c byte) byte {
	if c <= ' ' || c >= 0x7f {
		return '.'
	}
	return c
}

// ascii shows bytes as characters, with the ends of lines that they have.
func (d *dump) ascii(b []byte) {
	d.s("\n")
	for i, c := range b {
		switch {
		case c == '\r' && i+1 < len(b) && b[i+1] == '\n':
		case c == '\n' || c == '\t' || c == ' ':
			d.out.WriteByte(c)
		default:
			d.out.WriteByte(graphic(c))
		}
	}
}

// host and port are an address and a port as people are shown them.
func (d *dump) host(a netip.Addr) string {
	if d.Host != nil {
		if name := d.Host(a); name != "" {
			return printable.Cut(name, 256)
		}
	}
	return a.String()
}

func (d *dump) port(udp bool, n uint16) string {
	if d.Port != nil {
		if name := d.Port(udp, n); name != "" {
			return name
		}
	}
	return fmt.Sprint(n)
}
