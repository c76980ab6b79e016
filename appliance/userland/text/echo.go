package text

import (
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// echo prints its arguments. -e: with escapes, of which \c ends all; -n: without an end of line.
func echo(c *command.Call) {
	args := c.Args
	end, escapes := "\n", false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, letter := range args[0][1:] {
			switch letter {
			case 'n':
				end = ""
			case 'e':
				escapes = true
			}
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		text, ends := echoEscapes(text)
		if ends {
			end = ""
		}
		c.Stdout.WriteString(text + end)
		return
	}
	c.Stdout.WriteString(text + end)
}

// echoEscapes replaces escapes, of which octal ones may begin with a zero more; ends: by \c.
func echoEscapes(s string) (text string, ends bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		rest := s[i+1:]
		if strings.HasPrefix(rest, "c") {
			return b.String(), true
		}
		if len(rest) > 1 && rest[0] == '0' && rest[1] >= '0' && rest[1] <= '7' {
			rest = rest[1:]
			i++
		}
		ch, n := escape(rest)
		b.WriteByte(ch)
		i += n
	}
	return b.String(), false
}

// yes prints a line until nobody reads it.
func yes(c *command.Call) {
	line := "y"
	if len(c.Args) > 0 {
		line = strings.Join(c.Args, " ")
	}
	lines := strings.Repeat(line+"\n", max(1, chunkSize/(len(line)+1)))
	for c.Stdout.Err() == nil && c.Err() == nil {
		c.Stdout.WriteString(lines)
	}
}
