package text

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// natural reads a number of digits only. Base 0: it may begin with 0x or 0.
func natural(s string, base int, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(s, base, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > most:
		return 0, fmt.Errorf("number %s is not in 0..%d range", s, most)
	case err != nil || strings.Contains(s, "_"):
		return 0, command.Invalid("number", s)
	}
	return n, nil
}

// amount reads a number that may end with b for 512, k for 1024, or m for 1024².
func amount(s string, base int) (int64, error) {
	factor := uint64(1)
	for suffix, f := range map[string]uint64{"b": 512, "k": 1 << 10, "m": 1 << 20} {
		if rest, ok := strings.CutSuffix(s, suffix); ok && (base != 0 || !strings.HasPrefix(s, "0x")) {
			s, factor = rest, f
		}
	}
	n, err := natural(s, base, math.MaxInt64/factor)
	return int64(n * factor), err
}

// option is the natural number of an option; what it is without it. It is said when there is none.
func option(c *command.Call, letter byte, without, most uint64) (n uint64, ok bool) {
	n = without
	if value, given := c.Value(letter); given {
		var err error
		if n, err = natural(value, 10, most); err != nil {
			c.Misused("-%c: %v", letter, err)
			return 0, false
		}
	}
	return n, true
}

// strtod reads the number that s begins with as strtod(3) does, and returns what follows it; all of s if
// there is none.
func strtod(s string) (n float64, rest string) {
	body := strings.TrimLeft(s, spaces)
	end, text := numberEnd(body)
	if end == 0 {
		return 0, s
	}
	n, err := strconv.ParseFloat(text, 64) // too large is infinite
	if err != nil && !math.IsInf(n, 0) {
		return 0, s
	}
	return n, body[end:]
}

// numberEnd is where the number at the beginning of s ends, and how ParseFloat likes it.
func numberEnd(s string) (end int, text string) {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		end = 1
	}
	lower := strings.ToLower(s[end:min(len(s), end+8)])
	for _, word := range []string{"infinity", "inf", "nan"} {
		if strings.HasPrefix(lower, word) {
			if word == "nan" {
				return end + 3, word
			}
			return end + len(word), s[:end+len(word)]
		}
	}
	digits, exponent, always := "0123456789", byte('e'), ""
	if strings.HasPrefix(lower, "0x") && len(lower) > 2 &&
		strings.IndexByte("0123456789abcdef.", lower[2]) >= 0 {
		digits, exponent, always = "0123456789abcdefABCDEF", 'p', "p0"
		end += 2
	}
	start, some := end, 0
	for seen := false; end < len(s); end++ {
		if s[end] == '.' && !seen {
			seen = true
			continue
		}
		if strings.IndexByte(digits, s[end]) < 0 {
			break
		}
		some++
	}
	if some == 0 {
		if start > 1 && always != "" {
			return start - 1, "0" // the 0 of 0x
		}
		return 0, ""
	}
	if e := exponentEnd(s[end:], exponent); e > 0 {
		return end + e, s[:end+e]
	}
	return end, s[:end] + always
}

// exponentEnd is how long the exponent is that s begins with; 0: there is none.
func exponentEnd(s string, letter byte) int {
	if len(s) < 2 || s[0]|0x20 != letter {
		return 0
	}
	i := 1
	if s[i] == '+' || s[i] == '-' {
		i++
	}
	start := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == start {
		return 0
	}
	return i
}
