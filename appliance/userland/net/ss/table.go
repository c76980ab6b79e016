package ss

import (
	"fmt"
	"io"
	"strings"
)

// A column of the table.
type column struct {
	head     string
	lead     string // before it, but at the beginning of a line
	right    bool   // it ends where others do
	max      int    // its longest field
	disabled bool
}

// table is what is shown, in columns that are as wide as their fields.
type table struct {
	columns []column
	rows    [][]string
}

// newTable is one with the heads that q leaves.
func newTable(q query) *table {
	t := &table{columns: []column{
		{head: "Netid"}, {head: "State", lead: " "}, {head: "Recv-Q", lead: " "}, {head: "Send-Q", lead: " "},
		{head: "Local Address:", lead: " ", right: true}, {head: "Port"}, {head: "Peer Address:", lead: " ",
			right: true}, {head: "Port"},
		{head: "Process"},
	}}
	t.columns[0].disabled = q.alone
	t.columns[1].disabled = q.states&(q.states-1) == 0
	if !q.headless {
		heads := make([]string, 0, len(t.columns))
		for _, c := range t.columns {
			heads = append(heads, c.head)
		}
		t.add(heads...)
	}
	return t
}

// add adds a row with a field for each column.
func (t *table) add(fields ...string) {
	for i, f := range fields {
		t.columns[i].max = max(t.columns[i].max, len(f))
	}
	t.rows = append(t.rows, fields)
}

// write writes all rows.
func (t *table) write(w io.Writer) {
	for _, row := range t.rows {
		var line strings.Builder
		for i, c := range t.columns {
			if !c.disabled {
				c.write(&line, row[i])
			}
		}
		fmt.Fprintln(w, line.String()) // a command.Writer, which keeps its error
	}
}

// write writes a field.
func (c column) write(line *strings.Builder, field string) {
	if line.Len() > 0 {
		line.WriteString(c.lead)
	}
	pad := strings.Repeat(" ", c.max-len(field))
	if c.right {
		line.WriteString(pad + field)
	} else {
		line.WriteString(field + pad)
	}
}
