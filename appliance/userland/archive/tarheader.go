package archive

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// block is what a tar archive is made of, in bytes.
const block = 512

// Fields of a header, in bytes from its beginning (POSIX 1003.1-1988, ustar), and how long they are.
const (
	nameAt, nameLen         = 0, 100
	modeAt, uidAt, gidAt    = 100, 108, 116
	sizeAt, timeAt          = 124, 136
	sumAt                   = 148
	typeAt                  = 156
	linkAt                  = 157
	magicAt                 = 257
	userAt, groupAt, people = 265, 297, 32
	majorAt, minorAt        = 329, 337
	small, large            = 8, 12 // numbers
)

// tarHeader is an entry as GNU's tar writes it, and busybox's: names that are too long go before, each in a
// header of its own, and numbers that are too large are not octal but binary. All tars read it.
func tarHeader(e *entry) []byte {
	h := make([]byte, block)
	h[typeAt] = tarType(e)
	copy(h[nameAt:nameAt+nameLen], e.name)
	copy(h[linkAt:linkAt+nameLen], e.link)
	number(h[modeAt:modeAt+small], int64(e.mode&0o7777))
	number(h[uidAt:uidAt+small], int64(e.uid))
	number(h[gidAt:gidAt+small], int64(e.gid))
	number(h[sizeAt:sizeAt+large], e.size)
	number(h[timeAt:timeAt+large], max(e.when.Unix(), 0))
	copy(h[userAt:userAt+people-1], e.user)
	copy(h[groupAt:groupAt+people-1], e.group)
	if kind := e.kind(); kind == unix.S_IFCHR || kind == unix.S_IFBLK {
		number(h[majorAt:majorAt+small], int64(unix.Major(e.device)))
		number(h[minorAt:minorAt+small], int64(unix.Minor(e.device)))
	}
	var all []byte
	if len(e.link) >= nameLen {
		all = append(all, long('K', e.link)...)
	}
	if len(e.name) >= nameLen {
		all = append(all, long('L', e.name)...)
	}
	return append(all, summed(h)...)
}

// tarType is what a header calls the kind of a file.
func tarType(e *entry) byte {
	if e.hard() {
		return '1'
	}
	switch e.kind() {
	case unix.S_IFLNK:
		return '2'
	case unix.S_IFCHR:
		return '3'
	case unix.S_IFBLK:
		return '4'
	case unix.S_IFDIR:
		return '5'
	case unix.S_IFIFO:
		return '6'
	}
	return '0'
}

// long is a name that a header has no room for.
func long(kind byte, name string) []byte {
	h := make([]byte, block)
	copy(h[nameAt:], "././@LongLink")
	for _, at := range []int{modeAt, uidAt, gidAt} {
		number(h[at:at+small], 0)
	}
	number(h[timeAt:timeAt+large], 0)
	number(h[sizeAt:sizeAt+large], int64(len(name)+1))
	h[typeAt] = kind
	text := make([]byte, (len(name)/block+1)*block) // with a zero behind it
	copy(text, name)
	return append(summed(h), text...)
}

// number writes one in octal digits, with a zero byte behind them where there is room, or else in binary with
// the first bit set.
func number(field []byte, n int64) {
	digits := fmt.Sprintf("%0*o", len(field)-1, n)
	if len(digits) <= len(field) {
		copy(field, digits)
		return
	}
	for i := len(field) - 1; i >= 0; i-- {
		field[i] = byte(n)
		n >>= 8
	}
	field[0] |= 0x80
}

// summed is a header with its sum, which takes itself for spaces.
func summed(h []byte) []byte {
	copy(h[magicAt:], "ustar  ")
	copy(h[sumAt:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[sumAt:], fmt.Sprintf("%06o\x00", sum))
	return h
}

func statTime(st *unix.Stat_t) time.Time { return time.Unix(st.Mtim.Sec, st.Mtim.Nsec) }
