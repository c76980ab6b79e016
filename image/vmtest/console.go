package vmtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
)

// Console is a machine's serial console: everything it ever said, in memory and in a file, and a place up to
// which Expect has read.
type Console struct {
	input io.Writer

	mu     sync.Mutex
	log    *os.File
	text   []byte
	read   int           // text up to here has been matched by Expect
	more   chan struct{} // closed and replaced when text grows
	closed bool
}

func newConsole(file string) (*Console, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	return &Console{log: f, more: make(chan struct{})}, nil
}

// Write takes what the machine says; it is QEMU's standard output and error.
func (c *Console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(c.text, p...)
	close(c.more)
	c.more = make(chan struct{})
	return c.log.Write(p)
}

// close marks that no more will come.
func (c *Console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	close(c.more)
	c.more = make(chan struct{})
	c.log.Close()
}

// Expect waits until the console has said what the expression describes, after what the last Expect found,
// and gives the match and its groups. It fails when ctx ends or the machine is off without having said it.
func (c *Console) Expect(ctx context.Context, expr string) ([]string, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	for {
		match, more, off := c.find(re)
		if match != nil {
			return match, nil
		}
		if off {
			return nil, fmt.Errorf("the machine went off without saying %q", expr)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, fmt.Errorf("the console did not say %q: %w", expr, ctx.Err())
		}
	}
}

// find looks once, and gives what to wait for before looking again.
func (c *Console) find(re *regexp.Regexp) (match []string, more <-chan struct{}, off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := re.FindSubmatchIndex(c.text[c.read:])
	if at == nil {
		return nil, c.more, c.closed
	}
	for _, group := range re.FindSubmatch(c.text[c.read:]) {
		match = append(match, string(group))
	}
	c.read += at[1]
	return match, nil, false
}

// Send types text on the console; a line ends with "\n".
func (c *Console) Send(text string) error {
	_, err := io.WriteString(c.input, text)
	return err
}

// Text is everything said so far.
func (c *Console) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text)
}

// Tail is the last n lines said so far, without what would upset a terminal.
func (c *Console) Tail(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := bytes.ReplaceAll(bytes.TrimSpace(c.text), []byte("\r"), nil)
	lines := bytes.Split(text, []byte("\n"))
	lines = lines[max(0, len(lines)-n):]
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, string(bytes.Join(lines, []byte("\n"))))
}
