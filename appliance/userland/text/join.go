package text

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

const joinHelp = `  -1 N -2 N -j N  which field of the first file, of the second, of both (1)
  -a FILE -v FILE  lines of file 1 or 2 that have no partner too; these alone
  -e TEXT     instead of fields that are missing
  -i          upper and lower case are the same
  -o LIST     what is printed: 0 is the common field, or FILE.FIELD; auto: as
              many fields as the first lines have
  -t CHAR     what fields are separated by, instead of blanks
  -z          lines end with NUL
  --header    the first lines are headings
  --check-order --nocheck-order  files must be sorted; need not
`

func joinCommand() command.Command {
	return command.Command{
		Usage: "[-iz] [-12j N] [-av 1|2] [-e TEXT] [-o LIST] [-t CHAR] FILE FILE", Help: joinHelp,
		Letters: "a:e:ij:1:2:o:t:v:z\x01\x02\x05", Run: join,
		Long: map[string]byte{
			"ignore-case": 'i', "zero-terminated": 'z', "check-order": mergeCheck,
			"nocheck-order": mergeNoCheck, "header": joinHeader,
		},
	}
}

// A joiner joins lines of two files by a field.
type joiner struct {
	merger
	fields  [2]int // which is compared, from 0
	alone   [2]bool
	paired  bool   // lines with a partner are printed
	tab     string // between fields; "": blanks
	whole   bool   // a line is one field
	missing string
	list    []joinField // nil: the common field, and all others
	auto    [2]int      // as many fields of each; -1: all
}

// A joinField is one of a list: of file 0 or 1, or the common one: file -1.
type joinField struct{ file, field int }

func join(c *command.Call) {
	j := joiner{merger: merger{c: c, compare: bytes.Compare, end: '\n'}, paired: true, auto: [2]int{-1, -1}}
	j.key = func(file int, line []byte) []byte { return j.field(line, j.fields[file]) }
	if err := j.options(); err != nil {
		c.Misused("%v", err)
		return
	}
	if !j.open() {
		return
	}
	defer j.close()
	j.advance(0)
	j.advance(1)
	j.autoFields()
	if c.Has(joinHeader) {
		j.header()
	}
	j.run()
}

// options reads them.
func (j *joiner) options() error {
	for _, o := range j.c.Options {
		switch o.Letter {
		case '1', '2', 'j':
			n, err := natural(o.Value, 10, math.MaxInt32)
			if err != nil || n == 0 {
				return fmt.Errorf("-%c %s: expected the number of a field, from 1", o.Letter, o.Value)
			}
			if o.Letter != '2' {
				j.fields[0] = int(n) - 1
			}
			if o.Letter != '1' {
				j.fields[1] = int(n) - 1
			}
		case 'a', 'v':
			if o.Value != "1" && o.Value != "2" {
				return fmt.Errorf("-%c %s: expected 1 or 2", o.Letter, o.Value)
			}
			j.alone[o.Value[0]-'1'] = true
			j.paired = j.paired && o.Letter == 'a'
		case 'e':
			j.missing = o.Value
		case 'i':
			j.compare = func(a, b []byte) int { return bytes.Compare(bytes.ToLower(a), bytes.ToLower(b)) }
		case 'z':
			j.end = 0
		case 't':
			if err := j.separator(o.Value); err != nil {
				return err
			}
		case 'o':
			if err := j.addFields(o.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *joiner) separator(value string) error {
	switch {
	case value == `\0`:
		j.tab = "\x00"
	case len(value) > 1:
		return fmt.Errorf("-t %s: expected one character", value)
	default:
		j.tab, j.whole = value, value == ""
	}
	return nil
}

func (j *joiner) addFields(list string) error {
	if list == "auto" {
		j.auto = [2]int{}
		return nil
	}
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool {
		return r == ',' || r == ' ' || r == '\t'
	}) {
		file, field, ok := strings.Cut(word, ".")
		n, err := natural(field, 10, math.MaxInt32)
		switch {
		case word == "0":
			j.list = append(j.list, joinField{-1, 0})
		case ok && err == nil && n > 0 && (file == "1" || file == "2"):
			j.list = append(j.list, joinField{int(file[0] - '1'), int(n) - 1})
		default:
			return fmt.Errorf("-o %s: expected 0 or FILE.FIELD", word)
		}
	}
	if len(j.list) == 0 {
		return errors.New("-o: expected fields")
	}
	return nil
}

// split are the fields of a line.
func (j *joiner) split(line []byte) [][]byte {
	switch {
	case j.whole:
		return [][]byte{line}
	case j.tab == "":
		return bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
	case len(line) == 0:
		return nil
	}
	return bytes.Split(line, []byte(j.tab))
}

// field is one of a line, nil if it has not so many.
func (j *joiner) field(line []byte, n int) []byte {
	if all := j.split(line); n < len(all) {
		return all[n]
	}
	return nil
}

// autoFields settles how many fields of each file there are.
func (j *joiner) autoFields() {
	for i := range j.auto {
		if j.auto[i] == 0 {
			j.auto[i] = len(j.split(j.files[i].line))
		}
	}
}

// header joins the first lines, whatever is in them.
func (j *joiner) header() {
	a, b := j.files[0], j.files[1]
	if !a.whole && !b.whole {
		return
	}
	j.print(a.line, b.line)
	for i := range j.files {
		j.files[i].whole = false // nothing is compared with a heading
		j.advance(i)
	}
}

// run joins the rest.
func (j *joiner) run() {
	for a, b := &j.files[0], &j.files[1]; (a.whole || b.whole) && !j.fatal && j.c.Stdout.Err() == nil; {
		order := 0
		switch {
		case !b.whole:
			order = -1
		case !a.whole:
			order = 1
		default:
			order = j.compare(j.key(0, a.line), j.key(1, b.line))
		}
		switch {
		case order < 0:
			j.single(0)
		case order > 0:
			j.single(1)
		default:
			j.pairs()
		}
	}
}

func (j *joiner) single(file int) {
	if line := j.files[file].line; j.alone[file] && file == 0 {
		j.print(line, nil)
	} else if j.alone[file] {
		j.print(nil, line)
	}
	j.unpaired = true
	j.advance(file)
}

// pairs joins all lines that have the present field.
func (j *joiner) pairs() {
	key := slices.Clone(j.key(0, j.files[0].line))
	var groups [2][][]byte
	for i := range j.files {
		for f := &j.files[i]; f.whole && j.compare(key, j.key(i, f.line)) == 0; {
			groups[i] = append(groups[i], f.line)
			j.advance(i)
		}
	}
	if !j.paired || j.fatal {
		return
	}
	for _, a := range groups[0] {
		for _, b := range groups[1] {
			j.print(a, b)
		}
	}
}

// print prints a line of two, of which one may be missing: nil.
func (j *joiner) print(a, b []byte) {
	lines := [2][][]byte{j.split(a), j.split(b)}
	common := joinField{0, j.fields[0]}
	if a == nil {
		common = joinField{1, j.fields[1]}
	}
	list := j.list
	if list == nil {
		list = j.allFields(lines)
	}
	between := j.tab
	if between == "" {
		between = " "
	}
	for i, f := range list {
		if i > 0 {
			j.c.Stdout.WriteString(between)
		}
		if f.file < 0 {
			f = common
		}
		if of := lines[f.file]; f.field < len(of) && len(of[f.field]) > 0 {
			j.c.Stdout.Write(of[f.field])
		} else {
			j.c.Stdout.WriteString(j.missing)
		}
	}
	j.c.Stdout.WriteByte(j.end)
}

// allFields are the common one and all others.
func (j *joiner) allFields(lines [2][][]byte) []joinField {
	list := []joinField{{-1, 0}}
	for file, of := range lines {
		n := len(of)
		if j.auto[file] >= 0 {
			n = j.auto[file]
		}
		for field := range n {
			if field != j.fields[file] {
				list = append(list, joinField{file, field})
			}
		}
	}
	return list
}
