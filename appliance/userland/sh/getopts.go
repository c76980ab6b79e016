package sh

import (
	"strconv"
	"strings"
)

// getopts takes the next option of arguments (XCU getopts). OPTIND is that of the word behind the one that it
// is in, and s.getopts how far it is in that, 0 between words.
func getopts(s *shell, args []string) int {
	if len(args) < 3 {
		return s.misused("getopts", "usage: getopts optstring var [arg]")
	}
	known, name, words := args[1], args[2], s.params
	if len(args) > 3 {
		words = args[3:]
	}
	o := option{shell: s, known: known, words: words, offset: s.getopts, silent: strings.HasPrefix(known, ":")}
	var err error
	if o.index, err = strconv.Atoi(s.value("OPTIND")); err != nil || o.index < 1 {
		o.index = 1
	}
	_ = s.unset("OPTARG") // only one that is read only cannot be
	letter, status := "?", exitFailure
	if o.begin() {
		letter, status = o.take(), 0
	}
	s.mustSet("OPTIND", strconv.Itoa(o.index))
	s.getopts = o.offset
	s.mustSet(name, letter)
	return status
}

// option is what getopts is at.
type option struct {
	*shell
	known  string
	words  []string
	index  int
	offset int
	silent bool
}

// begin goes to the next letter. It reports false if there is none.
func (o *option) begin() bool {
	if o.offset > 0 && o.index >= 2 && o.index-2 < len(o.words) && o.offset < len(o.words[o.index-2]) {
		return true
	}
	o.offset = 0
	if o.index > len(o.words) {
		return false
	}
	word := o.words[o.index-1]
	if len(word) < 2 || word[0] != '-' {
		return false
	}
	o.index++
	o.offset = 1
	if word == "--" {
		o.offset = 0
		return false
	}
	return true
}

// take takes a letter and its value.
func (o *option) take() string {
	word := o.words[o.index-2]
	letter := word[o.offset]
	o.offset++
	rest := word[o.offset:]
	if rest == "" {
		o.offset = 0
	}
	i := strings.IndexByte(o.known, letter)
	switch {
	case i < 0 || letter == ':':
		return o.wrong("?", letter, "Illegal option -%c")
	case i+1 == len(o.known) || o.known[i+1] != ':':
	case rest != "":
		o.offset = 0
		o.mustSet("OPTARG", rest)
	case o.index <= len(o.words):
		o.mustSet("OPTARG", o.words[o.index-1])
		o.index++
	default:
		return o.wrong(":", letter, "No arg for -%c option")
	}
	return string(letter)
}

// wrong says what is, or leaves that to the script.
func (o *option) wrong(silently string, letter byte, format string) string {
	if o.silent {
		o.mustSet("OPTARG", string(letter))
		return silently
	}
	if o.value("OPTERR") != "0" {
		o.print(format+"\n", letter)
	}
	return "?"
}
