// Package toml reads site.toml: which keys it has (Keys), and the value of each as it was written, with its
// place (Decode). It is strict: an unknown key, a value of another type and a required key that is missing
// are problems. What a value means, and whether it makes sense, is for package check to say.
package toml

import (
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// node is a value of a TOML document with its place. The decoder of go-toml stops
// at the first value of a wrong type; a tree of our own lets one run report them
// all, with the places that later checks need too.
type node struct {
	kind    unstable.Kind // String, Integer, …, Array; InlineTable for tables of every form
	at      source.Span   // for a table its header, for a list its key
	text    string        // of a string its meaning, of other scalars their spelling
	items   []*node       // of a list
	entries []*entry      // of a table, in the order of the file
	byKey   map[string]*entry
	full    bool // it had more of them than maxKeys, which are not in it
	listed  bool // a list made of [[headers]]
	stated  bool // a table with a header or braces, which may not be opened again
}

// entry is one key of a table.
type entry struct {
	key   string
	at    source.Span // of the key
	value *node
}

func (n *node) entry(key string) *entry {
	return n.byKey[key] // nil: there is none
}

// add adds a key to a table, and reports the first one too many.
func (r *documentReader) add(n *node, e *entry) {
	switch len(n.entries) {
	case 0:
		n.byKey = map[string]*entry{}
	case maxKeys:
		if !n.full {
			r.problem.At(e.at, "%q is one key too many in its table; expected at most %d", e.key, maxKeys)
		}
		n.full, r.full = true, true
		return
	}
	n.entries, n.byKey[e.key] = append(n.entries, e), e
}

// documentReader builds the tree from the expressions of the TOML parser.
type documentReader struct {
	src     *source.File
	problem *source.Reporter
	base    int // offset of the parser's text in the file
	parser  unstable.Parser
	root    *node
	current *node // the table that keys go to
	full    bool  // a table had more keys than are read
}

// readDocument returns the document as a tree. Where a line is no TOML it reports
// that and goes on with the next one that looks like a key or a header; whole is
// false then, and what is missing in the tree may stand in the part not read.
func readDocument(src *source.File, problem *source.Reporter) (root *node, whole bool) {
	root = &node{kind: unstable.InlineTable}
	r := &documentReader{src: src, problem: problem, root: root, current: root}
	whole = true
	for r.base >= 0 {
		text := []byte(src.Text)[r.base:]
		r.parser.Reset(text)
		for r.parser.NextExpression() {
			r.expression(r.parser.Expression())
		}
		err := r.parser.Error()
		if err == nil {
			break
		}
		whole = false
		at := r.errorSpan(err, text)
		r.base = r.syntaxError(err, at)
	}
	if r.full {
		whole = false
	}
	if whole && problem.Count() == 0 {
		whole = r.checkStandard()
	}
	return root, whole
}

// checkStandard leaves what the expressions do not show (tables opened in ways
// that TOML forbids, numbers out of range) to go-toml's own decoder.
func (r *documentReader) checkStandard() bool {
	var ignored map[string]any
	err := toml.Unmarshal([]byte(r.src.Text), &ignored)
	if err == nil {
		return true
	}
	at := r.src.Span(0, 0)
	var place *toml.DecodeError
	if errors.As(err, &place) {
		line, col := place.Position()
		at.Off = min(r.src.Starts[line-1]+col-1, len(r.src.Text))
		at.End = at.Off
	}
	r.problem.At(at, "this is no TOML: %s", strings.TrimPrefix(err.Error(), "toml: "))
	return false
}

func (r *documentReader) expression(e *unstable.Node) {
	switch e.Kind {
	case unstable.Table:
		r.current = r.openTable(e)
	case unstable.ArrayTable:
		r.current = r.openListed(e)
	case unstable.KeyValue:
		r.set(r.current, e)
	}
}

// openTable goes to the table of a [header].
func (r *documentReader) openTable(e *unstable.Node) *node {
	path := r.path(e)
	table := r.descend(r.root, path)
	if table == nil {
		return &node{kind: unstable.InlineTable}
	}
	at := headerSpan(path)
	if table.stated {
		r.problem.Against(at, table.at, "table [%s] is here a second time; expected all of its keys under one header", joinKeys(path))
	} else {
		table.stated, table.at = true, at
	}
	return table
}

// openListed adds a table to the list of a [[header]].
func (r *documentReader) openListed(e *unstable.Node) *node {
	path := r.path(e)
	table := &node{kind: unstable.InlineTable, at: headerSpan(path), stated: true}
	parent := r.descend(r.root, path[:len(path)-1])
	if parent == nil {
		return table
	}
	last := path[len(path)-1]
	known := parent.entry(last.key)
	if known == nil {
		list := &node{kind: unstable.Array, at: last.at, listed: true}
		known = &entry{key: last.key, at: last.at, value: list}
		r.add(parent, known)
	}
	if !known.value.listed {
		r.problem.Against(last.at, known.at, "%q is already something else than a list of tables", last.key)
		return table
	}
	known.value.items = append(known.value.items, table)
	return table
}

// set adds a key = value to a table; the key may be dotted.
func (r *documentReader) set(table *node, e *unstable.Node) {
	path := r.path(e)
	last := path[len(path)-1]
	parent := r.descend(table, path[:len(path)-1])
	if parent == nil {
		return
	}
	if known := parent.entry(last.key); known != nil {
		r.problem.Against(last.at, known.at, "%q is here a second time; expected it once", last.key)
		return
	}
	r.add(parent, &entry{key: last.key, at: last.at, value: r.value(e.Value(), last.at)})
}

// descend follows a path of keys and makes tables that are not there yet. Within
// a list of tables it goes to the latest one. It returns nil, after reporting it,
// when a key on the path is no table.
func (r *documentReader) descend(table *node, path []*entry) *node {
	for _, step := range path {
		known := table.entry(step.key)
		if known == nil {
			known = &entry{key: step.key, at: step.at, value: &node{kind: unstable.InlineTable, at: step.at}}
			r.add(table, known)
		}
		next := known.value
		if next.listed {
			next = next.items[len(next.items)-1]
		}
		if next.kind != unstable.InlineTable {
			r.problem.Against(step.at, known.at, "%q is already something else than a table", step.key)
			return nil
		}
		table = next
	}
	return table
}

// value copies a value out of the parser, which reuses its memory. A list has no
// place of its own and gets that of its key.
func (r *documentReader) value(v *unstable.Node, key source.Span) *node {
	n := &node{kind: v.Kind, at: key}
	switch v.Kind {
	case unstable.Array:
		for it := v.Children(); it.Next(); {
			n.items = append(n.items, r.value(it.Node(), key))
		}
	case unstable.InlineTable:
		n.stated = true
		for it := v.Children(); it.Next(); {
			r.set(n, it.Node())
		}
	default:
		n.at = r.span(v.Raw)
		n.text = string(v.Data)
	}
	return n
}

// path returns the parts of a key with their places.
func (r *documentReader) path(e *unstable.Node) []*entry {
	var path []*entry
	for it := e.Key(); it.Next(); {
		path = append(path, &entry{key: string(it.Node().Data), at: r.span(it.Node().Raw)})
	}
	return path
}

func (r *documentReader) span(raw unstable.Range) source.Span {
	off := r.base + int(raw.Offset)
	return r.src.Span(off, off+int(raw.Length))
}

// headerSpan is the place of a header's words, without the brackets.
func headerSpan(path []*entry) source.Span {
	at := path[0].at
	at.End = path[len(path)-1].at.End
	return at
}

func joinKeys(path []*entry) string {
	keys := make([]string, len(path))
	for i, e := range path {
		keys[i] = e.key
	}
	return strings.Join(keys, ".")
}
