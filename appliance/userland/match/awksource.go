package match

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/benhoyt/goawk/lexer"
)

// fieldNumber is the function that the number of a computed field goes through.
const fieldNumber = "field_number_"

// awkField refuses fields before the first, as busybox does: for goawk $(-1) is the last one.
func awkField(n float64) (float64, error) {
	if n <= -1 {
		return 0, errors.New("access to a negative field")
	}
	return n, nil
}

// awkSource rewrites a program of busybox's awk for goawk: numbers may be hexadecimal and octal, "func" is a
// function, $(...) is checked, printf gets the arguments that it lacks, and gensub, a function of ours, gets
// $0 and its expression as text. What has a token that is none stays as it is: the parser says what is wrong.
func awkSource(source string) string {
	lines, starts := linesOf(source)
	var b strings.Builder
	done, before, substitutes := 0, lexer.NEWLINE, 0
	replace := func(at, length int, text string) {
		b.WriteString(source[done:at] + text)
		done = at + length
	}
	formats := formatCalls{}
	// substitutes counts down from gensub, 2, over ( to its expression, 0.
	for scan := lexer.NewLexer([]byte(source)); ; {
		pos, token, value := scan.Scan()
		if (token == lexer.DIV || token == lexer.DIV_ASSIGN) && !endsOperand(before) {
			_, token, value = scan.ScanRegex()
		}
		if token == lexer.ILLEGAL {
			return source
		}
		at := len(source)
		if token != lexer.EOF {
			at = starts[pos.Line-1] + column(lines[pos.Line-1], pos.Column)
		}
		if where, text := formats.token(token, value, at); text != "" {
			replace(where, 0, text)
		}
		if token == lexer.EOF {
			return b.String() + source[done:]
		}
		switch {
		case token == lexer.NAME && value == "func":
			replace(at, len(value), "function")
		case token == lexer.NUMBER:
			if length, text := awkNumber(source[at:], value); length > 0 {
				replace(at, length, text)
			}
		case token == lexer.LPAREN && before == lexer.DOLLAR:
			replace(at, 0, " "+fieldNumber)
		case token == lexer.NAME && value == "gensub":
			substitutes = 2
		case token == lexer.LPAREN && substitutes == 1:
			replace(at, 1, "($0, ")
		case token == lexer.REGEX && substitutes == 0 && before == lexer.LPAREN:
			replace(at, regexLength(source[at:]), `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)+`"`)
		case token == lexer.REGEX:
			length := regexLength(source[at:])
			replace(at, length, longestFirst(wordEdges(source[at:at+length])))
		}
		before = token
		substitutes--
	}
}

// linesOf are the lines of a source, and where they begin.
func linesOf(source string) (lines []string, starts []int) {
	lines = strings.SplitAfter(source, "\n")
	starts = make([]int, len(lines))
	for i := 1; i < len(lines); i++ {
		starts[i] = starts[i-1] + len(lines[i-1])
	}
	return lines, starts
}

// column is where the lexer's column of a line is; it counts no carriage returns.
func column(line string, n int) (at int) {
	for ; at < len(line); at++ {
		if line[at] == '\r' {
			continue
		}
		if n--; n == 0 {
			break
		}
	}
	return at
}

// endsOperand reports whether a slash behind the token divides; else an expression begins.
func endsOperand(t lexer.Token) bool {
	return slices.Contains([]lexer.Token{lexer.NAME, lexer.NUMBER, lexer.STRING, lexer.RPAREN, lexer.RBRACKET,
		lexer.INCR, lexer.DECR, lexer.F_LENGTH, lexer.GETLINE}, t)
}

// awkNumber reads a number that C would read by another base than ten, and how long it is; 0: it is none. The
// lexer has read the token: of 0xff the 0.
func awkNumber(source, token string) (length int, decimal string) {
	base, digits := 8, token
	if token == "0" && len(source) > 2 && source[1]|0x20 == 'x' {
		end := 2
		for end < len(source) && strings.IndexByte("0123456789abcdefABCDEF", source[end]) >= 0 {
			end++
		}
		base, digits, token = 16, source[2:end], source[:end]
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil || token[0] != '0' || len(token) == 1 {
		return 0, ""
	}
	return len(token), strconv.FormatUint(n, 10) + " "
}

// plainChoices are words of which one matches: all of an expression between slashes, or of parentheses.
var plainChoices = regexp.MustCompile(`[/(][A-Za-z0-9_ ,:;@%=#~-]+(\|[A-Za-z0-9_ ,:;@%=#~-]+)+[/)]`)

// longestFirst puts the longest word first: sub, gsub, match and split of goawk take the first that fits, for
// which POSIX has the longest. Where choices are more than words it is the first still.
func longestFirst(expression string) string {
	return plainChoices.ReplaceAllStringFunc(expression, func(choices string) string {
		last := len(choices) - 1
		words := strings.Split(choices[1:last], "|")
		slices.SortStableFunc(words, func(a, b string) int { return len(b) - len(a) })
		return choices[:1] + strings.Join(words, "|") + choices[last:]
	})
}

// regexLength is how long the expression between slashes is that source begins with.
func regexLength(source string) int {
	for i := 1; i < len(source); i++ {
		switch source[i] {
		case '\\':
			i++
		case '/':
			return i + 1
		}
	}
	return len(source)
}
