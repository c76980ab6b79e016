package sed

import (
	"fmt"
	"strings"
)

// listWidth is how many columns a line of l has, its last "\" or "$" with them: as GNU's.
const listWidth = 70

// list is the pattern space as l shows it (POSIX, sed): bytes that are no letters as what stands for them in
// C, or as three octal digits; where a line is folded is a backslash, at its end a "$".
func list(space []byte) []byte {
	var out []byte
	column := 0
	for _, b := range space {
		shown := string(rune(b))
		switch i := strings.IndexByte("\\\a\b\f\n\r\t\v", b); {
		case i >= 0:
			shown = `\` + `\abfnrtv`[i:i+1]
		case b < ' ' || b > '~':
			shown = fmt.Sprintf(`\%03o`, b)
		}
		if column+len(shown) > listWidth-1 {
			out, column = append(out, "\\\n"...), 0
		}
		out, column = append(out, shown...), column+len(shown)
	}
	return append(out, '$')
}
