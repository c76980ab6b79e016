package match

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/regex"
)

var grepCommand = command.Command{
	Usage: "[-EFivwxz] [-cHhLlnoqs] [-rR] [-m N] [-A N] [-B N] [-C N] {PATTERN | -e PATTERN... | -f FILE...} [FILE]...",
	Help: `	-e PATTERN, -f FILE	a pattern, one in each of its lines; patterns of a file
	-E, -F	extended expressions (egrep); none, but plain text (fgrep)
	-i, -v	upper case is lower case; lines that do not match
	-w, -x, -z	as a whole word; as a whole line; lines end with NUL
	-c, -l, -L	how many; names of files with a match; of those without
	-n, -H, -h	with line numbers; with names of files; without names
	-o, -q	what matches only; only the exit status
	-s	no word on files that cannot be read
	-m N	stop after N lines of a file
	-A N, -B N, -C N	N lines after; before; both
	-r, -R	files of directories too; and where symbolic links lead
Exit status: 0 some line matches, 1 none, 2 trouble.
`,
	Letters: "alnqvscFiHhe:f:LorRm:wxA:B:C:EzK::", // -a: a file is text, as any here
	Long:    map[string]byte{"color": 'K'},
	Trouble: 2,
	Run:     grep,
}

// A grepper goes through files.
type grepper struct {
	*command.Call
	patterns []pattern
	invert   bool
	word     bool
	whole    bool
	only     bool // -o
	count    bool
	names    bool
	numbers  bool
	delim    byte
	most     int // -1: no limit
	before   int
	after    int

	last    int // number of the line that was printed last, of this file or one before
	printed bool
	matched bool
}

type pattern struct {
	*regex.Regex
	plain bool
}

func grep(c *command.Call) {
	g := &grepper{Call: c, most: -1, delim: '\n', invert: c.Has('v'), word: c.Has('w'), whole: c.Has('x'),
		only: c.Has('o'), count: c.Has('c'), numbers: c.Has('n')}
	if c.Has('z') {
		g.delim = 0
	}
	if err := g.numbersGiven(); err != nil {
		c.Misused("%v", err)
		return
	}
	texts, err := g.texts()
	if err != nil {
		c.Fail(err)
		return
	}
	if texts == nil {
		c.Misused("expected a pattern")
		return
	}
	if err := g.compile(texts); err != nil {
		c.Fail(err)
		return
	}
	g.files()
}

// numbersGiven reads -m, -A, -B and -C.
func (g *grepper) numbersGiven() error {
	for _, o := range g.Options {
		if strings.IndexByte("mABC", o.Letter) < 0 {
			continue
		}
		n, err := strconv.ParseUint(o.Value, 10, 31)
		if err != nil {
			return fmt.Errorf("-%c %s: expected a number", o.Letter, o.Value)
		}
		switch o.Letter {
		case 'm':
			g.most = int(n)
		case 'A':
			g.after = int(n)
		case 'B':
			g.before = int(n)
		case 'C':
			g.after, g.before = int(n), int(n)
		}
	}
	if g.count || g.Has('q') || g.Has('l') || g.Has('L') {
		g.after, g.before, g.numbers = 0, 0, false
	}
	return nil
}

// texts are the patterns: of -e and -f, or the first operand. Nil: there is none.
func (g *grepper) texts() ([]string, error) {
	var texts []string
	files := false
	for _, o := range g.Options {
		switch o.Letter {
		case 'e':
			texts = append(texts, strings.Split(o.Value, "\n")...)
		case 'f':
			files = true
			r, err := g.Open(o.Value)
			if err != nil {
				return nil, err
			}
			all, err := io.ReadAll(r)
			if err = errors.Join(err, r.Close()); err != nil {
				return nil, command.Named(o.Value, err)
			}
			if text := strings.TrimSuffix(string(all), "\n"); len(all) > 0 {
				texts = append(texts, strings.Split(text, "\n")...)
			}
		}
	}
	switch {
	case texts == nil && files: // nothing to look for is found nowhere
		g.invert = !g.invert
		if g.whole {
			return []string{".*"}, nil
		}
		return []string{""}, nil
	case texts == nil && len(g.Args) > 0:
		texts, g.Args = strings.Split(g.Args[0], "\n"), g.Args[1:]
	}
	return texts, nil
}

func (g *grepper) compile(texts []string) error {
	flags, plain := regex.Loose, g.Has('F') || g.Name == "fgrep"
	if !plain && (g.Has('E') || g.Name == "egrep") {
		flags |= regex.Extended
	}
	if g.Has('i') {
		flags |= regex.IgnoreCase
	}
	for _, text := range texts {
		quoted := text
		if plain {
			quoted = regex.Quote(text)
		}
		re, err := regex.Compile(quoted, flags)
		if err != nil {
			return fmt.Errorf("pattern %q: %w", text, err)
		}
		g.patterns = append(g.patterns, pattern{re, plain})
	}
	return nil
}

// file goes through one. Its error is of reading it, or of a pattern that is too hard.
func (g *grepper) file(name string, r io.Reader) error {
	in := command.NewLines(r, g.delim)
	var before [][]byte // lines that may have to be printed, the last last
	matches, owed := 0, 0
	for number := 1; g.Stdout.Err() == nil && g.Err() == nil; number++ {
		line, _, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		found, err := g.find(line)
		if err != nil {
			return err
		}
		if (found != nil) != g.invert {
			if matches++; g.Has('q') || g.Has('l') || g.Has('L') {
				break
			}
			if g.most >= 0 && matches > g.most {
				break
			}
			if !g.count {
				for i, text := range before {
					g.print(name, text, number-len(before)+i, '-')
				}
				before, owed = before[:0], g.after
				g.printMatch(name, line, number, found)
			}
		} else if owed > 0 {
			g.print(name, line, number, '-')
			owed--
		} else if g.before > 0 {
			if len(before) == g.before {
				before = append(before[:0], before[1:]...)
			}
			before = append(before, in.Take(line))
		}
		if g.most >= 0 && owed == 0 && matches == g.most {
			break
		}
	}
	g.conclude(name, matches)
	return nil
}

// conclude prints what is said of a file as a whole.
func (g *grepper) conclude(name string, matches int) {
	if g.Has('q') {
		g.matched = g.matched || matches > 0
		return
	}
	listed := g.Has('l') && matches > 0
	if g.count && !listed && !(g.Has('L') && matches > 0) {
		if g.names {
			fmt.Fprintf(g.Stdout, "%s:", name)
		}
		fmt.Fprintln(g.Stdout, matches)
	}
	if g.Has('L') && !listed {
		listed = matches == 0
		matches = 0
	}
	if listed {
		fmt.Fprintln(g.Stdout, name)
	}
	g.matched = g.matched || matches > 0 || listed
}

// find is what matches of a line, from the first match that counts on.
func (g *grepper) find(line []byte) ([][]int, error) {
	most := 1
	if g.word || g.only {
		most = -1
	}
	for _, p := range g.patterns {
		all, err := p.All(line, most)
		if err != nil {
			return nil, err
		}
		if g.word && !g.whole {
			all = words(line, all)
		}
		if len(all) > 0 && (!g.whole || all[0][0] == 0 && all[0][1] == len(line)) {
			return all, nil
		}
	}
	return nil, nil
}

// words leaves out the matches before the first that is of whole words.
func words(line []byte, all [][]int) [][]int {
	for start := 0; len(all) > 0; all = all[1:] {
		from, to := all[0][0], all[0][1]
		if (from == 0 || !isWord(line[from-1])) && (to == len(line) || !isWord(line[to])) {
			return all
		}
		if to == start {
			return nil // busybox tries no further, and who writes such a pattern means no word
		}
		start = to
	}
	return nil
}

func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

func (g *grepper) printMatch(name string, line []byte, number int, found [][]int) {
	if !g.only {
		g.print(name, line, number, ':')
		return
	}
	for _, m := range found {
		if m[0] < m[1] {
			g.print(name, line[m[0]:m[1]], number, ':')
		}
	}
}

func (g *grepper) print(name string, text []byte, number int, mark byte) {
	if (g.before > 0 || g.after > 0) && g.printed && g.last != number-1 {
		g.Stdout.WriteString("--\n")
	}
	g.printed, g.last = true, number
	if g.names {
		g.Stdout.WriteString(name)
		g.Stdout.WriteByte(mark)
	}
	if g.numbers {
		g.Stdout.WriteString(strconv.Itoa(number))
		g.Stdout.WriteByte(mark)
	}
	if g.only && g.invert {
		return
	}
	g.Stdout.Write(text)
	g.Stdout.WriteByte(g.delim)
}
