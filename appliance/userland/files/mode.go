package files

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	allBits  = 0o7777
	readAll  = 0o444
	writeAll = 0o222
	execAll  = 0o111
)

// parseMode is a mode of chmod(1), octal or in letters, for a file that has the mode current.
func parseMode(text string, current, umask uint32) (uint32, error) {
	if text != "" && text[0] >= '0' && text[0] <= '7' {
		n, err := strconv.ParseUint(text, 8, 32)
		if err != nil || n > allBits {
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
				mode &^= allBits
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
		return unix.S_ISUID | unix.S_IRWXU
	case 'g':
		return unix.S_ISGID | unix.S_IRWXG
	case 'o':
		return unix.S_IRWXO
	}
	return allBits
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
			if mode&(unix.S_IFDIR|execAll) != 0 { // as busybox has it: other kinds with this bit count too
				bits |= execAll
			}
		case 's':
			bits |= unix.S_ISUID | unix.S_ISGID
		case 't':
			bits |= unix.S_ISVTX
		default:
			return bits, rest
		}
	}
	return bits, rest
}

// currentUmask reads the umask, which can only be read by setting it.
func currentUmask() uint32 {
	mask := unix.Umask(0)
	unix.Umask(mask)
	return uint32(mask)
}
