package option

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Bytes is a value whose kind is not known: what a relay agent calls a port, or an
// option as on the wire. Its text form, in JSON too, is the text that it is if it is
// printable ASCII, else "hex:" and pairs of digits with colons between them.
type Bytes []byte

const hexPrefix = "hex:"

// String returns the text form.
func (b Bytes) String() string {
	text := string(b)
	if !strings.HasPrefix(text, hexPrefix) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r > '~'
	}) {
		return text
	}
	pairs := make([]string, len(b))
	for i := range b {
		pairs[i] = hex.EncodeToString(b[i : i+1])
	}
	return hexPrefix + strings.Join(pairs, ":")
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It takes any text that does not
// start with "hex:" as it is.
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, isHex := strings.CutPrefix(string(text), hexPrefix)
	if !isHex {
		*b = append(Bytes(nil), text...)
		return nil
	}
	all, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if err != nil {
		return fmt.Errorf("%q: expected pairs of hex digits, as in %q", text, "hex:00:04:00:0a")
	}
	*b = all
	return nil
}
