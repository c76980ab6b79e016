package toml

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/gatehouse-os/gatehouse/internal/nearest"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// decoder puts a document into the types of tables. It is strict: an unknown key, a
// value of another type, and a required key that is missing are problems.
type decoder struct {
	problem *source.Reporter
	keys    map[string]Key // by path
	whole   bool           // all of the document was read, so what is not there is missing
}

// Decode reads site.toml. What is wrong it reports as a problem; whole is false if a part of the file could
// not be read, so that what is not in raw may stand there.
func Decode(src *source.File, problem *source.Reporter) (raw Site, whole bool) {
	root, whole := readDocument(src, problem)
	d := &decoder{problem: problem, keys: map[string]Key{}, whole: whole}
	for _, k := range Keys() {
		d.keys[k.Path()] = k
	}
	d.table(root, "", "at the top of the file", reflect.ValueOf(&raw).Elem())
	return raw, d.whole
}

// table decodes a table into its struct. The path is "" for the document, and
// where says in a message which table it is.
func (d *decoder) table(n *node, path, where string, into reflect.Value) {
	into.FieldByName("At").Set(reflect.ValueOf(n.at))
	fields, names := tableFields(into)
	for _, e := range n.entries {
		if field, ok := fields[e.key]; ok {
			d.value(e, join(path, e.key), field)
		} else {
			d.unknown(e, path, where, names)
		}
	}
	for _, name := range names {
		if key := d.keys[join(path, name)]; key.Required && d.whole && n.entry(name) == nil {
			d.missing(n, key)
		}
	}
}

// tableFields returns the fields of a table by their keys, those of the structs
// embedded in it too, and the keys in order.
func tableFields(of reflect.Value) (fields map[string]reflect.Value, names []string) {
	fields = map[string]reflect.Value{}
	for i := range of.NumField() {
		field := of.Type().Field(i)
		name := field.Tag.Get("toml")
		switch {
		case field.Anonymous:
			more, its := tableFields(of.Field(i))
			maps.Copy(fields, more)
			names = append(names, its...)
		case name != "-":
			fields[name] = of.Field(i)
			names = append(names, name)
		}
	}
	return fields, names
}

func (d *decoder) value(e *entry, path string, field reflect.Value) {
	key := d.keys[path]
	switch into := field.Addr().Interface().(type) {
	case *Str:
		if d.kind(e, e.value, key, unstable.String) {
			*into = Str{e.value.text, e.value.at}
		}
	case *Int:
		if d.kind(e, e.value, key, unstable.Integer) {
			*into = d.integer(e.value)
		}
	case *List:
		if d.kind(e, e.value, key, unstable.Array) {
			*into = d.list(e, key)
		}
	case *Bool:
		if d.kind(e, e.value, key, unstable.Bool) {
			*into = Bool{e.value.text == "true", e.value.at}
		}
	case *Many:
		*into = Many{d.many(e, key)}
	case *Options:
		if d.kind(e, e.value, key, unstable.InlineTable) {
			*into = d.optionTable(e)
		}
	case *PortRange:
		if e.value.kind == unstable.Integer || d.kind(e, e.value, key, unstable.String) {
			*into = PortRange{Str{e.value.text, e.value.at}}
		}
	case *Dict:
		*into = d.dict(e, path)
	default:
		d.tables(e, path, field)
	}
}

// tables decodes what is a table or a list of tables.
func (d *decoder) tables(e *entry, path string, field reflect.Value) {
	if field.Kind() != reflect.Slice {
		if e.value.kind == unstable.InlineTable {
			d.table(e.value, path, "in ["+path+"]", field)
			return
		}
		d.problem.At(e.at, "%s is %s; expected one table [%s]", path, describe(e.value), path)
		return
	}
	items := e.value.items
	if !e.value.listed {
		d.problem.At(e.at, "%s is %s; expected a table with two brackets, [[%s]]", path, describe(e.value),
			path)
		items = nil
	}
	if most := mostTables(path); len(items) > most {
		d.problem.At(items[most].at, "there are %d [[%s]]; expected at most %d", len(items), path, most)
		items, d.whole = items[:most], false
	}
	field.Set(reflect.MakeSlice(field.Type(), len(items), len(items)))
	for i, item := range items {
		d.table(item, path, "in [["+path+"]]", field.Index(i))
	}
}

// kind reports whether a value has the kind that its key wants, and if not says so.
func (d *decoder) kind(e *entry, n *node, key Key, want unstable.Kind) bool {
	if n.kind == want && !n.listed {
		return true
	}
	at := n.at
	if n.kind == unstable.InlineTable {
		at = e.at
	}
	d.problem.At(at, "%s is %s; expected %s such as %s", key.Name, describe(n), withArticle(key.Type),
		key.Example)
	return false
}

func (d *decoder) integer(n *node) Int {
	value, err := strconv.ParseInt(n.text, 0, 64)
	if err != nil { // the document's own check has reported it if the number is none
		return Int{}
	}
	return Int{value, n.at}
}

func (d *decoder) list(e *entry, key Key) List {
	l := List{At: e.at}
	for _, item := range d.bounded(e, e.value.items) {
		if item.kind == unstable.String {
			if !d.oneValue(key, item) {
				return List{}
			}
			l.Items = append(l.Items, Str{item.text, item.at})
			continue
		}
		d.problem.At(item.at, "%s has %s in its list; expected strings, as in %s", key.Name, describe(item),
			key.Example)
	}
	return l
}

// Dict reads a table whose keys the site chooses.
func (d *decoder) dict(e *entry, path string) Dict {
	if e.value.kind != unstable.InlineTable {
		d.problem.At(e.at, "%s is %s; expected one table [%s]", path, describe(e.value), path)
		return Dict{}
	}
	all := Dict{}
	for _, inner := range e.value.entries {
		if whole := dotted(inner); whole != inner.key {
			d.problem.At(inner.at, `%s: %s has dots and no quotes; expected "%s" = …`, path, whole, whole)
			continue
		}
		value := Many{d.many(inner, d.keyOf(path))}
		all.Entries = append(all.Entries, Definition{Str{inner.key, inner.at}, value})
	}
	return all
}

// dotted returns a key with those behind it that dots have made tables of.
func dotted(e *entry) string {
	if n := e.value; n.kind == unstable.InlineTable && !n.stated && len(n.entries) == 1 {
		return e.key + "." + dotted(n.entries[0])
	}
	return e.key
}

// keyOf documents the keys of a table that has only one kind of them.
func (d *decoder) keyOf(path string) Key {
	for known, key := range d.keys {
		if strings.HasPrefix(known, path+".") {
			return key
		}
	}
	return Key{}
}

// unknown reports a key that a table does not have, with what may have been meant. What that is, is not
// missing then.
func (d *decoder) unknown(e *entry, path, where string, names []string) {
	isTable := e.value.kind == unstable.InlineTable || e.value.listed
	if !d.problem.Shown() { // nobody reads what it may have been meant for
		d.whole = d.whole && !isTable
		d.problem.At(e.at, "unknown key %q %s", e.key, where)
		return
	}
	near, other := Nearest(e.key, names), meant(path, e.key)
	key, _, _ := strings.Cut(cmp.Or(other, near), ",")
	// Of some tables any one key is required, and it may be this.
	if isTable || d.keys[join(path, key)].Required || path == "record" || path == "host" {
		d.whole = false
	}
	in := elsewhere(e.key)
	if in != "" && len(near) != len(e.key)+1 && len(near) != len(e.key)-1 {
		near = "" // no letter more or less of a key that is here
	}
	switch {
	// the header above it is missing
	case path == "" && !isTable && in != "" && (other == "" || other[0] == '['):
		d.problem.At(e.at, "unknown key %q %s; it is a key of %s", e.key, where, in)
	case strings.HasPrefix(other, "["):
		d.problem.At(e.at, "unknown key %q %s; did you mean %s?", e.key, where, other)
	case strings.Contains(other, " "):
		d.problem.At(e.at, "unknown key %q %s; expected %s", e.key, where, other)
	case other != "":
		d.problem.At(e.at, "unknown key %q %s; did you mean %q?", e.key, where, other)
	case near != "":
		d.problem.At(e.at, "unknown key %q %s; did you mean %q?", e.key, where, near)
	case in != "":
		d.problem.At(e.at, "unknown key %q %s; it is a key of %s", e.key, where, in)
	default:
		d.problem.At(e.at, "unknown key %q %s; expected %s", e.key, where, OneOf(names))
	}
}

func (d *decoder) missing(n *node, key Key) {
	if !n.at.OK() {
		d.problem.AtFile("site.toml", "has no %s; expected a line such as %s = %s", key.Name, key.Name,
			key.Example)
		return
	}
	d.problem.At(n.at, "%s has no %s; expected a line such as %s = %s", key.Table, key.Name, key.Name,
		key.Example)
}

// describe names what a value is, with its article.
func describe(n *node) string {
	switch n.kind {
	case unstable.String:
		return "a string"
	case unstable.Integer:
		return "an integer"
	case unstable.Float:
		return "a float"
	case unstable.Bool:
		return "a boolean"
	case unstable.Array:
		if n.listed {
			return "a list of tables"
		}
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return "a date or time"
}

func withArticle(noun string) string {
	if strings.HasPrefix(noun, "i") {
		return "an " + noun
	}
	return "a " + noun
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// OneOf lists words as in "a, b or c".
func OneOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return fmt.Sprintf("%s or %s", strings.Join(words[:last], ", "), words[last])
}

// Nearest returns the word that s is likely a misspelling or the beginning of, "" if
// there is none.
func Nearest(s string, words []string) string { return nearest.Word(s, words) }
