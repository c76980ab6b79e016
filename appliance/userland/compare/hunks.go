package compare

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A filePatch is the part of a patch that is about one file.
type filePatch struct {
	from, to string
	hunks    []*hunk
}

// A hunk is a change with lines around it.
type hunk struct {
	oldStart, oldLen, newStart, newLen int
	lines                              []hunkLine
}

// A hunkLine is of both texts (' '), of the old ('-') or of the new one ('+'). It has its end, if the text
// has.
type hunkLine struct {
	mark byte
	text []byte
}

// readPatch reads unified diffs; what is around them is passed over. With an error it gives the parts before
// it.
func readPatch(text []byte) (files []*filePatch, err error) {
	var f *filePatch
	all := lines(text)
	for i := 0; i < len(all); i++ {
		switch line := string(all[i]); {
		case strings.HasPrefix(line, "--- "):
			f = &filePatch{from: fileName(line)}
		case strings.HasPrefix(line, "+++ "):
			if f == nil || len(f.hunks) > 0 {
				f = &filePatch{}
			}
			f.to = fileName(line)
		case f != nil && f.to != "" && strings.HasPrefix(line, "@@ -"):
			h, err := hunkHead(line)
			if err == nil {
				i, err = h.body(all, i+1)
			}
			if err != nil {
				return files, fmt.Errorf("line %d: %w", i+1, err)
			}
			if f.hunks = append(f.hunks, h); len(f.hunks) == 1 {
				files = append(files, f)
			}
			i-- // body is where the next line is
		}
	}
	return files, nil
}

// fileName is that of a line "--- NAME", without the time behind it.
func fileName(line string) string {
	name, _, _ := strings.Cut(strings.TrimRight(line[4:], "\r\n"), "\t")
	return name
}

// hunkHead reads "@@ -1,2 +1,3 @@".
func hunkHead(line string) (*hunk, error) {
	h := &hunk{}
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[2][0] != '+' || fields[3] != "@@" {
		return nil, errors.New("expected @@ -FROM,LINES +TO,LINES @@")
	}
	var errA, errB error
	h.oldStart, h.oldLen, errA = region(fields[1][1:])
	h.newStart, h.newLen, errB = region(fields[2][1:])
	if err := errors.Join(errA, errB); err != nil {
		return nil, err
	}
	if h.oldLen == 0 && h.newLen == 0 {
		return nil, errors.New("a change of no lines")
	}
	return h, nil
}

func region(text string) (start, n int, err error) {
	first, count, found := strings.Cut(text, ",")
	if !found {
		count = "1"
	}
	a, errA := strconv.ParseUint(first, 10, 31)
	b, errB := strconv.ParseUint(count, 10, 31)
	if errA != nil || errB != nil {
		return 0, 0, fmt.Errorf("%s: expected numbers of lines", text)
	}
	return int(a), int(b), nil
}

// body reads the lines of a hunk, and returns where the next line is.
func (h *hunk) body(all [][]byte, at int) (int, error) {
	old, new := h.oldLen, h.newLen
	for ; at < len(all); at++ {
		line := all[at]
		if line[0] == '\\' && len(h.lines) > 0 {
			last := &h.lines[len(h.lines)-1]
			last.text = bytes.TrimSuffix(last.text, []byte("\n"))
			continue
		}
		if old == 0 && new == 0 {
			return at, nil
		}
		mark := line[0]
		switch mark {
		case '\n': // somebody has cut the blanks at the ends of lines
			mark, line = ' ', []byte(" \n")
		case ' ', '-', '+':
		default:
			return at, errors.New("expected a line of the change")
		}
		if mark != '+' {
			old--
		}
		if mark != '-' {
			new--
		}
		if old < 0 || new < 0 {
			return at, errors.New("the change has other lines than its head says")
		}
		h.lines = append(h.lines, hunkLine{mark, line[1:]})
	}
	if old > 0 || new > 0 {
		return at, errors.New("the change ends too early")
	}
	return at, nil
}

// reverse makes the new text the old one.
func (f *filePatch) reverse() {
	f.from, f.to = f.to, f.from
	for _, h := range f.hunks {
		h.reverse()
	}
}

func (h *hunk) reverse() {
	h.oldStart, h.oldLen, h.newStart, h.newLen = h.newStart, h.newLen, h.oldStart, h.oldLen
	for i, line := range h.lines {
		h.lines[i].mark = map[byte]byte{' ': ' ', '-': '+', '+': '-'}[line.mark]
	}
}

// apply makes the new text of the old one. With forward, a hunk that is there already is well.
func (f *filePatch) apply(old [][]byte, forward bool) ([][]byte, error) {
	var made [][]byte
	at, moved := 0, 0
	for i, h := range f.hunks {
		place, ok := h.place(old, at, h.start()+moved, '+')
		if !ok && forward {
			if there, ok := h.place(old, at, h.start()+moved, '-'); ok {
				end := there + h.newLen
				made, at = append(made, old[at:end]...), end
				continue
			}
		}
		if !ok {
			return nil, f.unfit(old, at, moved, i)
		}
		moved = place - h.start()
		made = append(made, old[at:place]...)
		at = place
		for _, line := range h.lines {
			if line.mark != '-' && line.mark != ' ' {
				made = append(made, line.text)
				continue
			}
			if line.mark == ' ' {
				made = append(made, old[at])
			}
			at++
		}
	}
	return append(made, old[at:]...), nil
}

// A hunkError is a hunk that does not fit.
type hunkError struct {
	*hunk
	number, of int
	reversed   int // the line behind what it makes, which is there already; 0: it is not
}

// unfit says why hunk i does not fit in what is behind at.
func (f *filePatch) unfit(old [][]byte, at, moved, i int) *hunkError {
	e := &hunkError{hunk: f.hunks[i], number: i + 1, of: len(f.hunks)}
	if there, ok := e.place(old, at, e.start()+moved, '-'); ok {
		e.reversed = there + e.newLen + 1
	}
	return e
}

// Error is what all programs of the name say, the hunk below it.
func (e *hunkError) Error() string {
	var b strings.Builder
	if e.reversed > 0 {
		fmt.Fprintf(&b, "Possibly reversed hunk %d at %d\n", e.number, e.reversed)
	}
	fmt.Fprintf(&b, "Hunk %d FAILED %d/%d.", e.number, e.number, e.of)
	for _, line := range e.lines {
		fmt.Fprintf(&b, "\n%c%s", line.mark, bytes.TrimSuffix(line.text, []byte("\n")))
	}
	return b.String()
}

// start is the index of the line where the hunk says that it is.
func (h *hunk) start() int {
	if h.oldLen == 0 {
		return h.oldStart
	}
	return max(0, h.oldStart-1)
}

// place finds where a hunk fits: where it says, else as near as possible, never before at. Lines with the
// mark new are those that are not there.
func (h *hunk) place(old [][]byte, at, want int, added byte) (int, bool) {
	want = min(max(want, at), len(old))
	for d := 0; want-d >= at || want+d <= len(old); d++ {
		if want+d <= len(old) && h.fits(old, want+d, added) {
			return want + d, true
		}
		if d > 0 && want-d >= at && h.fits(old, want-d, added) {
			return want - d, true
		}
	}
	return 0, false
}

// fits compares without ends of lines. A hunk with less below than above the change is the end of the file.
func (h *hunk) fits(old [][]byte, at int, added byte) bool {
	above, below := 0, 0
	changed := false
	for _, line := range h.lines {
		if line.mark != ' ' {
			changed, below = true, 0
		} else if below++; !changed {
			above++
		}
		if line.mark == added {
			continue
		}
		if at >= len(old) || !bytes.Equal(bytes.TrimSuffix(old[at], []byte("\n")),
			bytes.TrimSuffix(line.text, []byte("\n"))) {
			return false
		}
		at++
	}
	return below >= above || at == len(old)
}
