package sh

import (
	"io"
	"strings"
)

// Control characters.
const (
	ctrlA  = 0x01
	ctrlB  = 0x02
	ctrlC  = 0x03
	ctrlD  = 0x04
	ctrlE  = 0x05
	ctrlF  = 0x06
	ctrlG  = 0x07
	ctrlK  = 0x0b
	ctrlL  = 0x0c
	ctrlN  = 0x0e
	ctrlP  = 0x10
	ctrlR  = 0x12
	ctrlT  = 0x14
	ctrlU  = 0x15
	ctrlW  = 0x17
	escape = 0x1b
	del    = 0x7f
)

// Keys that move by a word, as an xterm sends them with Alt.
const (
	wordLeft  = "\x1b[1;3D"
	wordRight = "\x1b[1;3C"
)

// keys reads what a keyboard sends, no byte more than one key at a time, and translates keys to one of their
// sequences: a vt220 and the console of Linux send for Home and End something else than an xterm. What has no
// meaning is dropped. ^C is the error errInterrupt.
type keys struct {
	in     io.Reader
	out    []byte // of the translation, not yet read
	unread []byte // at most one byte
}

// Read returns bytes of one key.
func (k *keys) Read(p []byte) (int, error) {
	for len(k.out) == 0 {
		b, err := k.next()
		if err == nil && b == escape {
			err = k.sequence()
		} else if b == ctrlC {
			err = errInterrupt
		} else if err == nil {
			k.out = append(k.out[:0], b)
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, k.out)
	k.out = k.out[n:]
	return n, nil
}

// next reads one byte.
func (k *keys) next() (byte, error) {
	if len(k.unread) > 0 {
		b := k.unread[0]
		k.unread = nil
		return b, nil
	}
	var b [1]byte
	_, err := io.ReadFull(k.in, b[:])
	return b[0], err
}

// sequence reads what follows an Escape.
func (k *keys) sequence() error {
	b, err := k.next()
	if err != nil {
		return err
	}
	text := string(b)
	switch b {
	case '[':
		if text, err = k.parameters(); err != nil {
			return err
		}
	case 'O': // application mode
		if b, err = k.next(); err != nil {
			return err
		}
		text = "[" + string(b)
	}
	if b < ' ' {
		k.unread = []byte{b} // an Escape that meant nothing
		return nil
	}
	k.out = append(k.out[:0], meaning(text)...)
	return nil
}

// parameters reads a control sequence after its introducer, and returns it with a
// "[" (ECMA-48 5.4).
func (k *keys) parameters() (string, error) {
	var text strings.Builder
	text.WriteByte('[')
	for text.Len() < 16 {
		b, err := k.next()
		switch {
		case err != nil:
			return "", err
		case b < ' ':
			k.unread = []byte{b}
			return "", nil
		}
		text.WriteByte(b)
		// "[[A" is F1 on the console of Linux.
		if b >= '@' && b <= '~' && (b != '[' || text.Len() > 2) {
			break
		}
	}
	return text.String(), nil
}

// meaning translates the sequence after an Escape to the one that the editor knows.
func meaning(sequence string) string {
	switch sequence {
	case "[A", "[B", "[C", "[D", "[3~":
		return "\x1b" + sequence
	case "[H", "[1~", "[7~":
		return string(rune(ctrlA))
	case "[F", "[4~", "[8~":
		return string(rune(ctrlE))
	case "[1;5C", "[1;3C", "f":
		return wordRight
	case "[1;5D", "[1;3D", "b":
		return wordLeft
	case string(rune(del)), "\b":
		return string(rune(ctrlW))
	}
	return ""
}
