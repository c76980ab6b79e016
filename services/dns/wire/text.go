package wire

import (
	"fmt"
	"strings"
)

// Text returns an uncompressed name in wire form as people write it, with a dot at its end; what could be
// taken for something else is escaped (RFC 1035 5.1). It is printable whatever the name is.
func Text(name []byte) string {
	if len(name) <= 1 {
		return "."
	}
	var b strings.Builder
	for len(name) > 0 && name[0] > 0 && int(name[0]) < len(name) {
		for _, c := range name[1 : 1+int(name[0])] {
			switch {
			case c <= ' ' || c > '~':
				fmt.Fprintf(&b, "\\%03d", c)
			case strings.IndexByte(`.\"();@$`, c) >= 0:
				b.WriteByte('\\')
				b.WriteByte(c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('.')
		name = name[1+int(name[0]):]
	}
	return b.String()
}

// ParseText is the opposite of Text: the wire form of a name as people write it, with or without its last
// dot.
func ParseText(text string) ([]byte, error) {
	name := []byte{0} // the length of the label that is read, and what is read of it
	at := 0
	if text == "." {
		return name, nil
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			if len(name) == at+1 {
				return nil, fmt.Errorf("name %q: a label is empty", text)
			}
			at = len(name)
			name = append(name, 0)
			continue
		case c == '\\':
			var n int
			if c, n = unescape(text[i+1:]); n == 0 {
				return nil, fmt.Errorf("name %q: a backslash is followed by another character or three digits", text)
			}
			i += n
		}
		name = append(name, c)
		if name[at]++; name[at] > maxLabel {
			return nil, fmt.Errorf("name %q: a label has more than %d bytes", text, maxLabel)
		}
	}
	if len(name) > at+1 {
		name = append(name, 0)
	}
	if len(name) < 2 || len(name) > MaxName {
		return nil, fmt.Errorf("name %q has %d bytes in a message, where 1 to %d are allowed", text,
			len(name), MaxName)
	}
	return name, nil
}

// unescape reads what follows a backslash, and how much of it was read; 0 if that is nothing.
func unescape(s string) (c byte, n int) {
	if s == "" {
		return 0, 0
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1
	}
	v := 0
	for ; n < 3; n++ {
		if n == len(s) || s[n] < '0' || s[n] > '9' {
			return 0, 0
		}
		v = v*10 + int(s[n]-'0')
	}
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}
