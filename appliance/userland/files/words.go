package files

import (
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// human is a size for people: three digits or so, and K, M, G of 1024; with the tenth, or rounded to a whole.
func human(size uint64, tenth bool) string {
	if size == 0 {
		return "0"
	}
	unit, frac := 0, uint64(0)
	for size >= 1024 {
		unit, frac = unit+1, (size%1024*10+512)/1024
		size /= 1024
	}
	if frac >= 10 {
		size, frac = size+1, 0
	}
	if !tenth && frac >= 5 {
		size++
	}
	text := strconv.FormatUint(size, 10)
	switch {
	case unit == 0:
		return text
	case tenth:
		return fmt.Sprintf("%s.%d%c", text, frac, " KMGTPE"[unit])
	}
	return text + " KMGTPE"[unit:unit+1]
}

// scaled is n blocks of a size in units, rounded to the nearest; for people if unit is 0.
func scaled(n, block, unit uint64) string {
	if unit == 0 {
		return human(n*block, true)
	}
	return strconv.FormatUint((n*block+unit/2)/unit, 10)
}

// modeString is a mode as ls -l has it.
func modeString(mode uint32) string {
	b := []byte("?rwxrwxrwx")
	b[0] = "?pc?d?b?-?l?s???"[mode>>12&15]
	for i := range 9 {
		if mode&(0o400>>i) == 0 {
			b[1+i] = '-'
		}
	}
	for i, special := range []struct {
		bit         uint32
		with, alone byte
	}{{unix.S_ISUID, 's', 'S'}, {unix.S_ISGID, 's', 'S'}, {unix.S_ISVTX, 't', 'T'}} {
		at := 3 + 3*i
		switch {
		case mode&special.bit == 0:
		case b[at] == 'x':
			b[at] = special.with
		default:
			b[at] = special.alone
		}
	}
	return string(b)
}

// printable is a name as a terminal may have it, and how many columns it takes. As busybox's of Debian, it
// lets through letters of Latin scripts where the locale is one of UTF-8, and ASCII elsewhere.
func printable(name string) (text string, width int) {
	plain := true
	for i := range len(name) {
		plain = plain && name[i] >= ' ' && name[i] < 0x7f
	}
	if plain {
		return name, len(name)
	}
	var b strings.Builder
	utf := utf8Locale()
	for s := name; s != ""; width++ {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case s[0] >= ' ' && s[0] < 0x7f:
			b.WriteByte(s[0])
		case utf && n > 1 && r >= 0xa0 && r <= lastLetter:
			b.WriteRune(r)
		default:
			b.WriteByte('?')
			if !utf {
				n = 1
			} else if r == utf8.RuneError {
				n = malformed(s)
			}
		}
		s = s[n:]
	}
	return b.String(), width
}

// malformed is how many bytes are shown as one: of a sequence that its first byte begins, up to six long as
// they once were, those that are there.
func malformed(s string) int {
	whole := 1
	if s[0] >= 0xc0 && s[0] < 0xfe {
		whole = bits.LeadingZeros8(^s[0])
	}
	n := 1
	for n < min(whole, len(s)) && s[n]&0xc0 == 0x80 {
		n++
	}
	return n
}

// lastLetter is the last character that is shown.
const lastLetter = 767

func utf8Locale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value, given := os.LookupEnv(name); given {
			return strings.Contains(value, ".UTF") || strings.Contains(value, ".utf")
		}
	}
	return false
}

// A suffix multiplies a number.
type suffix struct {
	text string
	by   uint64
}

// number reads one with a suffix.
func number(text string, suffixes ...suffix) (uint64, error) {
	digits := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseUint(text[:len(text)-len(digits)], 10, 64)
	if err != nil {
		return 0, command.Invalid("number", text)
	}
	if digits == "" {
		return n, nil
	}
	for _, s := range suffixes {
		if s.text != digits {
			continue
		}
		if s.by != 0 && n > ^uint64(0)/s.by {
			return 0, fmt.Errorf("number %q is too large", text)
		}
		return n * s.by, nil
	}
	return 0, command.Invalid("number", text)
}
