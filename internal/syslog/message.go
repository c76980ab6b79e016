package syslog

import (
	"strconv"
	"strings"
	"time"
)

// MaxMessage is the most that a datagram may have, in bytes.
const MaxMessage = 2048

// A Message is what a program says.
type Message struct {
	Priority int
	Text     string // with who says it: "sshd[12]: …". One line
}

// String is the message as a line of a log.
func (m Message) String() string { return Name(m.Priority) + " " + m.Text }

// Format is a message as a datagram.
func Format(priority int, at time.Time, tag, text string) []byte {
	return []byte("<" + strconv.Itoa(priority) + ">" + at.Format(time.Stamp) + " " + tag + ": " + text)
}

// Parse reads a datagram. What it does not say is as if nobody had known it; its time is left out: whoever
// has it knows when it came. ok is false if it says nothing.
func Parse(datagram []byte) (m Message, ok bool) {
	const mostPriority = 1<<10 - 1
	text := string(datagram)
	m.Priority = Notice
	if head, rest, found := strings.Cut(text, ">"); found && strings.HasPrefix(head, "<") {
		if n, err := strconv.ParseUint(head[1:], 10, 16); err == nil && n <= mostPriority {
			m.Priority, text = int(n), rest
		}
	}
	if len(text) > len(time.Stamp) && text[len(time.Stamp)] == ' ' {
		if _, err := time.Parse(time.Stamp, text[:len(time.Stamp)]); err == nil {
			text = text[len(time.Stamp)+1:]
		}
	}
	m.Text = strings.ReplaceAll(strings.TrimRight(text, "\n\x00"), "\n", " ")
	return m, m.Text != ""
}
