package getopt

import (
	"fmt"
	"strings"
)

// ParseLong is Parse for commands that have long options too: --lines=3, --lines 3. Each is another name of a
// letter, and may be cut short where no other begins so, as getopt_long(3) has it. If letters begin with "+",
// the first operand ends the options; "::" follows a letter whose value, if there is one, is in the same
// word.
func ParseLong(args []string, letters string, long map[string]byte) (options []Option, operands []string,
	err error) {
	letters, ordered := strings.CutPrefix(letters, "+")
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			return options, append(operands, args[1:]...), nil
		case len(arg) < 2 || arg[0] != '-':
			if ordered {
				return options, append(operands, args...), nil
			}
			operands, args = append(operands, arg), args[1:]
			continue
		}
		var some []Option
		if strings.HasPrefix(arg, "--") {
			some, args, err = parseLong(arg[2:], args[1:], letters, long)
		} else {
			some, args, err = parseLetters(arg[1:], args[1:], letters)
		}
		if err != nil {
			return nil, nil, err
		}
		options = append(options, some...)
	}
	return options, operands, nil
}

// parseLetters reads one word of letters, and the value of the last from what follows.
func parseLetters(word string, rest []string, letters string) (options []Option, left []string, err error) {
	for word != "" {
		letter := word[0]
		word = word[1:]
		i := strings.IndexByte(letters, letter)
		if i < 0 || letter == ':' {
			return nil, nil, fmt.Errorf("unknown option -%c", letter)
		}
		if !takesValue(letters, i) {
			options = append(options, Option{Letter: letter})
			continue
		}
		if word == "" && !strings.HasPrefix(letters[i+1:], "::") {
			if len(rest) == 0 {
				return nil, nil, fmt.Errorf("option -%c needs a value", letter)
			}
			word, rest = rest[0], rest[1:]
		}
		options = append(options, Option{letter, word})
		word = ""
	}
	return options, rest, nil
}

func takesValue(letters string, i int) bool { return i+1 < len(letters) && letters[i+1] == ':' }

func parseLong(word string, rest []string, letters string, long map[string]byte) (options []Option,
	left []string, err error) {
	name, value, given := strings.Cut(word, "=")
	letter, err := longName(name, long)
	if err != nil {
		return nil, nil, err
	}
	takes := takesValue(letters, strings.IndexByte(letters, letter))
	switch {
	case given && !takes:
		return nil, nil, fmt.Errorf("option --%s takes no value", name)
	case takes && !given && strings.HasPrefix(letters[strings.IndexByte(letters, letter)+1:], "::"):
	case takes && !given && len(rest) == 0:
		return nil, nil, fmt.Errorf("option --%s needs a value", name)
	case takes && !given:
		value, rest = rest[0], rest[1:]
	}
	return []Option{{letter, value}}, rest, nil
}

// longName finds the letter of a name that may be cut short.
func longName(name string, long map[string]byte) (letter byte, err error) {
	if l, ok := long[name]; ok {
		return l, nil
	}
	found := 0
	for full, l := range long {
		if strings.HasPrefix(full, name) {
			letter, found = l, found+1
		}
	}
	switch found {
	case 1:
		return letter, nil
	case 0:
		return 0, fmt.Errorf("unknown option --%s", name)
	}
	return 0, fmt.Errorf("option --%s may be one of several", name)
}
