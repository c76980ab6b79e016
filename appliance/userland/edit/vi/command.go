package vi

import (
	"strings"
	"unicode"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// Kinds of keys in command mode.
const (
	operators = "cdy<>"
	changing  = "aAcCdDiIJoOpPrRsSxX<>~" // what . repeats
	waiting   = "fFtTrm'zZg\""           // a character belongs to the command
)

func among(k key.Key, s string) bool { return k > 0 && strings.ContainsRune(s, rune(k)) }

// commandKey is a key in command mode.
func (e *Editor) commandKey(k key.Key) {
	p := &e.pending
	switch {
	case k == key.Escape || k == key.Ctrl('C'):
		e.done()
	case p.wait == '"':
		p.wait = 0
		if i := markIndex(k); i >= 0 {
			p.register, p.named = i, true
		}
	case p.wait != 0:
		command := p.wait
		p.wait = 0
		e.execute(command, k)
	case k >= '1' && k <= '9' || k == '0' && p.count > 0:
		p.count = min(p.count*10+int(k-'0'), maxCount)
	case k == '.':
		e.again()
	case p.operator == 0 && among(k, operators):
		if k != 'y' {
			e.startRecording(k)
		}
		p.operator, p.counted, p.count = k, p.count, 0
	case among(k, waiting):
		if p.operator == 0 && k == 'r' {
			e.startRecording(k)
		}
		p.wait = k
	case k == ':' && p.operator == 0 || k == '/' || k == '?':
		e.input = &lineInput{prompt: byte(k)}
	default:
		if p.operator == 0 && among(k, changing) {
			e.startRecording(k)
		}
		e.execute(k, 0)
	}
}

// done ends a command: what was typed of one is forgotten.
func (e *Editor) done() {
	e.pending = pending{register: unnamed}
	e.stopRecording()
}

// count is that of the command, at least 1.
func (e *Editor) count() int { return max(e.pending.count, 1) }

// execute is a command that is complete. c is its character, if it has one.
func (e *Editor) execute(k, c key.Key) {
	p := &e.pending
	if p.operator != 0 {
		if p.counted > 0 {
			p.count = min(p.counted*max(p.count, 1), maxCount)
		}
		e.operate(k, c)
	} else if known, ok := e.move(k, c); known {
		if !ok {
			e.fail()
		}
		e.offEnd()
	} else {
		e.act(k, c)
	}
	if e.mode == Command && e.input == nil {
		register, named := unnamed, false
		if p.operator == 0 && !among(k, changing+"yY") && p.named {
			register, named = p.register, true // "ajp: a move between them
		}
		e.pending = pending{register: register, named: named}
		e.stopRecording()
	} else {
		e.pending = pending{register: unnamed}
	}
}

// act is a command that is no move.
func (e *Editor) act(k, c key.Key) {
	switch k {
	case 'i', key.Insert, 'I', 'a', 'A', 'o', 'O', 'R', 's', 'S', 'C':
		e.enter(k)
	case 'x', key.Delete:
		e.deleteChars(e.count())
	case 'X':
		e.deleteBefore(e.count())
	case 'D':
		e.cut(e.dot, e.lineEnd(e.dot), false)
	case 'Y':
		e.pending.operator = 'y'
		e.operate('y', 0)
	case 'J':
		e.join()
	case 'p', 'P':
		e.put(k == 'P')
	case 'r':
		e.replaceChars(c)
	case '~':
		e.flipCase()
	case 'u':
		e.undoCommand()
	case 'U':
		e.undoWholeLine()
	case 'm':
		if i := markIndex(c); i >= 0 {
			e.marks[i] = e.dot
		}
	case 'z':
		e.placeLine(c)
	case 'Z':
		if c == 'Z' {
			e.colon("x")
		}
	case key.Ctrl('L'), key.Ctrl('R'):
		e.ask(Request{Operation: Redraw})
	case key.Ctrl('Z'):
		e.ask(Request{Operation: Suspend})
	case key.Ctrl('G'), 0:
	default:
		e.fail()
		e.complain("%s is no command", nameOf(k))
	}
}

func nameOf(k key.Key) string {
	if k > ' ' && unicode.IsPrint(rune(k)) {
		return string(rune(k))
	}
	return "this key"
}

// markIndex is that of a letter; -1: it is none.
func markIndex(k key.Key) int {
	if k |= 0x20; k >= 'a' && k <= 'z' {
		return int(k - 'a')
	}
	return -1
}

func (e *Editor) undoCommand() {
	at, ok := e.undo()
	if !ok {
		e.say("Already at oldest change")
		return
	}
	e.dot, e.lineOf = at, -1
}

// undoWholeLine puts the line back as it was when the cursor came to it.
func (e *Editor) undoWholeLine() {
	start := e.lineStart(e.dot)
	if start != e.lineOf {
		return
	}
	if e.change(start, e.lineEnd(start), e.undoLine) {
		e.dot = start
		e.skipBlank()
	}
}

// change puts text between two places; it says why it cannot.
func (e *Editor) change(from, to int, with []byte) bool {
	if err := e.replace(from, to-from, with); err != nil {
		e.complain("%v", err)
		return e.fail()
	}
	return true
}
