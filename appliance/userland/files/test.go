package files

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// test is test(1) and [: 0 true, 1 false, 2 nonsense.
func test(c *command.Call) {
	args := c.Args
	if c.Name == "[" {
		if len(args) == 0 || args[len(args)-1] != "]" {
			c.Fail(errors.New("] is missing"))
			return
		}
		args = args[:len(args)-1]
	}
	holds, err := condition(args)
	switch {
	case err != nil:
		c.Fail(err)
	case !holds:
		c.Exit(1)
	}
}

// condition evaluates one: first what POSIX says of up to four words, behind any number of "!", then the
// grammar.
func condition(args []string) (holds bool, err error) {
	negated := false
	for rest := args; ; rest = rest[1:] {
		switch {
		case len(rest) == 0:
			return negated, nil
		case len(rest) == 1:
			return (rest[0] != "") != negated, nil
		case len(rest) == 3 && isBinary(rest[1]):
			holds, err = compareBinary(rest[0], rest[1], rest[2])
			return holds != negated, err
		case len(rest) == 4 && rest[0] == "(" && rest[3] == ")":
			holds, err = condition(rest[1:3])
			return holds != negated, err
		}
		if rest[0] != "!" {
			return grammar(args)
		}
		negated = !negated
	}
}

func grammar(args []string) (holds bool, err error) {
	t := &tester{args: args}
	holds = t.or()
	if t.err == nil && t.at < len(t.args) {
		t.err = fmt.Errorf("%s: unknown operand", t.args[t.at])
	}
	return holds && t.err == nil, t.err
}

// A tester reads a condition: or of ands of primaries.
type tester struct {
	args  []string
	at    int
	depth int
	err   error
}

// word is one that follows, "" if there is none.
func (t *tester) word(ahead int) (string, bool) {
	if t.at+ahead >= len(t.args) {
		return "", false
	}
	return t.args[t.at+ahead], true
}

func (t *tester) fail(format string, args ...any) bool {
	if t.err == nil {
		t.err = fmt.Errorf(format, args...)
	}
	t.at = len(t.args)
	return false
}

func (t *tester) or() bool {
	holds := t.and()
	for t.take("-o") {
		holds = t.and() || holds
	}
	return holds
}

func (t *tester) and() bool {
	holds := t.not()
	for t.take("-a") {
		holds = t.not() && holds
	}
	return holds
}

func (t *tester) take(word string) bool {
	w, ok := t.word(0)
	if ok && w == word {
		t.at++
		return true
	}
	return false
}

func (t *tester) not() bool {
	if !t.take("!") {
		return t.primary()
	}
	if _, ok := t.word(0); !ok {
		return true // the word "!" itself
	}
	return !t.not()
}

func (t *tester) primary() bool {
	const deepest = 1000
	word, ok := t.word(0)
	if !ok {
		return t.fail("an operand is missing")
	}
	if t.depth++; t.depth > deepest {
		return t.fail("too many parentheses")
	}
	defer func() { t.depth-- }()
	if word == "(" {
		t.at++
		holds := t.or()
		if !t.take(")") {
			return t.fail(") is missing")
		}
		return holds
	}
	op, hasOp := t.word(1)
	operand, hasOperand := t.word(2)
	if hasOp && isBinary(op) && (hasOperand || !isUnary(word)) {
		if !hasOperand {
			return t.fail("%s: an operand is missing", op)
		}
		t.at += 3
		holds, err := compareBinary(word, op, operand)
		if err != nil {
			return t.fail("%v", err)
		}
		return holds
	}
	if isUnary(word) && hasOp {
		t.at += 2
		holds, err := unary(word[1], op)
		if err != nil {
			return t.fail("%v", err)
		}
		return holds
	}
	t.at++
	return word != ""
}

func isBinary(op string) bool {
	return slices.Contains([]string{"=", "==", "!=", "<", ">", "-eq", "-ne", "-ge", "-gt", "-le", "-lt",
		"-nt", "-ot", "-ef"}, op)
}

func isUnary(op string) bool {
	return len(op) == 2 && op[0] == '-' && strings.IndexByte("rwxefdcbpugkszntOGLhS", op[1]) >= 0
}

func compareBinary(a, op, b string) (bool, error) {
	switch op {
	case "=", "==":
		return a == b, nil
	case "!=":
		return a != b, nil
	case "<":
		return a < b, nil
	case ">":
		return a > b, nil
	case "-nt", "-ot", "-ef":
		return compareFiles(a, op, b), nil
	}
	x, err := integer(a)
	if err != nil {
		return false, err
	}
	y, err := integer(b)
	if err != nil {
		return false, err
	}
	switch op {
	case "-eq":
		return x == y, nil
	case "-ne":
		return x != y, nil
	case "-ge":
		return x >= y, nil
	case "-gt":
		return x > y, nil
	case "-le":
		return x <= y, nil
	}
	return x < y, nil
}

func integer(text string) (int64, error) {
	n, err := strconv.ParseInt(strings.Trim(text, " \t\n\v\f\r"), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%s: out of range", text)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: bad number", text)
	}
	return n, nil
}

func compareFiles(a, op, b string) bool {
	var x, y unix.Stat_t
	if unix.Stat(a, &x) != nil || unix.Stat(b, &y) != nil {
		return false
	}
	switch op {
	case "-nt":
		return x.Mtim.Sec > y.Mtim.Sec
	case "-ot":
		return x.Mtim.Sec < y.Mtim.Sec
	}
	return inodeOf(&x) == inodeOf(&y)
}

// unary is a question about a word or a file.
func unary(op byte, name string) (bool, error) {
	switch op {
	case 'z':
		return name == "", nil
	case 'n':
		return name != "", nil
	case 't':
		fd, err := integer(name)
		return err == nil && isTerminal(int(fd)), err
	}
	var st unix.Stat_t
	if op == 'L' || op == 'h' {
		return unix.Lstat(name, &st) == nil && isLink(&st), nil
	}
	if unix.Stat(name, &st) != nil {
		return false, nil
	}
	kinds := map[byte]uint32{
		'f': unix.S_IFREG, 'd': unix.S_IFDIR, 'c': unix.S_IFCHR, 'b': unix.S_IFBLK, 'p': unix.S_IFIFO,
		'S': unix.S_IFSOCK,
	}
	bits := map[byte]uint32{'u': unix.S_ISUID, 'g': unix.S_ISGID, 'k': unix.S_ISVTX}
	switch op {
	case 'e':
		return true, nil
	case 'r':
		return mayAccess(&st, 4), nil
	case 'w':
		return mayAccess(&st, 2), nil
	case 'x':
		return mayAccess(&st, 1), nil
	case 's':
		return st.Size > 0, nil
	case 'O':
		return int(st.Uid) == unix.Geteuid(), nil
	case 'G':
		return int(st.Gid) == unix.Getegid(), nil
	case 'u', 'g', 'k':
		return st.Mode&bits[op] != 0, nil
	}
	return kind(&st) == kinds[op], nil
}

// mayAccess is access(2) for the effective user, of whom root may execute only what somebody may.
func mayAccess(st *unix.Stat_t, bit uint32) bool {
	euid := unix.Geteuid()
	switch groups, _ := unix.Getgroups(); {
	case euid == 0 && bit != 1:
		return true
	case euid == 0:
		return st.Mode&0o111 != 0
	case int(st.Uid) == euid:
		bit <<= 6
	case int(st.Gid) == unix.Getegid() || slices.Contains(groups, int(st.Gid)):
		bit <<= 3
	}
	return st.Mode&bit != 0
}
