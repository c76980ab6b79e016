// Package ask asks the person at the terminal of a process, wherever its standard input comes from. What is
// secret is not shown while it is typed. A terminal that is left in the middle of a question is left as it
// was.
package ask

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// ErrNobody: there is no terminal.
var ErrNobody = errors.New("there is no terminal to ask at")

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 1024

// Secret asks for a password.
func Secret(ctx context.Context, prompt string) (string, error) { return ask(ctx, prompt, true) }

// Line asks for what may be seen.
func Line(ctx context.Context, prompt string) (string, error) { return ask(ctx, prompt, false) }

func ask(ctx context.Context, prompt string, secret bool) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return "", ErrNobody
	}
	defer tty.Close()
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return "", ErrNobody
	}
	if _, err := io.WriteString(tty, prompt); err != nil {
		return "", err
	}
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read(tty, secret)
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		if secret {
			fmt.Fprintln(tty) // the end of line was not shown either
		}
		return a.text, a.err
	case <-ctx.Done():
		_ = term.Restore(int(tty.Fd()), before) // a terminal that is gone needs it not
		fmt.Fprintln(tty)
		return "", ctx.Err()
	}
}

func read(tty *os.File, secret bool) (string, error) {
	if secret {
		b, err := term.ReadPassword(int(tty.Fd()))
		return string(b), err
	}
	line, err := bufio.NewReader(io.LimitReader(tty, maxAnswer)).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}
