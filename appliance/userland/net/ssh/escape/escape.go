// Package escape finds in what a person types to another machine what is meant for ssh: ~ at the beginning of
// a line and a character (ssh(1), ESCAPE CHARACTERS).
//
//	        end of line             ~            . ? ~
//	Within ────────────► Beginning ───► Escaped ────────► Beginning (? ~), the end (.)
//	  ▲                      │             │ other: both are sent
//	  └────── other ─────────┴─────────────┘
package escape

import "bytes"

// Char is the character, if nobody has chosen another.
const Char = '~'

// What a person asks for.
type What int

// All of it.
const (
	Nothing    What = iota
	Disconnect      // ~.
	Help            // ~?
)

type state int

const (
	beginning state = iota
	within
	escaped
)

// A Filter is between a keyboard and the other machine. The zero value takes nothing for itself.
type Filter struct {
	char  byte
	state state
}

// New returns a Filter; 0 is no character.
func New(char byte) *Filter { return &Filter{char: char} }

// Next takes what was typed. What is to be sent comes back, with what was asked for behind it, and what is
// left.
func (f *Filter) Next(typed []byte) (send []byte, what What, rest []byte) {
	if f.char == 0 {
		return typed, Nothing, nil
	}
	var out bytes.Buffer
	for i, b := range typed {
		was := f.state
		f.state = within
		if b == '\r' || b == '\n' {
			f.state = beginning
		}
		switch {
		case was == beginning && b == f.char:
			f.state = escaped
			continue
		case was == escaped && b == '.':
			return out.Bytes(), Disconnect, nil
		case was == escaped && b == '?':
			f.state = beginning
			return out.Bytes(), Help, typed[i+1:]
		case was == escaped && b != f.char:
			out.WriteByte(f.char)
		}
		out.WriteByte(b)
	}
	return out.Bytes(), Nothing, nil
}
