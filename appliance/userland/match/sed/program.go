// Package sed is the stream editor of POSIX as busybox has it: scripts, and what they do to lines. Where the
// lines come from and go to is left to the command.
//
//	each line -> pattern space -> commands, those whose addresses select it -> written, unless -n -> the next
//
// A script is read as a whole and refused as a whole. What a script does is bounded by nothing but its own
// sense: it may loop for ever, as people's scripts do.
package sed

import "github.com/gatehouse-os/gatehouse/appliance/userland/regex"

// A Program is a script that was read. It keeps what it found while it runs: a Program runs once.
type Program struct {
	Quiet bool     // the script begins with "#n" alone on its line
	Files []string // that the script writes, each once
	cmds  []*cmd
	last  *regex.Regex // that an empty one stands for
}

// A cmd is one command.
type cmd struct {
	letter byte
	from   *address
	to     *address
	invert bool

	text  string // of a, i, c; file name of r and w; label
	jump  int    // of b, t, T and {: the index of the command to go on with
	subst *substitution
	table *[256]byte // of y

	active bool // within the range
	over   bool // a range that began at a number does so once
	end    int  // number of its last line, if that is known
}

// An address selects lines.
type address struct {
	kind   addressKind
	number int
	re     *regex.Regex // nil: the last one used
}

type addressKind int

const (
	aNumber addressKind = iota
	aLast
	aRegex
	aPlus // so many lines more
)

// A substitution is what s does.
type substitution struct {
	re     *regex.Regex // nil: the last one used
	pieces []piece
	nth    int // the first match that is replaced
	all    bool
	print  bool
	file   string
}

// A piece of a replacement is text, or a group of the match.
type piece struct {
	text  string
	group int // if text is ""
}
