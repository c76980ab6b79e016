package show

import "fmt"

func format(f string, args ...any) string { return fmt.Sprintf(f, args...) }

func (d *dump) udp(g datagram, named bool) {
	v := g.v
	if !v.has(8) {
		if v.has(4) {
			d.ends(g, named)
		} else if !named {
			d.f("%s > %s: ", d.host(g.src), d.host(g.dst))
		}
		d.s("[|udp]")
		return
	}
	d.ends(g, named)
	size := v.u16(4) - 8
	if v.u16(4) == 0 { // longer than its field can say
		size = g.length - 8
	}
	if size < 0 {
		d.f("bad length %d", v.u16(4))
		return
	}
	if d.Verbose > 1 || d.Verbose > 0 && g.src.Is6() {
		d.udpSum(g)
	}
	if g.length < size+8 && !g.cut {
		d.f("truncated-udplength %d ", g.length)
	}
	if d.Quiet {
		d.f("UDP, length %d", size)
		return
	}
	d.message(g, v.from(8).to(size), size)
}

func (d *dump) udpSum(g datagram) {
	size := g.v.u16(4)
	switch {
	case g.cut || !g.v.has(size) || size > g.length:
	case g.v.u16(6) == 0:
		d.s("[no cksum] ")
	default:
		g.length = size
		if s := sum(g.pseudo(), g.v.to(size)); s != 0 {
			d.f("[bad udp cksum 0x%04x -> 0x%04x!] ", g.v.u16(6), right(s, uint16(g.v.u16(6))))
		} else {
			d.s("[udp sum ok] ")
		}
	}
}

// message shows what is in a datagram, by its ports.
func (d *dump) message(g datagram, v view, size int) {
	is := func(port int) bool { return g.v.u16(0) == port || g.v.u16(2) == port }
	switch {
	case is(53) || is(5353) || is(5355):
		d.dns(v, size)
	case is(67) || is(68):
		d.dhcp(v, size)
	case is(123):
		d.ntp(v, size)
	case is(546) || is(547):
		d.dhcp6(v)
	default:
		d.f("UDP, length %d", size)
	}
}
