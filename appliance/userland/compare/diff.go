package compare

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

var diffCommand = command.Command{
	Usage: "[-abBdiNqrsTtw] [-L LABEL] [-S FILE] [-U LINES] FILE1 FILE2",
	Help: `	-U LINES	lines of context (3); -u is how it always prints
	-i, -b, -w	upper case is lower case; blanks are one blank; blanks are none
	-B, -a	without changes of empty lines only; binary files are text
	-r, -N	what is in directories; absent files are empty
	-S FILE	from this file of a directory on
	-q, -s	only that they differ; also that they are equal
	-L LABEL	instead of a file's name
	-t, -T	blanks for tabs; a tab before each line
Exit status: 0 equal, 1 not, 2 trouble.
`,
	Letters: "abdiL:NqrsS:tTU:wupBE",
	Long: map[string]byte{"ignore-case": 'i', "ignore-tab-expansion": 'E', "ignore-space-change": 'b',
		"ignore-all-space": 'w', "ignore-blank-lines": 'B', "text": 'a', "unified": 'U', "expand-tabs": 't',
		"initial-tab": 'T', "brief": 'q', "label": 'L', "report-identical-files": 's', "recursive": 'r',
		"new-file": 'N', "starting-file": 'S', "minimal": 'd'},
	CannotOpen: true,
	Trouble:    2,
	Run:        diff,
}

// A differ compares files and directories.
type differ struct {
	*command.Call
	context int
	labels  []string
	absent  [2]bool // which of two files in directories is not there
}

func diff(c *command.Call) {
	d := &differ{Call: c, context: 3}
	for _, o := range c.Options {
		switch o.Letter {
		case 'U':
			n, err := strconv.ParseUint(o.Value, 10, 31)
			if err != nil {
				c.Misused("-U %s: expected a number of lines", o.Value)
				return
			}
			d.context = int(n)
		case 'L':
			if d.labels = append(d.labels, o.Value); len(d.labels) > 2 {
				c.Misused("expected two labels at most")
				return
			}
		}
	}
	if len(c.Args) != 2 {
		c.Misused("expected two files")
		return
	}
	d.operands(c.Args[0], c.Args[1])
}

// operands are the two of the command line: a file is compared with the one of its name in a directory.
func (d *differ) operands(a, b string) {
	dirA, errA := isDir(a)
	dirB, errB := isDir(b)
	absent := func(err error) bool { return d.Has('N') && errors.Is(err, os.ErrNotExist) }
	switch {
	case errA != nil && (!absent(errA) || errB != nil):
		d.Fail(errA)
	case errB != nil && !absent(errB):
		d.Fail(errB)
	case a == "-" && b == "-":
	case dirA && dirB:
		start, _ := d.Value('S')
		d.directories(a, b, start)
	case dirA && b == "-" || dirB && a == "-":
		d.Fail(errors.New("cannot compare standard input with a directory"))
	case dirA && errB == nil:
		d.report(joined(a, base(b)), b)
	case dirB && errA == nil:
		d.report(a, joined(b, base(a)))
	default:
		d.report(a, b)
	}
}

func isDir(name string) (bool, error) {
	if name == "-" {
		return false, nil
	}
	info, err := os.Stat(name)
	return err == nil && info.IsDir(), command.Cannot("stat", name, err)
}

func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func joined(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }

// report compares two files and says how they are.
func (d *differ) report(a, b string) {
	textA, err := d.read(a)
	if err != nil {
		d.Fail(err)
		return
	}
	textB, err := d.read(b)
	if err != nil {
		d.Fail(err)
		return
	}
	if bytes.Equal(textA, textB) {
		d.equal(a, b)
		return
	}
	if !d.Has('a') && (bytes.IndexByte(textA, 0) >= 0 || bytes.IndexByte(textB, 0) >= 0) {
		d.differ()
		fmt.Fprintf(d.Stdout, "Files %s and %s differ\n", a, b)
		return
	}
	if !d.print(a, b, lines(textA), lines(textB)) {
		d.equal(a, b)
	}
}

func (d *differ) equal(a, b string) {
	if d.Has('s') {
		fmt.Fprintf(d.Stdout, "Files %s and %s are identical\n", a, b)
	}
}

// differ sets the exit status, unless there was trouble.
func (d *differ) differ() {
	if d.Status() == 0 {
		d.Exit(1)
	}
}

// read reads a file; one that is not there is empty with -N.
func (d *differ) read(name string) ([]byte, error) {
	r, err := d.Open(name)
	if err != nil {
		if d.Has('N') && errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	text, err := io.ReadAll(r)
	return text, command.Named(name, errors.Join(err, r.Close()))
}

// lines cuts a text; each keeps its end, which the last may lack.
func lines(text []byte) [][]byte {
	all := bytes.SplitAfter(text, []byte("\n"))
	if last := len(all) - 1; len(all[last]) == 0 {
		all = all[:last]
	}
	return all
}

// numbered gives equal lines equal numbers.
func (d *differ) numbered(known map[string]int, all [][]byte) []int {
	numbers := make([]int, len(all))
	for i, line := range all {
		key := d.key(line)
		if _, ok := known[key]; !ok {
			known[key] = len(known)
		}
		numbers[i] = known[key]
	}
	return numbers
}

// key is what of a line counts.
func (d *differ) key(line []byte) string {
	if d.Has('i') {
		line = bytes.ToLower(line)
	}
	switch {
	case d.Has('w'):
		return strings.Join(strings.Fields(string(line)), "")
	case d.Has('b'):
		key := strings.Join(strings.Fields(string(line)), " ")
		if len(line) > 0 && strings.IndexByte(" \t\v\f\r", line[0]) >= 0 && key != "" {
			key = " " + key
		}
		return key
	}
	return string(line)
}

// print prints what is different, and reports whether something is.
func (d *differ) print(a, b string, linesA, linesB [][]byte) bool {
	known := map[string]int{}
	found := false
	for _, hunk := range hunks(changes(d.numbered(known, linesA), d.numbered(known, linesB)), d.context) {
		if d.Has('B') && blank(hunk, linesA, linesB) {
			continue
		}
		if !found {
			found = true
			d.differ()
			if d.Has('q') {
				fmt.Fprintf(d.Stdout, "Files %s and %s differ\n", a, b)
				return true
			}
			d.heading(a, b)
		}
		d.hunk(hunk, linesA, linesB)
	}
	return found
}

// heading names the files; one that is not there is /dev/null.
func (d *differ) heading(a, b string) {
	for i, name := range []string{a, b} {
		if d.absent[i] {
			name = os.DevNull
		}
		if i < len(d.labels) {
			name = d.labels[i]
		}
		fmt.Fprintf(d.Stdout, "%s %s\n", []string{"---", "+++"}[i], name)
	}
}

// blank reports whether a hunk changes empty lines only.
func blank(hunk []change, a, b [][]byte) bool {
	for _, c := range hunk {
		for _, line := range append(a[c.a0:c.a1:c.a1], b[c.b0:c.b1]...) {
			if len(line) != 1 || line[0] != '\n' {
				return false
			}
		}
	}
	return true
}

func (d *differ) hunk(hunk []change, a, b [][]byte) {
	first, last := hunk[0], hunk[len(hunk)-1]
	fromA, fromB := max(0, first.a0-d.context), max(0, first.b0-d.context)
	toA, toB := min(len(a), last.a1+d.context), min(len(b), last.b1+d.context)
	fmt.Fprintf(d.Stdout, "@@ -%s +%s @@\n", span(fromA, toA), span(fromB, toB))
	at := fromA
	for _, c := range hunk {
		d.lines(' ', a[at:c.a0])
		d.lines('-', a[c.a0:c.a1])
		d.lines('+', b[c.b0:c.b1])
		at = c.a1
	}
	d.lines(' ', a[at:toA])
}

// span is lines as a hunk's head has them: the first and how many, if not one.
func span(from, to int) string {
	switch n := to - from; n {
	case 0:
		return fmt.Sprintf("%d,0", from)
	case 1:
		return strconv.Itoa(from + 1)
	default:
		return fmt.Sprintf("%d,%d", from+1, n)
	}
}

func (d *differ) lines(mark byte, all [][]byte) {
	for _, line := range all {
		text := []byte{mark}
		if d.Has('T') {
			text = append(text, '\t')
		}
		if d.Has('t') {
			line = expanded(line)
		}
		if text = append(text, line...); line[len(line)-1] != '\n' {
			text = append(text, "\n\\ No newline at end of file\n"...)
		}
		d.Stdout.Write(text)
	}
}

// expanded has blanks for tabs.
func expanded(line []byte) []byte {
	var out []byte
	column := 0
	for _, b := range line {
		if b != '\t' {
			out, column = append(out, b), column+1
			continue
		}
		for more := 8 - column%8; more > 0; more-- {
			out, column = append(out, ' '), column+1
		}
	}
	return out
}
