package show

import (
	"bytes"
	"net/netip"
	"strings"
)

// A flow is a connection of TCP, the smaller end first; a sequence is where its numbers begin, of that end
// and the other.
type (
	flow struct {
		a, b     netip.Addr
		from, to uint16
	}
	sequence struct{ a, b uint32 }
)

// maxFlows is how many connections are kept; then all are forgotten, and numbers begin anew.
const maxFlows = 16384

// relative makes the numbers of a segment those since the beginning of its connection, of which the first was
// seen.
func (d *dump) relative(g datagram, seq, ack uint32, syn bool) (uint32, uint32) {
	k := flow{g.src, g.dst, uint16(g.v.u16(0)), uint16(g.v.u16(2))}
	swapped := false
	if c := g.src.Compare(g.dst); c > 0 || c == 0 && k.from > k.to {
		k, swapped = flow{k.b, k.a, k.to, k.from}, true
	}
	s, known := d.flows[k]
	if !known || syn {
		if !known && len(d.flows) >= maxFlows {
			clear(d.flows)
		}
		s = sequence{seq, ack - 1}
		if swapped {
			s = sequence{ack - 1, seq}
		}
		d.flows[k] = s
		return seq, ack
	}
	if swapped {
		return seq - s.b, ack - s.a
	}
	return seq - s.a, ack - s.b
}

// Flags of a segment.
const (
	flagFIN = 1
	flagSYN = 2
	flagRST = 4
	flagACK = 16
	flagURG = 32
)

func flags(n int) (s string) {
	for i, c := range "FSRP.UEW" {
		if n>>i&1 != 0 {
			s += string(c)
		}
	}
	if s == "" {
		return "none"
	}
	return s
}

func (d *dump) tcp(g datagram, named bool) {
	v := g.v
	if !v.has(4) {
		if !named {
			d.f("%s > %s: ", d.host(g.src), d.host(g.dst))
		}
		d.s("[|tcp]")
		return
	}
	d.ends(g, named)
	head := v.u8(12) >> 4 * 4
	switch {
	case !v.has(20):
		d.s(" [|tcp]")
		return
	case head < 20 || head > g.length:
		d.f("tcp %d [bad hdr length %d]", max(0, g.length-head), head)
		return
	}
	data, set := g.length-head, v.u8(13)
	if d.Quiet {
		d.f("tcp %d", data)
		return
	}
	seq, ack := v.u32(4), v.u32(8)
	if !d.Absolute && set&flagACK != 0 {
		seq, ack = d.relative(g, seq, ack, set&flagSYN != 0)
	}
	d.f("Flags [%s]", flags(set))
	if d.Verbose > 0 && g.whole() {
		d.f(", cksum 0x%04x ", v.u16(16))
		if s := sum(g.pseudo(), v.to(g.length)); s == 0 {
			d.s("(correct)")
		} else {
			d.f("(incorrect -> 0x%04x)", right(s, uint16(v.u16(16))))
		}
	}
	if d.Verbose > 1 || data > 0 || set&(flagSYN|flagFIN|flagRST) != 0 {
		d.f(", seq %d", seq)
		if data > 0 {
			d.f(":%d", seq+uint32(data))
		}
	}
	if set&flagACK != 0 {
		d.f(", ack %d", ack)
	}
	d.f(", win %d", v.u16(14))
	if set&flagURG != 0 {
		d.f(", urg %d", v.u16(18))
	}
	if head > 20 {
		d.f(", options [%s]", options(v.to(head).from(20), head-20))
	}
	d.f(", length %d", data)
	d.stream(g, v.from(head), data)
}

// options of a segment, of which there is v of size bytes.
func options(v view, size int) string {
	var all []string
	for at := 0; at < size; {
		kind, n := v.u8(at), v.u8(at+1)
		if kind < 2 {
			n = 1
		}
		if n < 1 || kind >= 2 && n < 2 || !v.has(at+n) {
			return strings.Join(append(all, "[bad opt]"), ",")
		}
		all = append(all, option(v.from(at).to(n), kind))
		at += n
		if kind == 0 {
			break
		}
	}
	return strings.Join(all, ",")
}

func option(v view, kind int) string {
	switch {
	case kind == 0:
		return "eol"
	case kind == 1:
		return "nop"
	case kind == 2 && len(v) == 4:
		return format("mss %d", v.u16(2))
	case kind == 3 && len(v) == 3:
		return format("wscale %d", v.u8(2))
	case kind == 4:
		return "sackOK"
	case kind == 5 && len(v) >= 10:
		s := format("sack %d ", (len(v)-2)/8)
		for at := 2; at+8 <= len(v); at += 8 {
			s += format("{%d:%d}", v.u32(at), v.u32(at+4))
		}
		return s
	case kind == 8 && len(v) == 10:
		return format("TS val %d ecr %d", v.u32(2), v.u32(6))
	case kind == 34:
		return strings.TrimRight("tfo  cookie "+strings.ReplaceAll(colons(v.from(2)), ":", ""), " ")
	}
	return format("unknown-%d 0x%s", kind, strings.ReplaceAll(colons(v.from(2)), ":", ""))
}

// stream shows what is in a segment, by its ports.
func (d *dump) stream(g datagram, v view, data int) {
	is := func(port int) bool { return g.v.u16(0) == port || g.v.u16(2) == port }
	switch {
	case data == 0:
	case g.v.u8(13)&flagRST != 0:
		if d.Verbose > 0 {
			d.f(" [RST %s]", text(v.to(data)))
		}
	case is(53) && data > 2 && v.has(14):
		d.s(" ")
		d.dns(v.from(2), v.u16(0))
	case is(80) || is(8080):
		d.s(": HTTP")
		for _, word := range []string{"GET ", "HEAD ", "POST ", "PUT ", "HTTP/"} {
			if bytes.HasPrefix(v, []byte(word)) {
				line, _, _ := bytes.Cut(v, []byte("\r\n"))
				d.f(": %s", text(line))
			}
		}
	case is(3260):
		d.iscsi(v)
	}
}
