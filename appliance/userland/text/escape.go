package text

import "strings"

// escape reads what follows a backslash, and says how much of s it took: one of \a \b \e \f \n \r \t \v \\,
// up to three octal digits, or x and two that are hexadecimal. What is none of them takes nothing, and is the
// backslash itself.
func escape(s string) (b byte, n int) {
	if s == "" {
		return '\\', 0
	}
	if i := strings.IndexByte(`abefnrtv\`, s[0]); i >= 0 {
		return "\a\b\x1b\f\n\r\t\v\\"[i], 1
	}
	if s[0] == 'x' {
		v, n := digits(s[1:], 16, 2)
		if n == 0 {
			return '\\', 0
		}
		return byte(v), n + 1
	}
	v, n := digits(s, 8, 3)
	if n == 0 {
		return '\\', 0
	}
	return byte(v), n
}

// digits reads as many digits as there are, but no more than most, and no value beyond a byte's.
func digits(s string, base, most int) (v, n int) {
	for ; n < min(len(s), most); n++ {
		d := strings.IndexByte("0123456789abcdef", s[n]|0x20)
		if s[n] >= '0' && s[n] <= '9' {
			d = int(s[n] - '0')
		}
		if d < 0 || d >= base || v*base+d > 0xff {
			break
		}
		v = v*base + d
	}
	return v, n
}

// unescape replaces all escapes of s.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		ch, n := escape(s[i+1:])
		b.WriteByte(ch)
		i += n
	}
	return b.String()
}
