package match

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/benhoyt/goawk/interp"
	"github.com/benhoyt/goawk/parser"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

var awkCommand = command.Command{
	Usage: "[-F SEPARATOR] [-v NAME=VALUE]... {PROGRAM | -e PROGRAM... | -f FILE...} [FILE | NAME=VALUE]...",
	Help: `	-F SEPARATOR	what is between fields: a byte, or an expression
	-v NAME=VALUE	set before BEGIN
	-e PROGRAM	the program; several are one after the other
	-f FILE	read the program from a file
`,
	Letters:    "+F:v:f:e:W:",
	CannotOpen: true,
	Run:        awk,
}

// awk runs programs by goawk.
func awk(c *command.Call) {
	source, given, err := programOf(c)
	if err != nil {
		c.Fail(err)
		return
	}
	if !given {
		c.Misused("expected a program")
		return
	}
	functions := awkFunctions()
	program, err := awkParse(source, functions)
	if err != nil {
		c.Fail(awkPlace(c, err))
		return
	}
	posix(program)
	vars, err := awkVars(c)
	if err != nil {
		c.Misused("%v", err)
		return
	}
	status, err := interp.ExecProgram(program, &interp.Config{
		Stdin: c.Stdin, Output: c.Stdout, Error: c.Stderr, Argv0: c.Name, Args: c.Args, Vars: vars,
		Funcs: functions,
	})
	switch {
	case c.Stdout.Err() != nil: // whoever flushes says so
	case err != nil && strings.Contains(err.Error(), bufio.ErrTooLong.Error()):
		c.Fail(errors.New("a record is longer than 10 MB, the most that is read")) // by goawk
	case err != nil:
		var file *fs.PathError
		if errors.As(err, &file) {
			err = command.Named(file.Path, err)
		}
		c.Fail(err)
	default:
		c.Exit(status)
		if err := firstFile(c.Args); strings.Contains(source, "getline") && err != nil &&
			regexp.MustCompile(plainGetline).MatchString(source) {
			c.Fail(err)
		}
	}
}

// awkPlace is an error of the parser with where it is, as all awks say it: "cmd. line:1: ...", "FILE:1: ...".
func awkPlace(c *command.Call, err error) error {
	var parse *parser.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	file := "cmd. line"
	if name, given := c.Value('f'); given && len(c.Options) == 1 {
		file = name // a line of several is one of all of them
	}
	text := parse.Message
	if word, ok := strings.CutSuffix(text, " must be inside a loop body"); ok {
		text = fmt.Sprintf("'%s' not in a loop", word)
	}
	return fmt.Errorf("%s:%d: %s", file, parse.Position.Line, text)
}

// plainGetline is one that reads the operands. That it cannot open one is its value for goawk, and nothing
// else; for busybox it is an error if it is the first.
const plainGetline = `(?:^|[^| \t])[ \t]*getline[ \t]*[$\w\[\]]*[ \t]*(?:[^<\w\[ \t]|$)`

// firstFile is why the first file of the operands cannot be read.
func firstFile(args []string) error {
	i := slices.IndexFunc(args, func(arg string) bool {
		return arg != "" && arg != "-" && !strings.Contains(arg, "=") // which may set a variable
	})
	if i < 0 {
		return nil
	}
	_, err := os.Stat(args[i])
	return command.Named(args[i], err)
}

// awkParse reads a program. To one that writes files is added that they are written out at its end: goawk
// says nothing of what is lost when it closes them. To one that sets FS, that a record is split before: goawk
// splits when a field is asked for, by what FS is then.
func awkParse(source string, functions map[string]any) (*parser.Program, error) {
	config := &parser.ParserConfig{Funcs: functions}
	source = awkSource(source)
	program, err := parser.ParseProgram([]byte(source), config)
	if err != nil {
		return nil, err
	}
	first, last := "", ""
	if len(program.Actions) > 0 && strings.Contains(strings.ReplaceAll(source, "OFS", ""), "FS") {
		first = "{ NF }\n"
	}
	if strings.Contains(source, ">") {
		last = "\nEND"
		if len(program.Actions) == 0 && len(program.End) == 0 {
			last = "\nBEGIN" // an END would read the input
		}
		last += " { if (fflush() != 0) exit 1 }"
	}
	if first+last == "" {
		return program, nil
	}
	return parser.ParseProgram([]byte(first+source+last), config)
}

// posix has the expressions of a program mean what POSIX says: the longest match, and GNU's edges of words.
func posix(program *parser.Program) {
	for i, re := range program.Compiled.Regexes {
		if text := wordEdges(re.String()); text != re.String() {
			if word, err := regexp.Compile(text); err == nil {
				re, program.Compiled.Regexes[i] = word, word
			}
		}
		re.Longest()
	}
}

// wordEdges writes \< and \> as \b.
func wordEdges(text string) string {
	for at := 0; at+1 < len(text); at++ {
		if text[at] != '\\' {
			continue
		}
		if at++; text[at] == '<' || text[at] == '>' {
			text = text[:at] + "b" + text[at+1:]
		}
	}
	return text
}

// awkUnescape reads \t and the like in values of the command line, as in strings of a program.
func awkUnescape(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		c := text[0]
		text = text[1:]
		if c != '\\' || text == "" {
			b.WriteByte(c)
			continue
		}
		c, text = text[0], text[1:]
		if i := strings.IndexByte(`abfnrtv\"/`, c); i >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v\\\"/"[i])
		} else if c >= '0' && c <= '7' {
			n := int(c - '0')
			for i := 0; i < 2 && text != "" && text[0] >= '0' && text[0] <= '7'; i++ {
				n, text = n*8+int(text[0]-'0'), text[1:]
			}
			b.WriteByte(byte(n))
		} else if n, length := hexByte(text); c == 'x' && length > 0 {
			b.WriteByte(n)
			text = text[length:]
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hexByte reads one or two hexadecimal digits.
func hexByte(text string) (b byte, length int) {
	for length = min(2, len(text)); length > 0; length-- {
		if n, err := strconv.ParseUint(text[:length], 16, 8); err == nil {
			return byte(n), length
		}
	}
	return 0, 0
}

// awkVars are those of -F and -v.
func awkVars(c *command.Call) (vars []string, err error) {
	for _, o := range c.Options {
		switch o.Letter {
		case 'F':
			vars = append(vars, "FS", awkUnescape(o.Value))
		case 'v':
			name, value, found := strings.Cut(o.Value, "=")
			if !found {
				return nil, fmt.Errorf("-v %s: expected NAME=VALUE", o.Value)
			}
			vars = append(vars, name, awkUnescape(value))
		}
	}
	return vars, nil
}
