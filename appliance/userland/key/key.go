// Package key makes keys of the bytes that a terminal sends. Of several sequences that terminals have for one
// key, each is known; what has no meaning is dropped. Whether an Escape was one or begins a sequence is told
// by time, which is left to whoever reads: no byte more within a moment, and it calls Pause.
package key

import "unicode/utf8"

// A Key is a character, or one of those below.
type Key rune

// Keys that are no characters.
const (
	Up Key = -1 - iota
	Down
	Left
	Right
	Home
	End
	PageUp
	PageDown
	Insert
	Delete
)

// Keys that are characters.
const (
	Backspace Key = 8
	Enter     Key = 13
	Escape    Key = 27
	Rubout    Key = 127
)

// Ctrl is the key of a letter with Control: Ctrl('F').
func Ctrl(letter byte) Key { return Key(letter & 0x1f) }

// longest is how long a sequence may be, in bytes, before it is no longer one.
const longest = 16

// A Decoder is the bytes of a key that is not complete.
type Decoder struct{ have []byte }

// Feed takes bytes and returns the keys that they complete.
func (d *Decoder) Feed(p []byte) (keys []Key) {
	d.have = append(d.have, p...)
	for len(d.have) > 0 {
		k, size, known := first(d.have)
		if size == 0 {
			break
		}
		if d.have = d.have[size:]; known {
			keys = append(keys, k)
		}
	}
	return keys
}

// Waiting reports whether a key is incomplete: after a moment without bytes, Pause.
func (d *Decoder) Waiting() bool { return len(d.have) > 0 }

// Pause says that nothing more comes soon: what is there are keys by themselves.
func (d *Decoder) Pause() (keys []Key) {
	for _, b := range d.have {
		if b < utf8.RuneSelf {
			keys = append(keys, Key(b))
		}
	}
	d.have = d.have[:0]
	return keys
}

// first is the first key of b; its size is 0 if b ends before it does.
func first(b []byte) (k Key, size int, known bool) {
	if b[0] == byte(Escape) {
		return sequence(b)
	}
	if !utf8.FullRune(b) {
		return 0, 0, false
	}
	r, size := utf8.DecodeRune(b)
	return Key(r), size, true
}

// sequence is a control sequence (ECMA-48 5.4), or the Escape that it does not begin with.
func sequence(b []byte) (k Key, size int, known bool) {
	switch {
	case len(b) == 1:
		return 0, 0, false
	case b[1] != '[' && b[1] != 'O':
		return Escape, 1, true
	}
	for i := 2; i < min(len(b), longest); i++ {
		switch {
		case b[i] < ' ':
			return Escape, 1, true
		case b[i] == '[' && i == 2: // "[[A" is F1 on the console of Linux
		case b[i] >= '@' && b[i] <= '~':
			k, known = named(string(b[2 : i+1]))
			return k, i + 1, known
		}
	}
	if len(b) >= longest {
		return Escape, 1, true
	}
	return 0, 0, false
}

// named is the key of what follows the introducer.
func named(s string) (Key, bool) {
	switch s {
	case "A":
		return Up, true
	case "B":
		return Down, true
	case "C":
		return Right, true
	case "D":
		return Left, true
	case "H", "1~", "7~":
		return Home, true
	case "F", "4~", "8~":
		return End, true
	case "2~":
		return Insert, true
	case "3~":
		return Delete, true
	case "5~":
		return PageUp, true
	case "6~":
		return PageDown, true
	}
	return 0, false
}
