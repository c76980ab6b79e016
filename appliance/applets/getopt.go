package applets

import (
	"fmt"
	"strings"
)

// option is one option of a command line; letter without dash, value only where
// the option takes one.
type option struct {
	letter byte
	value  string
}

// getopt splits args, which lack the command's name, into options and operands as
// getopt(3) of the C library does: -c3 and -c 3 are the same, -nq is -n -q, options
// may follow operands, -- ends them. In letters, ":" follows one that takes a value.
func getopt(args []string, letters string) (options []option, operands []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return options, append(operands, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			operands = append(operands, arg)
			continue
		}
		for rest := arg[1:]; rest != ""; {
			letter := rest[0]
			rest = rest[1:]
			i := strings.IndexByte(letters, letter)
			if i < 0 || letter == ':' {
				return nil, nil, fmt.Errorf("unknown option -%c", letter)
			}
			if i+1 == len(letters) || letters[i+1] != ':' {
				options = append(options, option{letter: letter})
				continue
			}
			if rest == "" {
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option -%c needs a value", letter)
				}
				rest, args = args[0], args[1:]
			}
			options = append(options, option{letter, rest})
			rest = ""
		}
	}
	return options, operands, nil
}
