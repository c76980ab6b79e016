package ss

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/sockets"
)

// info is a struct tcp_info (linux/tcp.h). An older kernel's is shorter: what is missing is 0.
type info struct {
	b       [232]byte
	numeric bool // -n: rates have no units
}

func (t *info) u32(at int) uint32 { return binary.NativeEndian.Uint32(t.b[at:]) }

func (t *info) u64(at int) uint64 { return binary.NativeEndian.Uint64(t.b[at:]) }

// optionScale says that windows are scaled (linux/tcp.h).
const optionScale = 4

// Where fields of info are, that are used for more than to be shown.
const (
	atOptions = 5
	atScale   = 6
	atMSS     = 16
	atRTT     = 68
	atWindow  = 80
)

// field is one of info: its name as it is shown with what goes before, and where it is.
type field struct {
	name string
	at   int
	as   func(t *info, at int) string // "" if it is not shown
}

// count is shown unless it is 0.
func count(t *info, at int) string { return unless(uint64(t.u32(at)), 0) }

func count64(t *info, at int) string { return unless(t.u64(at), 0) }

func unless(n, not uint64) string {
	if n == not {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// micros are microseconds, shown in milliseconds.
func micros(t *info, at int) string {
	if n := t.u32(at); n != 0 && n != math.MaxUint32 {
		return short(float64(n)/1000, 6)
	}
	return ""
}

// rate are bytes a second, shown in bits.
func rate(t *info, at int) string {
	if n := t.u64(at); n != 0 && n != math.MaxUint64 {
		return t.bits(float64(n) * 8)
	}
	return ""
}

// bits words bits a second.
func (t *info) bits(n float64) string {
	if t.numeric {
		return strconv.FormatFloat(n, 'f', 0, 64) + "bps"
	}
	for i, unit := range []string{"T", "G", "M", "k"} {
		if scale := math.Pow10(12 - 3*i); n >= scale {
			return short(n/scale, 3) + unit + "bps"
		}
	}
	return short(n, 6) + "bps"
}

// short is a number of some digits, as %g of C.
func short(n float64, digits int) string { return strconv.FormatFloat(n, 'g', digits, 64) }

// fields are in the order of iproute2.
func fields() []field {
	return []field{
		{"rto:", 8, func(t *info, at int) string {
			if t.u32(at) == 3000000 {
				return ""
			}
			return micros(t, at)
		}},
		{"backoff:", 4, func(t *info, at int) string { return unless(uint64(t.b[at]), 0) }},
		{"rtt:", atRTT, func(t *info, at int) string {
			if t.u32(at) == 0 {
				return ""
			}
			return short(float64(t.u32(at))/1000, 6) + "/" + short(float64(t.u32(at+4))/1000, 6)
		}},
		{"ato:", 12, micros}, {"mss:", atMSS, count}, {"pmtu:", 60, count}, {"rcvmss:", 20, count},
		{"advmss:", 84, count}, {"cwnd:", atWindow, count},
		{"ssthresh:", 76, func(t *info, at int) string {
			if t.u32(at) >= 0xffff {
				return ""
			}
			return count(t, at)
		}},
		{"bytes_sent:", 200, count64}, {"bytes_retrans:", 208, count64}, {"bytes_acked:", 120, count64},
		{"bytes_received:", 128, count64},
		{"segs_out:", 136, count}, {"segs_in:", 140, count}, {"data_segs_out:", 156, count},
		{"data_segs_in:", 152, count},
		{"send ", 0, sendRate}, {"lastsnd:", 44, count}, {"lastrcv:", 52, count}, {"lastack:", 56, count},
		{"pacing_rate ", 104, func(t *info, at int) string {
			text := rate(t, at)
			if most := rate(t, at+8); text != "" && most != "" {
				text += "/" + most
			}
			return text
		}},
		{"delivery_rate ", 160, rate}, {"delivered:", 192, count}, {"delivered_ce:", 196, count},
		{"app_limited", 7, func(t *info, at int) string {
			if t.b[at]&1 == 0 {
				return ""
			}
			return " "
		}},
		{"busy:", 168, busy}, {"rwnd_limited:", 176, limited}, {"sndbuf_limited:", 184, limited},
		{"unacked:", 24, count},
		{"retrans:", 36, retransmitted},
		{"lost:", 32, count}, {"sacked:", 28, count}, {"dsack_dups:", 216, count}, {"fackets:", 40, count},
		{"reordering:", 88, func(t *info, at int) string {
			if t.u32(at) == 3 {
				return ""
			}
			return strconv.Itoa(int(t.u32(at)))
		}},
		{"reord_seen:", 220, count}, {"rcv_rtt:", 92, micros}, {"rcv_space:", 96, count},
		{"rcv_ssthresh:", 64, count}, {"notsent:", 144, count}, {"minrtt:", 148, micros}, {"rcv_ooopack:", 224, count}, {"snd_wnd:", 228, count},
	}
}

// retransmitted is how much is on its way again, and how often there was.
func retransmitted(t *info, at int) string {
	now, ever := t.u32(at), t.u32(100)
	if now|ever == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", now, ever)
}

// busy is the time in which there was something to send.
func busy(t *info, at int) string {
	if t.u64(at) == 0 {
		return ""
	}
	return fmt.Sprintf("%dms", t.u64(at)/1000)
}

// limited is a part of busy.
func limited(t *info, at int) string {
	if t.u64(at) == 0 || t.u64(168) == 0 {
		return ""
	}
	return fmt.Sprintf("%dms(%.1f%%)", t.u64(at)/1000, 100*float64(t.u64(at))/float64(t.u64(168)))
}

// sendRate is what a window in each round trip comes to.
func sendRate(t *info, _ int) string {
	rtt, mss, window := t.u32(atRTT), t.u32(atMSS), t.u32(atWindow)
	if rtt == 0 || mss == 0 || window == 0 {
		return ""
	}
	return t.bits(float64(window) * float64(mss) * 8000000 / float64(rtt))
}

// tcpInfo words what TCP knows of a connection.
func (v *view) tcpInfo(s sockets.Inet) string {
	if s.Info == nil || !v.info {
		return ""
	}
	t := &info{numeric: v.numeric}
	copy(t.b[:], s.Info)
	var b strings.Builder
	options := t.b[atOptions]
	if v.timers {
		for i, name := range []string{"ts", "sack", "", "ecn", "ecnseen", "fastopen"} {
			if name != "" && options&(1<<i) != 0 {
				b.WriteString(" " + name)
			}
		}
	}
	if s.Congestion != "" {
		b.WriteString(" " + s.Congestion)
	}
	if options&optionScale != 0 {
		fmt.Fprintf(&b, " wscale:%d,%d", t.b[atScale]&15, t.b[atScale]>>4)
	}
	for _, f := range fields() {
		if f.name == "sacked:" && s.State == sockets.Listen {
			continue
		}
		if text := f.as(t, f.at); text != "" {
			b.WriteString(" " + f.name + strings.TrimSpace(text))
		}
	}
	return b.String()
}
