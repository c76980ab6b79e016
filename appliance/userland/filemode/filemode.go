// Package filemode reads modes of files as people write them: 644, u+x,go-w. It guarantees that what it
// returns has no bits but permissions, set-user-ID, set-group-ID and sticky; whose umask counts is left to
// who asks.
package filemode

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	// All are the bits that a mode may have.
	All = 0o7777

	readAll    = 0o444
	writeAll   = 0o222
	execAll    = 0o111
	setUser    = 0o4000
	setGroup   = 0o2000
	sticky     = 0o1000
	aDirectory = 0o40000
)

// Parse reads a mode as of chmod(1), octal or in letters, for a file that has the mode current, with the bits
// of its kind. Letters without whose they are leave out what is in umask.
func Parse(text string, current, umask uint32) (uint32, error) {
	if text != "" && text[0] >= '0' && text[0] <= '7' {
		n, err := strconv.ParseUint(text, 8, 32)
		if err != nil || n > All {
			return 0, fmt.Errorf("invalid mode %q", text)
		}
		return uint32(n), nil
	}
	mode := current
	for clause := range strings.SplitSeq(text, ",") {
		if clause == "" {
			continue
		}
		var ok bool
		if mode, ok = modeClause(clause, mode, umask); !ok {
			return 0, fmt.Errorf("invalid mode %q", text)
		}
	}
	return mode, nil
}

// modeClause is one of "u+x,go-w": whose bits, then one or more changes of them.
func modeClause(clause string, mode, umask uint32) (changed uint32, ok bool) {
	whose := uint32(0)
	rest := strings.TrimLeft(clause, "augo")
	for _, who := range clause[:len(clause)-len(rest)] {
		whose |= whoseBits(byte(who))
	}
	if rest == "" {
		return 0, false
	}
	for rest != "" {
		op := rest[0]
		rest = rest[1:]
		switch op {
		case '=':
			if whose != 0 {
				mode &^= whose
			} else {
				mode &^= All
			}
		case '+', '-':
		default:
			return 0, false
		}
		var bits uint32
		bits, rest = modeBits(rest, mode)
		if whose != 0 {
			bits &= whose
		} else {
			bits &^= umask
		}
		if op == '-' {
			mode &^= bits
		} else {
			mode |= bits
		}
	}
	return mode, true
}

// whoseBits are those of the owner, the group, others, all.
func whoseBits(who byte) uint32 {
	switch who {
	case 'u':
		return setUser | 0o700
	case 'g':
		return setGroup | 0o070
	case 'o':
		return 0o007
	}
	return All
}

// modeBits are those that a change names, for everybody: letters, or who has them already.
func modeBits(rest string, mode uint32) (bits uint32, left string) {
	if rest != "" && strings.IndexByte("ugo", rest[0]) >= 0 {
		has := mode & whoseBits(rest[0]) & 0o777
		for _, each := range []uint32{readAll, writeAll, execAll} {
			if has&each != 0 {
				bits |= each
			}
		}
		return bits, rest[1:]
	}
	for ; rest != ""; rest = rest[1:] {
		switch rest[0] {
		case 'r':
			bits |= readAll
		case 'w':
			bits |= writeAll
		case 'x':
			bits |= execAll
		case 'X':
			if mode&(aDirectory|execAll) != 0 { // as busybox has it: other kinds with this bit count too
				bits |= execAll
			}
		case 's':
			bits |= setUser | setGroup
		case 't':
			bits |= sticky
		default:
			return bits, rest
		}
	}
	return bits, rest
}
