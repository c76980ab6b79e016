package ip

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// A record is one thing that is shown, said once for both: its text, and what JSON has of it.
type record struct {
	text    bytes.Buffer
	members members
}

// members are those of an object of JSON, in their order.
type members []member

type member struct {
	key   string
	value any
}

// printf adds to the text alone.
func (r *record) printf(format string, args ...any) { fmt.Fprintf(&r.text, format, args...) }

// set adds to JSON alone.
func (r *record) set(key string, value any) { r.members = append(r.members, member{key, value}) }

// say adds to both.
func (r *record) say(key, format string, value any) {
	r.set(key, value)
	r.printf(format, value)
}

// MarshalJSON writes an object.
func (m members) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, one := range m {
		if i > 0 {
			b = append(b, ',')
		}
		value, err := json.Marshal(one.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(append(b, '"'), one.key...), '"', ':'), value...)
	}
	return append(b, '}'), nil
}

// output is how records are written: as text, each in one or more lines; with -o each in one; with -j all
// together as one array of JSON.
type output struct {
	to      io.Writer
	json    bool // -j
	pretty  bool // -p
	oneline bool // -o
	all     []members
}

// write writes a record, or with -j keeps it.
func (o *output) write(r *record) {
	if o.json {
		o.all = append(o.all, r.members)
		return
	}
	text := r.text.String()
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
	if o.all == nil {
		o.all = []members{}
	}
	e := json.NewEncoder(o.to)
	if o.pretty {
		e.SetIndent("", "    ")
	}
	return e.Encode(o.all)
}
