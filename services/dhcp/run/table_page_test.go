package run_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
)

var updateTable = flag.Bool("update", false, "write docs/dhcp-table.md")

// The servers, in the order of the columns.
var servers = [3]string{"dnsmasq", "dhcpd", "here"}

const here = 2

// A question is one thing to compare: a column for each server, and what RFC 2131 says.
type question struct {
	title, text string
	kinds       []int
	of          func(v verdict) string // "": there is nothing to compare
	rfc         func(c combo, v verdict) []string
	reasons     []reason
	// byAnswer: it is about the answer, so a table for each, and those of the others that answer the same are
	// compared.
	byAnswer bool
}

// A reason is why this server differs from the RFC where that says something, or from both others.
type reason struct {
	when func(c combo, did [3]string) bool
	why  string
}

// differs reports whether a reason is needed. did is what the servers did, "" is not compared.
func differs(rfc []string, did [3]string) bool {
	us := did[here]
	if us == "" {
		return false
	}
	others := did[0] != us && did[1] != us && did[0] != "" && did[1] != ""
	return others || len(rfc) > 0 && !slices.Contains(rfc, us)
}

// TestTable asks three servers, with the same messages, all combinations of what a client may say about
// addresses, and writes docs/dhcp-table.md. Where this one does what neither of the others does, or not what
// RFC 2131 says, there is a reason.
func TestTable(t *testing.T) {
	found := map[string]map[combo]verdict{}
	var mu sync.Mutex
	t.Run("ask", func(t *testing.T) {
		for name, start := range benches() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				all := walk(start(t))
				mu.Lock()
				defer mu.Unlock()
				found[name] = all
			})
		}
	})
	if t.Failed() {
		return
	}
	var page strings.Builder
	page.WriteString(tableIntro)
	for _, q := range questions() {
		q.write(t, &page, found)
	}
	const file = "../../../docs/dhcp-table.md"
	if *updateTable {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(string(want), page.String()); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew)\n%s", file, d)
	}
}

// write writes the tables of a question, one for each kind of message, and the reasons.
func (q *question) write(t *testing.T, page *strings.Builder, found map[string]map[combo]verdict) {
	fmt.Fprintf(page, "\n## %s\n\n%s\n", q.title, q.text)
	used := make([]int, len(q.reasons)+1)
	for _, kind := range q.kinds {
		answers := []string{""}
		if q.byAnswer {
			answers = []string{"OFFER", "ACK", "NAK"}
		}
		for _, answer := range answers {
			points := map[combo]cells{}
			for _, c := range combos(kind) {
				if x := q.compare(t, c, answer, found, used); x != (cells{}) {
					points[c] = x
				}
			}
			if len(points) > 0 {
				writeRows(page, strings.TrimSpace(words[colKind][kind]+" "+answer), group(points, []int{1, 2, 3, 4, 5, 6}))
			}
		}
	}
	if used[0] > 0 {
		t.Errorf("%s: %d combinations without a reason", q.title, used[0])
	}
	if len(q.reasons) > 0 {
		page.WriteString("\n")
	}
	for i, r := range q.reasons {
		fmt.Fprintf(page, "%d. %s\n", i+1, r.why)
		if used[i+1] == 0 {
			t.Errorf("%s: reason %d is never needed: %s", q.title, i+1, r.why)
		}
	}
}

// compare returns what a combination is answered; with an answer, if it is that. used counts reasons, and in
// 0 where there is none.
func (q *question) compare(t *testing.T, c combo, answer string, found map[string]map[combo]verdict, used []int) (x cells) {
	us := found[servers[here]][c]
	if !strings.HasPrefix(us.answer, answer) {
		return x
	}
	var did [3]string
	for i, name := range servers {
		if v := found[name][c]; strings.HasPrefix(v.answer, answer) {
			did[i] = q.of(v)
			x[1+i] = did[i]
		}
	}
	rfc := q.rfc(c, us)
	if x[0] = strings.Join(rfc, " or "); len(rfc) == 0 {
		x[0] = "·"
	}
	if !differs(rfc, did) {
		return x
	}
	for i, r := range q.reasons {
		if r.when(c, did) {
			used[i+1]++
			x[4] = fmt.Sprint(i + 1)
			return x
		}
	}
	if used[0]++; used[0] <= 40 {
		t.Errorf("%s: no reason for %s: RFC %v, dnsmasq %q, dhcpd %q, here %q", q.title, c, rfc, did[0], did[1], did[2])
	}
	return x
}

func (c combo) String() string {
	var all []string
	for col, v := range c {
		all = append(all, []string{"", "54 ", "50 ", "ciaddr ", "B ", "", "giaddr "}[col]+words[col][v])
	}
	return strings.Join(all, ", ")
}

// cells are the RFC, the servers and the number of the reason. An empty one is like any.
type cells [5]string

// merge returns what both are, if they are alike.
func (x cells) merge(y cells) (cells, bool) {
	for i := range x {
		if x[i] != "" && y[i] != "" && x[i] != y[i] {
			return x, false
		}
		x[i] = cmp.Or(x[i], y[i])
	}
	return x, true
}

// A row is some combinations that are alike: the values of each column, none for all.
type row struct {
	values [7][]int
	cells
}

// group finds few rows for points, which differ in the columns cols alone, by trying which column to divide
// by first.
func group(points map[combo]cells, cols []int) (rows []row) {
	if x, ok := alike(points); ok {
		return []row{{cells: x}}
	}
	divided := make([][]class, len(cols))
	without := func(i int) []int { return slices.Delete(slices.Clone(cols), i, i+1) }
	for i, col := range cols {
		if divided[i] = divide(points, col); len(divided[i]) == 1 { // it makes no difference
			return group(divided[i][0].points, without(i))
		}
	}
	for i, col := range cols {
		var these []row
		for _, class := range divided[i] {
			for _, r := range group(class.points, without(i)) {
				r.values[col] = class.values
				these = append(these, r)
			}
			if rows != nil && len(these) >= len(rows) {
				break
			}
		}
		if rows == nil || len(these) < len(rows) {
			rows = these
		}
	}
	return rows
}

func alike(points map[combo]cells) (x cells, ok bool) {
	for _, y := range points {
		if x, ok = x.merge(y); !ok {
			return x, false
		}
	}
	return x, true
}

// A class is some values of a column between which it makes no difference.
type class struct {
	values []int
	points map[combo]cells
}

func divide(points map[combo]cells, col int) (classes []class) {
	byValue := map[int]map[combo]cells{}
	for c, x := range points {
		v := c[col]
		if byValue[v] == nil {
			byValue[v] = map[combo]cells{}
		}
		c[col] = 0
		byValue[v][c] = x
	}
next:
	for v := range words[col] {
		these := byValue[v]
		if these == nil {
			continue
		}
		for i := range classes {
			if merged, ok := mergeAll(classes[i].points, these); ok {
				classes[i].points, classes[i].values = merged, append(classes[i].values, v)
				continue next
			}
		}
		classes = append(classes, class{[]int{v}, these})
	}
	return classes
}

func mergeAll(a, b map[combo]cells) (map[combo]cells, bool) {
	merged := map[combo]cells{}
	for c, x := range a {
		y, ok := x.merge(b[c])
		if !ok {
			return nil, false
		}
		merged[c] = y
	}
	for c, y := range b {
		if _, both := a[c]; !both {
			merged[c] = y
		}
	}
	return merged, true
}

// writeRows writes the table of one kind of message. A column that makes no difference is left out.
func writeRows(page *strings.Builder, title string, rows []row) {
	heads := []string{"", "54", "50", "ciaddr", "B", "client", "giaddr"}
	var cols []int
	for col := 1; col < len(words); col++ {
		if slices.ContainsFunc(rows, func(r row) bool { return r.values[col] != nil }) {
			cols = append(cols, col)
		}
	}
	lines := [][]string{nil}
	for _, col := range cols {
		lines[0] = append(lines[0], heads[col])
	}
	lines[0] = append(lines[0], "RFC 2131", "dnsmasq", "dhcpd", "here", "why")
	for _, r := range rows {
		var line []string
		for _, col := range cols {
			line = append(line, valuesWord(col, r.values[col]))
		}
		for i, x := range r.cells {
			if x == "" && i < len(r.cells)-1 {
				x = "?" // it did not answer so
			}
			line = append(line, x)
		}
		lines = append(lines, line)
	}
	fmt.Fprintf(page, "\n### %s\n\n", title)
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, x := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(x))
		}
	}
	for i, line := range lines {
		for col, x := range line {
			fmt.Fprintf(page, "| %s%s ", x, strings.Repeat(" ", widths[col]-utf8.RuneCountInString(x)))
		}
		page.WriteString("|\n")
		if i == 0 {
			for _, n := range widths {
				page.WriteString("|" + strings.Repeat("-", n+2))
			}
			page.WriteString("|\n")
		}
	}
}

// valuesWord writes the values of a column: "*" is any, "not far" all but one of more than three.
func valuesWord(col int, values []int) string {
	all := words[col]
	if values == nil || len(values) == len(all) {
		return "*"
	}
	if len(values) == len(all)-1 && len(all) > 3 {
		for v := range all {
			if !slices.Contains(values, v) {
				return "not " + all[v]
			}
		}
	}
	var some []string
	for _, v := range values {
		some = append(some, all[v])
	}
	return strings.Join(some, ", ")
}
