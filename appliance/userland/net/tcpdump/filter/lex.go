package filter

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

type kind int

const (
	end    kind = iota
	symbol      // text has it
	word        // a keyword or a name
	quoted      // a name behind "\", never a keyword
	number      // n
	quad        // an IPv4 address, or the first numbers of one: n and bits
	ipv6        // addr
	mac         // mac
)

// A token is a word of an expression.
type token struct {
	kind   kind
	text   string
	column int
	n      uint32
	bits   int
	addr   netip.Addr
	mac    [6]byte
}

// isWord says of a token whether it is a word of the language.
func (t token) is(text string) bool { return (t.kind == word || t.kind == symbol) && t.text == text }

func letter(c byte) bool {
	return c == '.' || c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// lex takes an expression apart. The last token is the end.
func lex(text string) (tokens []token, err error) {
	for at := 0; ; {
		for at < len(text) && strings.IndexByte(" \t\n\r", text[at]) >= 0 {
			at++
		}
		if at == len(text) {
			return append(tokens, token{kind: end, text: "the end", column: at + 1}), nil
		}
		t, size, err := first(text[at:])
		if err != nil {
			return nil, &Error{at + 1, err.Error()}
		}
		t.column = at + 1
		tokens = append(tokens, t)
		at += size
	}
}

// first is the token that a text begins with.
func first(s string) (t token, size int, err error) {
	if t, size := longAddress(s); size > 0 {
		return t, size, nil
	}
	if s[0] == '\\' {
		size = 1 + wordLen(s[1:])
		if size == 1 {
			return t, 0, fmt.Errorf(`expected a name behind \`)
		}
		return token{kind: quoted, text: s[1:size]}, size, nil
	}
	if size = wordLen(s); size > 0 && s[0] != '-' {
		t, err = ofWord(s[:size])
		return t, size, err
	}
	for _, two := range []string{"&&", "||", "<<", ">>", "<=", ">=", "==", "!="} {
		if strings.HasPrefix(s, two) {
			return ofSymbol(two), 2, nil
		}
	}
	if strings.IndexByte("()[]:/+-*%&|^<>=!", s[0]) >= 0 {
		return ofSymbol(s[:1]), 1, nil
	}
	return t, 0, fmt.Errorf("%q is no word of a filter", s[0])
}

// wordLen is how long the word is that s begins with: it ends in a letter, a digit or a dot.
func wordLen(s string) (n int) {
	for n < len(s) && letter(s[n]) {
		n++
	}
	for n > 0 && (s[n-1] == '-' || s[n-1] == '_') {
		n--
	}
	return n
}

// ofSymbol has the symbols that stand for words.
func ofSymbol(s string) token {
	switch s {
	case "&&":
		return token{kind: word, text: "and"}
	case "||":
		return token{kind: word, text: "or"}
	case "!":
		return token{kind: word, text: "not"}
	case "==":
		s = "="
	}
	return token{kind: symbol, text: s}
}

// longAddress is a MAC or an IPv6 address at the beginning of s, which have signs in them that words have
// not.
func longAddress(s string) (t token, size int) {
	for size < len(s) && (letter(s[size]) || s[size] == ':') && s[size] != '_' {
		size++
	}
	s = s[:size]
	if m, ok := readMAC(s); ok {
		return token{kind: mac, text: s, mac: m}, size
	}
	if strings.Count(s, ":") >= 2 {
		if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
			return token{kind: ipv6, text: s, addr: a}, size
		}
	}
	return t, 0
}

// readMAC reads the address of a card as six numbers with the same sign between them, three of 16 bits with
// dots, or twelve digits.
func readMAC(s string) (m [6]byte, ok bool) {
	for _, sign := range []string{":", "-", "."} {
		parts := strings.Split(s, sign)
		switch {
		case len(parts) == 6:
		case len(parts) == 3 && sign == "." && len(s) == 14 && len(parts[0]) == 4 && len(parts[1]) == 4:
			s = strings.ReplaceAll(s, ".", "")
			fallthrough
		case len(parts) == 1 && len(s) == 12:
			parts = []string{s[:2], s[2:4], s[4:6], s[6:8], s[8:10], s[10:]}
		default:
			continue
		}
		for i, p := range parts {
			n, err := strconv.ParseUint(p, 16, 8)
			if err != nil || len(p) > 2 {
				return m, false
			}
			m[i] = byte(n)
		}
		return m, true
	}
	return m, false
}

// ofWord tells numbers and IPv4 addresses from words.
func ofWord(s string) (token, error) {
	if strings.Trim(s, "0123456789.") == "" && strings.Contains(s, ".") {
		parts := strings.Split(s, ".")
		t := token{kind: quad, text: s, bits: 8 * len(parts)}
		for _, p := range parts {
			n, err := strconv.ParseUint(p, 10, 8)
			if err != nil || len(parts) > 4 {
				return t, fmt.Errorf("%q: expected an IPv4 address", s)
			}
			t.n = t.n<<8 | uint32(n)
		}
		return t, nil
	}
	hex := len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x'
	if hex || strings.Trim(s, "0123456789") == "" {
		base := 10
		switch {
		case hex:
			base = 16
		case s[0] == '0':
			base = 8
		}
		n, err := strconv.ParseUint(strings.ToLower(s)[map[bool]int{true: 2}[hex]:], base, 32)
		if err == nil {
			return token{kind: number, text: s, n: uint32(n)}, nil
		}
		if !hex || strings.Trim(strings.ToLower(s[2:]), "0123456789abcdef") == "" {
			return token{}, fmt.Errorf("%q: expected a number below 2^32", s)
		}
	}
	if n, ok := constants()[s]; ok {
		return token{kind: number, text: s, n: n}, nil
	}
	return token{kind: word, text: s}, nil
}
