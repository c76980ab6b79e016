package text

import (
	"bytes"
	"io"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// tac prints the lines of each file, the last first. A last line without an end is joined to the one before
// it.
func tac(c *command.Call) {
	c.Each(func(_ string, r io.Reader) error {
		text, err := readAll(r)
		if err != nil {
			return err
		}
		lines := bytes.SplitAfter(text, []byte("\n"))
		for _, line := range slices.Backward(lines) {
			if _, err := c.Stdout.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
}
