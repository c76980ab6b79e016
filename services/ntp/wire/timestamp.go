package wire

import "time"

// A Timestamp is a moment as NTP has it (RFC 5905 6): seconds since the begin of an era in the upper 32 bits,
// fractions of 2^-32 s (0.23 ns) in the lower. An era lasts 136 years, and which one it is, is not said. Zero
// means unknown.
type Timestamp uint64

// unixToNTP are the seconds from 1900, where era 0 begins, to 1970.
const unixToNTP = 2208988800

// FromUnix returns the timestamp of a moment in nanoseconds since 1970. It is never zero: a moment that would
// be is 2^-32 s later.
func FromUnix(ns int64) Timestamp {
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	t := Timestamp(uint64(sec+unixToNTP)<<32 | (uint64(frac)<<32+5e8)/1e9)
	if t == 0 {
		return 1
	}
	return t
}

// Unix returns the first moment with this timestamp that is not before another, both in nanoseconds since
// 1970. Whoever knows that it is not before some moment, since that is when the program was built, knows the
// era: for 136 years, whatever a clock of its own says. notBefore must be before the year 2126, or the result
// overflows.
func (t Timestamp) Unix(notBefore int64) int64 {
	// Counted from what is not a timestamp but a lower bound of one, so that rounding does not cost an era.
	ahead := uint64(t) - uint64(FromUnix(notBefore)) + 8
	base := notBefore - 2
	return base + int64(ahead>>32)*1e9 + int64(((ahead&0xffffffff)*1e9+1<<31)>>32)
}

// Sub returns the time from u to t, at most 68 years either way: in that half of all eras where it is
// shorter. Errors of rounding are below a nanosecond.
func (t Timestamp) Sub(u Timestamp) time.Duration {
	d := int64(t - u)
	sec, frac := d>>32, d&0xffffffff
	return time.Duration(sec*1e9 + (frac*1e9+1<<31)>>32)
}

// A Short is a time of up to 18 hours: seconds in the upper 16 bits, 2^-16 s (15.3 µs) in the lower.
type Short uint32

// ToShort returns the shortest Short that is not below d; what has no such form is the nearest that has.
func ToShort(d time.Duration) Short {
	switch {
	case d <= 0:
		return 0
	case d >= 1<<16*time.Second:
		return 1<<32 - 1
	}
	sec, frac := uint64(d/time.Second), uint64(d%time.Second)
	s := sec<<16 + (frac<<16+1e9-1)/1e9
	return Short(min(s, 1<<32-1))
}

// Duration returns the time.
func (s Short) Duration() time.Duration {
	return time.Duration(s>>16)*time.Second + time.Duration((uint64(s&0xffff)*1e9+1<<15)>>16)
}
