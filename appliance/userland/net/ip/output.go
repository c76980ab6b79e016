package ip

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// output is how what is shown is written: as text, each record in one or more lines; with -o each in one; with -j all
// together as one JSON array. The text of the current record is written into it first.
type output struct {
	bytes.Buffer
	to      io.Writer
	json    bool // -j
	pretty  bool // -p
	oneline bool // -o
	records []any
}

// end ends a record: its text goes out, or with -j what encoding/json makes of it does.
func (o *output) end(record any) {
	text := o.String()
	o.Reset()
	if o.json {
		o.records = append(o.records, record)
		return
	}
	if o.oneline {
		text = strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", `\`) + "\n"
	}
	_, _ = io.WriteString(o.to, text) // a command.Writer, which keeps its error
}

// finish writes the array of all records.
func (o *output) finish() error {
	if !o.json {
		return nil
	}
	if o.records == nil {
		o.records = []any{}
	}
	e := json.NewEncoder(o.to)
	e.SetEscapeHTML(false)
	if o.pretty {
		e.SetIndent("", "    ")
	}
	return e.Encode(o.records)
}
