package plan

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/site"
)

// The bounds of what a [Change] shows.
const (
	maxSections = 40
	maxLines    = 40  // of a section
	maxText     = 400 // bytes of a line
)

// A Section is a part of what [site.Print] says of a site, as far as two sites differ there. In its lines,
// columns are two blanks apart.
type Section struct {
	Title   string   `json:"title"`
	Removed []string `json:"removed,omitempty"`
	Added   []string `json:"added,omitempty"`
	// Moved are lines whose order matters, and which of the others they follow now.
	Moved []string `json:"moved,omitempty"`
	More  int      `json:"more,omitempty"` // lines that differ too
}

// A line is one of a section.
type line struct {
	key  string // what it is compared by
	text string // as it is shown, but for bounds
}

// name is the second column of a line: that of a rule.
func (l line) name() string {
	cells := strings.SplitN(l.text, "  ", 3)
	return cells[min(1, len(cells)-1)]
}

// part is a section of one site.
type part struct {
	id      string // the same in both sites
	title   string
	ordered bool // what stands first counts
	lines   []line
	table   []column
}

// sectionsOf returns the sections that differ, in the order of to and then what only from has.
func sectionsOf(from, to *site.Site) []Section {
	was, is := partsOf(from), partsOf(to)
	var all []Section
	add := func(title string, before, after part) {
		if s := compareParts(before, after); len(s.Removed)+len(s.Added)+len(s.Moved) > 0 {
			s.Title = title
			all = append(all, s)
		}
	}
	before := map[string]part{}
	for _, p := range was {
		before[p.id] = p
	}
	after := map[string]bool{}
	for _, p := range is {
		after[p.id] = true
		add(p.title, before[p.id], p)
	}
	for _, p := range was {
		if !after[p.id] {
			add(p.title, p, part{})
		}
	}
	return all
}

// compareParts returns what differs. A part whose lines have an order keeps as many in it as can be.
func compareParts(before, after part) Section {
	was, is := before.lines, after.lines
	start := 0
	for start < min(len(was), len(is)) && was[start].key == is[start].key {
		start++
	}
	was, is = was[start:], is[start:]
	for len(was) > 0 && len(is) > 0 && was[len(was)-1].key == is[len(is)-1].key {
		was, is = was[:len(was)-1], is[:len(is)-1]
	}
	number(was)
	number(is)
	at := map[string]int{}
	for i, l := range is {
		at[l.key] = start + i
	}
	known := map[string]bool{}
	var removed, added []line
	var common []int // indices in after, in the order of before
	for _, l := range was {
		known[l.key] = true
		if i, ok := at[l.key]; ok {
			common = append(common, i)
		} else {
			removed = append(removed, l)
		}
	}
	for _, l := range is {
		if !known[l.key] {
			added = append(added, l)
		}
	}
	var moved []string
	if after.ordered {
		for _, i := range outOfOrder(common) {
			where := "now first"
			if i > 0 {
				where = "now after " + after.lines[i-1].name()
			}
			moved = append(moved, printable.Cut(after.lines[i].text, maxText)+"; "+where)
		}
	}
	return bounded(removed, added, moved)
}

// outOfOrder returns, in ascending order, the fewest numbers without which the others ascend.
func outOfOrder(numbers []int) []int {
	var tails []int // indices of the ends of the ascents of length 1, 2, …, each end as low as can be
	prev := make([]int, len(numbers))
	for i, n := range numbers {
		length, _ := slices.BinarySearchFunc(tails, n, func(t, n int) int {
			return cmp.Compare(numbers[t], n)
		})
		prev[i] = -1
		if length > 0 {
			prev[i] = tails[length-1]
		}
		if length == len(tails) {
			tails = append(tails, i)
		} else {
			tails[length] = i
		}
	}
	keep := make([]bool, len(numbers))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = prev[i] {
			keep[i] = true
		}
	}
	var out []int
	for i, n := range numbers {
		if !keep[i] {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// bounded makes a section of at most maxLines, with some of each kind.
func bounded(removed, added []line, moved []string) Section {
	total := len(removed) + len(added) + len(moved)
	left := maxLines
	moved = moved[:min(len(moved), max(maxLines/3, left-len(removed)-len(added)))]
	left -= len(moved)
	added = added[:min(len(added), max(left/2, left-len(removed)))]
	removed = removed[:min(len(removed), left-len(added))]
	s := Section{Moved: moved, More: total - len(moved) - len(removed) - len(added)}
	for _, l := range removed {
		s.Removed = append(s.Removed, excerpt(l, added))
	}
	for _, l := range added {
		s.Added = append(s.Added, excerpt(l, removed))
	}
	return s
}

// excerpt is the text of a line. Of a long one, what it has in common with its like on the other side is left
// out.
func excerpt(l line, others []line) string {
	head := func(l line) string { return columns(l.text, 2) }
	if len(l.text) <= maxText {
		return printable.String(l.text)
	}
	i := slices.IndexFunc(others, func(o line) bool { return head(o) == head(l) })
	if i < 0 {
		return printable.Cut(l.text, maxText)
	}
	words, other := strings.Fields(l.text[len(head(l)):]), strings.Fields(others[i].text[len(head(l)):])
	same := 0
	for same < min(len(words), len(other)) && words[same] == other[same] {
		same++
	}
	end := len(words)
	for back := 1; end > same && len(other)-back >= same && words[end-1] == other[len(other)-back]; back++ {
		end--
	}
	text := head(l)
	text += "  "
	if same > 0 {
		text += "… "
	}
	text += strings.Join(words[same:end], " ")
	if end < len(words) {
		text += " …"
	}
	return printable.Cut(text, maxText)
}

// partsOf is a site as [site.Print] shows it, and what it does not show.
func partsOf(s *site.Site) []part {
	var text bytes.Buffer
	if err := site.Print(&text, s); err != nil {
		return nil // no buffer refuses what is written to it
	}
	return append(printedParts(text.String()), unprinted(s)...)
}

// number makes keys that are there more than once differ.
func number(lines []line) {
	seen := make(map[string]int, len(lines))
	for i, l := range lines {
		n := seen[l.key]
		seen[l.key] = n + 1
		if n > 0 {
			lines[i].key += "\x00" + strconv.Itoa(n)
		}
	}
}
