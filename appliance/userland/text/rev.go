package text

import (
	"io"
	"slices"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// rev prints lines backwards.
func rev(c *command.Call) {
	unicode := isUnicode()
	c.Each(func(_ string, r io.Reader) error {
		return eachLine(r, '\n', func(line []byte, whole bool) error {
			switch {
			case !unicode:
				slices.Reverse(line)
			case utf8.Valid(line): // what is no UTF-8 stays as it is
				for at := 0; at < len(line); {
					_, size := utf8.DecodeRune(line[at:])
					slices.Reverse(line[at : at+size]) // and once more below
					at += size
				}
				slices.Reverse(line)
			}
			c.Stdout.Write(line)
			if whole {
				c.Stdout.WriteByte('\n')
			}
			return c.Stdout.Err()
		})
	})
}
