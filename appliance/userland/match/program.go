package match

import (
	"errors"
	"io"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// programOf joins what -e and -f give to sed or awk, each on lines of its own; else it is the first operand.
func programOf(c *command.Call) (source string, given bool, err error) {
	var parts []string
	for _, o := range c.Options {
		switch o.Letter {
		case 'e':
			parts = append(parts, o.Value)
		case 'f':
			r, err := c.Open(o.Value)
			if err != nil {
				return "", false, err
			}
			text, err := io.ReadAll(r)
			if err = errors.Join(err, r.Close()); err != nil {
				return "", false, command.Named(o.Value, err)
			}
			parts = append(parts, strings.TrimSuffix(string(text), "\n"))
		}
	}
	if parts == nil && len(c.Args) > 0 {
		parts, c.Args = c.Args[:1], c.Args[1:]
	}
	return strings.Join(parts, "\n"), parts != nil, nil
}
