// Package getopt reads the options of a command line as getopt(3) of the C library does. What an option
// means, and what is not allowed together, is left to the command.
package getopt

import (
	"fmt"
	"strings"
)

// Option is one option of a command line; Letter without dash, Value only where
// the option takes one.
type Option struct {
	Letter byte
	Value  string
}

// Parse splits args, which lack the command's name, into options and operands as
// getopt(3) of the C library does: -c3 and -c 3 are the same, -nq is -n -q, options
// may follow operands, -- ends them. Words behind two dashes are no options. In letters, ":" follows one that
// takes a value.
func Parse(args []string, letters string) (options []Option, operands []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return options, append(operands, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			operands = append(operands, arg)
			continue
		case arg[1] == '-':
			return nil, nil, fmt.Errorf("unknown option %s", arg)
		}
		for rest := arg[1:]; rest != ""; {
			letter := rest[0]
			rest = rest[1:]
			i := strings.IndexByte(letters, letter)
			if i < 0 || letter == ':' {
				return nil, nil, fmt.Errorf("unknown option -%c", letter)
			}
			if i+1 == len(letters) || letters[i+1] != ':' {
				options = append(options, Option{Letter: letter})
				continue
			}
			if rest == "" {
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option -%c needs a value", letter)
				}
				rest, args = args[0], args[1:]
			}
			options = append(options, Option{letter, rest})
			rest = ""
		}
	}
	return options, operands, nil
}
