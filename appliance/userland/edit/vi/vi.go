// Package vi is an editor as busybox's vi, without terminal and files: keys make of one state another, and a
// frame of the screen shows it. What it wants done outside, to write a file or to end, is a request.
//
//	      i a o c …            Escape
//	command ───────▶ insert ──────────▶ command      the keys of a command: ["x][count]command[character]
//	  │ : / ?            R: replace                                       or ["x][count]operator[count]motion
//	  ▼
//	line ── Enter ──▶ command, and perhaps a request
//
// The text is at most MaxText bytes. The cursor is on a character of it after each key; one u takes back what
// one command did, insertions along with it, and so back to the text that was loaded.
package vi

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// A Mode is what keys mean.
type Mode int

// Modes.
const (
	Command Mode = iota
	Insert
	Replace
)

// An Operation is what a request is for.
type Operation int

// Operations.
const (
	Write  Operation = iota + 1 // Text to Name; then Wrote
	Read                        // the file Name, to be put at a line: then Put
	Edit                        // the file Name: then Load
	Quit                        // for good
	Next                        // the next file of the command line, or the end
	Prev                        // the one before
	Rewind                      // the first
	Suspend
	Redraw
)

// A Request is what an editor wants done.
type Request struct {
	Operation Operation
	Name      string
	Text      []byte
	New       bool // the file may not be there yet
	Force     bool
	whole     bool      // it is all of the text
	then      Operation // after it was written
	line      int       // of Read: after which line
}

// An Editor is the state.
type Editor struct {
	buffer
	Name      string // of the file; "": it has none
	other     string // of the one before, which # is
	ReadOnly  bool
	Before    int // files of the command line before this one
	After     int // files of the command line after this one
	dot       int // the cursor
	top       int // where the first line of the screen begins
	left      int // first column of the screen
	column    int // that j and k want to be in
	keep      bool
	rows      int
	columns   int
	mode      Mode
	pending   pending
	registers [27]register // the last has no name
	undoLine  []byte       // as it was when the cursor came, for U
	lineOf    int          // where that line begins
	find      find
	pattern   string // of the last search
	forward   bool
	compiled  *regexp.Regexp
	repeat    repeat
	input     *lineInput
	options   options
	literal   bool // the next key is inserted as it is
	message   message
	requests  []Request
}

// pending is the part of a command that is typed.
type pending struct {
	register int
	named    bool
	count    int
	operator key.Key
	counted  int     // the count before the operator
	wait     key.Key // the command whose character is to come
}

// maxCount is how high a count counts.
const maxCount = 1 << 20

// far is the column that $ keeps.
const far = 1 << 30

const unnamed = 26

type message struct {
	text string
	bold bool
}

type options struct {
	autoIndent, expandTab, ignoreCase bool
	flash, showMatch                  bool // they are accepted
	tabStop                           int
}

// New is an editor with an empty text, for a screen.
func New(rows, columns int) *Editor {
	e := &Editor{options: options{tabStop: 8}, forward: true}
	e.Load("", nil, "")
	e.Resize(rows, columns)
	return e
}

// Load takes another file's text. note is what is said of it.
func (e *Editor) Load(name string, text []byte, note string) {
	if e.Name != "" && e.Name != name {
		e.other = e.Name
	}
	e.Name, e.buffer = name, newBuffer(text)
	e.dot, e.top, e.left, e.column, e.mode = 0, 0, 0, 0, Command
	e.pending, e.input, e.repeat.recording, e.lineOf = pending{register: unnamed}, nil, false, -1
	e.say("%s", note)
}

// Resize says how large the screen is.
func (e *Editor) Resize(rows, columns int) { e.rows, e.columns = max(rows, 2), max(columns, 1) }

// Text is the text.
func (e *Editor) Text() []byte { return e.text }

// Cursor is the place of the cursor, in bytes.
func (e *Editor) Cursor() int { return e.dot }

// Modified reports whether the text was changed since it was loaded or written.
func (e *Editor) Modified() bool { return e.modified() }

// Requests returns what is wanted, once.
func (e *Editor) Requests() []Request {
	r := e.requests
	e.requests = nil
	return r
}

func (e *Editor) ask(r Request) { e.requests = append(e.requests, r) }

func (e *Editor) say(format string, args ...any) {
	e.message = message{fmt.Sprintf(format, args...), false}
}

func (e *Editor) complain(format string, args ...any) {
	e.message = message{fmt.Sprintf(format, args...), true}
}

// Key is a key that was pressed.
func (e *Editor) Key(k key.Key) {
	e.message = message{}
	e.key(k)
}

// key is a key that was pressed or is repeated.
func (e *Editor) key(k key.Key) {
	if e.repeat.recording && !e.repeat.running {
		e.repeat.keys = append(e.repeat.keys, k)
	}
	e.rememberLine()
	e.keep = false
	switch {
	case e.input != nil:
		e.lineKey(k)
	case e.mode == Command:
		e.commandKey(k)
	default:
		e.insertKey(k)
	}
	e.settle()
}

// settle keeps the cursor on a character, off the end of a line where it need not be there.
func (e *Editor) settle() {
	e.dot = e.begin(e.last(), max(e.dot, 0))
	if e.mode == Command && e.input == nil {
		e.offEnd()
	}
	if !e.keep {
		e.column = e.columnOf(e.dot)
	}
	if e.mode == Command && e.input == nil && e.idle() {
		e.commit()
	}
}

func (e *Editor) offEnd() {
	e.dot = min(e.dot, e.last())
	if e.at(e.dot) == '\n' && e.dot > e.lineStart(e.dot) {
		e.dot = e.prev(e.dot)
	}
}

// idle reports whether no command is half typed.
func (e *Editor) idle() bool {
	return e.pending == (pending{register: e.pending.register, named: e.pending.named})
}

// rememberLine keeps the line that the cursor comes to, for U.
func (e *Editor) rememberLine() {
	if e.input != nil || e.mode != Command || !e.idle() {
		return
	}
	if start := e.lineStart(e.dot); start != e.lineOf {
		e.lineOf, e.undoLine = start, slices.Clone(e.text[start:e.lineEnd(start)])
	}
}

// fail is a command that cannot be done: it ends what is repeated.
func (e *Editor) fail() bool {
	e.repeat.failed = true
	return false
}

// repeat is what . does again.
type repeat struct {
	keys      []key.Key // of the last command that changed something, without its count
	count     int
	register  int
	recording bool
	running   bool
	failed    bool
}

// maxRepeat is how many keys are kept for it.
const maxRepeat = 1 << 16

func (e *Editor) startRecording(k key.Key) {
	if !e.repeat.running {
		e.repeat = repeat{keys: []key.Key{k}, count: e.pending.count, register: e.pending.register,
			recording: true}
	}
}

// stopRecording: the command is done.
func (e *Editor) stopRecording() { e.repeat.recording = false }

// again is the command "."; a count of its own stays for the next.
func (e *Editor) again() {
	if e.repeat.running || len(e.repeat.keys) == 0 || len(e.repeat.keys) > maxRepeat {
		return
	}
	if e.pending.count > 0 {
		e.repeat.count = e.pending.count
	}
	e.pending = pending{register: e.repeat.register, count: e.repeat.count}
	e.repeat.running, e.repeat.failed = true, false
	for _, k := range e.repeat.keys {
		e.key(k)
	}
	e.repeat.running = false
	e.pending = pending{register: unnamed}
	e.commit()
}
