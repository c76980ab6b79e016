package check

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// elf makes the head of an executable with segments of some types.
func elf(types ...uint32) []byte {
	le := binary.LittleEndian
	b := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 57)...)
	le.PutUint16(b[18:], 62)
	le.PutUint64(b[32:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], uint16(len(types)))
	for _, t := range types {
		b = append(le.AppendUint32(b, t), make([]byte, 52)...)
	}
	return b
}

func TestIsStatic(t *testing.T) {
	const load, loader = 1, 3
	changed := func(at int, to byte) []byte {
		b := elf(load)
		b[at] = to
		return b
	}
	for name, tc := range map[string]struct {
		b    []byte
		want bool
	}{
		"static": {elf(load, load), true}, "no segments": {elf(), true}, "dynamic": {elf(load, loader), false},
		"32 bits": {changed(4, 1), false}, "big endian": {changed(5, 2), false}, "another machine": {changed(18, 183), false},
		"segments beyond the end": {changed(56, 2), false}, "a table beyond the end": {changed(39, 0x80), false},
		"far beyond": {changed(34, 1), false}, "short": {elf()[:63], false}, "nothing": {nil, false},
	} {
		if got := isStatic(tc.b); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	for n := range elf(load, loader) {
		isStatic(elf(load, loader)[:n]) // whatever is cut off, it does not panic
	}
}

func TestHookNames(t *testing.T) {
	for name, want := range map[string]bool{
		"dyndns.sh": true, "A-1_b": true, "_x": true, "": false, ".x": false, "-x": false, "a/b": false, "..": false,
		"a b": false, "a\n": false, "ä": false, "a$b": false, string(bytes.Repeat([]byte("a"), 65)): false,
	} {
		if isHookName(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}
