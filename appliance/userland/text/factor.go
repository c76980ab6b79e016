package text

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// errNoNumber ends factor, which has said why.
var errNoNumber = errors.New("no number")

// factor prints the prime factors of numbers below 2⁶⁴.
func factor(c *command.Call) {
	for _, arg := range c.Args {
		if factorWord(c, strings.TrimLeft(arg, spaces)) != nil {
			return
		}
	}
	if len(c.Args) > 0 {
		return
	}
	err := eachLine(c.Stdin, '\n', func(line []byte, _ bool) error {
		for word := range strings.FieldsSeq(string(line)) {
			if err := factorWord(c, word); err != nil {
				return err
			}
		}
		return c.Stdout.Flush()
	})
	if err != nil && !errors.Is(err, errNoNumber) && c.Stdout.Err() == nil {
		c.Fail(command.Named("standard input", err))
	}
}

func factorWord(c *command.Call, word string) error {
	n, err := natural(strings.TrimPrefix(word, "+"), 10, math.MaxUint64)
	if err != nil {
		c.Misused("%v", err)
		return errNoNumber
	}
	fmt.Fprintf(c.Stdout, "%d:", n)
	for divisor := uint64(2); divisor <= n/divisor; {
		if n%divisor == 0 {
			fmt.Fprintf(c.Stdout, " %d", divisor)
			n /= divisor
			continue
		}
		divisor += 1 + divisor&1 // 2, 3, 5, 7, 9, …
	}
	if n > 1 {
		fmt.Fprintf(c.Stdout, " %d", n)
	}
	return c.Stdout.WriteByte('\n')
}
