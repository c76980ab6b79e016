package show

import (
	"strings"
	"time"
)

func (d *dump) ntp(v view, size int) {
	if !v.has(1) {
		d.s("[|ntp]")
		return
	}
	mode := []string{"unspecified", "symmetric active", "symmetric passive", "Client", "Server", "Broadcast",
		"Reserved", "Private"}[v.u8(0)&7]
	d.f("NTPv%d, %s, length %d", v.u8(0)>>3&7, mode, size)
	if d.Verbose == 0 || v.u8(0)&7 >= 6 {
		return
	}
	if !v.has(48) {
		d.s(" [|ntp]")
		return
	}
	leap := []string{"", "+1s", "-1s", "clock unsynchronized"}[v.u8(0)>>6]
	stratum := v.u8(1)
	name := map[int]string{0: "unspecified", 1: "primary reference"}[stratum]
	if name == "" {
		name = "secondary reference"
	}
	poll, precision := int8(v.u8(2)), int8(v.u8(3))
	d.f("\n\tLeap indicator: %s (%d), Stratum %d (%s), poll %d (%s), precision %d", leap, v.u8(0)&0xc0,
		stratum, name, poll, power(poll), precision)
	d.f("\n\tRoot Delay: %s, Root dispersion: %s, Reference-ID: ", short(v.u32(4)), short(v.u32(8)))
	switch {
	case v.u32(12) == 0:
		d.s("(unspec)")
	case stratum > 1:
		d.s(d.host(v.ip4(12)))
	default:
		d.s(text([]byte(strings.TrimRight(string(v.from(12).to(4)), "\x00"))))
	}
	origin := v.from(24)
	for i, title := range []string{"Reference Timestamp:  ", "Originator Timestamp: ",
		"Receive Timestamp:    ", "Transmit Timestamp:   "} {
		d.f("\n\t  %s%s", title, stamp(v, 16+8*i))
		if t := v.u32(16 + 8*i); t != 0 {
			d.f(" (%s)", date(t))
		}
	}
	d.f("\n\t    Originator - Receive Timestamp:  %s", since(origin, v.from(32)))
	d.f("\n\t    Originator - Transmit Timestamp: %s", since(origin, v.from(40)))
}

func power(n int8) string {
	switch {
	case n >= 0 && n < 31:
		return format("%ds", 1<<n)
	case n < 0 && n > -31:
		return format("1/%ds", 1<<-n)
	}
	return "?"
}

// short is a number of seconds with 16 bits behind the point, stamp one with 32.
func short(n uint32) string { return format("%.6f", float64(n)/65536) }

func stamp(v view, at int) string {
	return format("%d.%09d", v.u32(at), uint64(v.u32(at+4))*1_000_000_000>>32)
}

// since is the time from one time to another, or the other where there is none before; with as many digits as
// tcpdump gives.
func since(from, to view) string {
	a := uint64(from.u32(0))<<32 | uint64(from.u32(4))
	b := uint64(to.u32(0))<<32 | uint64(to.u32(4))
	if a == 0 {
		if b == 0 {
			return "0.000000000"
		}
		return stamp(to, 0) + " (" + date(to.u32(0)) + ")"
	}
	n, sign := b-a, "+"
	if b < a {
		n, sign = a-b, "-"
	}
	return format("%s%d.%09d", sign, n>>32, n&0xffffffff*1_000_000_000>>32)
}

// date is when a time of NTP is, as RFC 3339 writes it. Its seconds count from 1900, and from 2036 on anew:
// RFC 4330 3.
func date(n uint32) string {
	at := int64(n) - 2_208_988_800
	if n < 1<<31 {
		at += 1 << 32
	}
	return time.Unix(at, 0).UTC().Format("2006-01-02T15:04:05Z")
}
