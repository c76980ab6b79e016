package plan

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// width is how wide Print writes, in characters, where words allow it.
const width = 80

// Print writes c for a person. The error is that of w.
func (c Change) Print(w io.Writer) error {
	p := &changePrinter{}
	for _, s := range c.Sections {
		p.section(s)
	}
	if c.MoreSections > 0 {
		p.heading(fmt.Sprintf("… and %s more sections", thousands(c.MoreSections)))
	}
	if len(c.Interrupted) > 0 {
		p.heading("What people may notice")
		for _, sentence := range c.Interrupted {
			p.wrapped("  ", "  ", sentence)
		}
	}
	c.printBox(p)
	_, err := io.WriteString(w, strings.TrimPrefix(p.text.String(), "\n"))
	return err
}

// printBox writes what happens inside the box.
func (c Change) printBox(p *changePrinter) {
	if c.Nothing {
		p.heading("The box does what it does now.")
		return
	}
	p.heading("What the box does")
	words := map[Action]string{
		Reload: "takes another configuration, and serves all the while", Restart: "is started again",
		Start: "is started", Stop: "is stopped",
	}
	for _, u := range c.Units {
		p.wrapped("  ", "  ", u.Name+" "+words[u.Action])
	}
	switch c.Firewall {
	case "":
	case FirewallRules:
		p.wrapped("  ", "  ", "the firewall gets other rules, in one step")
	case FirewallPlaces:
		p.wrapped("  ", "  ", "the firewall's rules stay; they stand on other lines of the site")
	default:
		lists := c.Firewall // one list, or "lists a, b"
		if !strings.Contains(lists, ",") {
			lists = strings.Replace(lists, "lists", "list", 1)
		}
		p.wrapped("  ", "  ", "the firewall's rules stay; other addresses are on the "+lists)
	}
	for _, sentence := range c.Hooks {
		p.wrapped("  ", "  ", sentence)
	}
	if len(c.Units)+len(c.Files)+len(c.Hooks) == 0 && c.Firewall == "" {
		p.wrapped("  ", "  ", "no service and no rule changes")
	}
	if len(c.Files) > 0 {
		p.wrapped("  ", "  ", "in /etc it writes anew: "+strings.Join(c.Files, ", "))
	}
}

// thousands writes a number so that it can be read: 1,204.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// changePrinter collects text of at most width characters a line.
type changePrinter struct{ text strings.Builder }

func (p *changePrinter) heading(text string) {
	p.text.WriteString("\n")
	p.wrapped("", "  ", text)
}

func (p *changePrinter) section(s Section) {
	p.heading(s.Title)
	first := 0 // how wide the first column is, for those that are short
	for _, l := range slices.Concat(s.Removed, s.Added, s.Moved) {
		if n := utf8.RuneCountInString(columns(l, 1)); n < len(l) && n <= 20 {
			first = max(first, n)
		}
	}
	for _, l := range s.marked() {
		cell := columns(l.text, 1)
		text := cell + strings.Repeat(" ", max(0, first-utf8.RuneCountInString(cell))) + l.text[len(cell):]
		p.wrapped("  "+l.mark+" ", "      ", strings.TrimRight(text, " "))
	}
	if s.More > 0 {
		p.wrapped("    ", "    ", fmt.Sprintf("… and %s more", thousands(s.More)))
	}
}

// columns is the first n columns of a line.
func columns(text string, n int) string {
	end := 0
	for ; n > 0; n-- {
		i := strings.Index(text[end:], "  ")
		if i < 0 {
			return text
		}
		end += i + 2
	}
	return text[:end-2]
}

// A marked line is one with what becomes of it.
type marked struct{ mark, text string }

// marked returns the lines of the section, those that go and come by one name together.
func (s Section) marked() []marked {
	name := func(l string) string { return columns(l, 1) }
	if !unique(s.Removed, name) || !unique(s.Added, name) {
		name = func(l string) string { return columns(l, 2) }
	}
	var all []marked
	added := slices.Clone(s.Added)
	for _, l := range s.Removed {
		all = append(all, marked{"-", l})
		if i := slices.IndexFunc(added, func(a string) bool { return name(a) == name(l) }); i >= 0 {
			all = append(all, marked{"+", added[i]})
			added = slices.Delete(added, i, i+1)
		}
	}
	for _, l := range added {
		all = append(all, marked{"+", l})
	}
	for _, l := range s.Moved {
		all = append(all, marked{"~", l})
	}
	return all
}

func unique(lines []string, name func(string) string) bool {
	seen := map[string]bool{}
	for _, l := range lines {
		if seen[name(l)] {
			return false
		}
		seen[name(l)] = true
	}
	return true
}

// wrapped writes text, the first line after begin and further ones after indent. It breaks at blanks; a word
// that is wider than a line stays whole. What comes of strangers by way of a connection cannot act on the
// terminal.
func (p *changePrinter) wrapped(begin, indent, text string) {
	rest := begin + printable.String(text)
	left := len(begin)
	for utf8.RuneCountInString(rest) > width {
		runes := []rune(rest)
		at := width
		for at > left && runes[at] != ' ' {
			at--
		}
		if at <= left { // no blank: at the end of the word
			for at = left; at < len(runes) && runes[at] != ' '; at++ {
			}
			if at == len(runes) {
				break
			}
		}
		p.text.WriteString(strings.TrimRight(string(runes[:at]), " ") + "\n")
		rest, left = indent+strings.TrimLeft(string(runes[at:]), " "), len(indent)
	}
	p.text.WriteString(rest + "\n")
}
