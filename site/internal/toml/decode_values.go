package toml

import (
	"strconv"

	"github.com/pelletier/go-toml/v2/unstable"
)

// many decodes one string or a list of strings.
func (d *decoder) many(e *entry, key Key) List {
	if e.value.kind == unstable.String {
		if !d.oneValue(key, e.value) {
			return List{}
		}
		return List{[]Str{{e.value.text, e.value.at}}, e.at}
	}
	if !d.kind(e, e.value, key, unstable.Array) {
		return List{}
	}
	return d.list(e, key)
}

// optionTable decodes DHCP options: a value of any simple type, or a list of them.
func (d *decoder) optionTable(e *entry) Options {
	t := Options{At: e.at}
	for _, o := range e.value.entries {
		values := []*node{o.value}
		if o.value.kind == unstable.Array && !o.value.listed {
			values = o.value.items
		}
		raw := Option{Name: Str{o.key, o.at}, Quoted: true, At: o.value.at}
		for _, n := range values {
			text, ok := scalar(n)
			if !ok {
				d.problem.At(o.at, "option %q has %s; expected a string, an integer, a boolean, or a list of these", o.key, describe(n))
				raw.Values = nil
				break
			}
			raw.Quoted = raw.Quoted && n.kind == unstable.String
			raw.Values = append(raw.Values, Str{text, n.at})
		}
		if raw.Values != nil || len(values) == 0 {
			t.Entries = append(t.Entries, raw)
		}
	}
	return t
}

// scalar returns a string, an integer in decimal, or "true" or "false".
func scalar(n *node) (text string, ok bool) {
	switch n.kind {
	case unstable.String, unstable.Bool:
		return n.text, true
	case unstable.Integer:
		value, err := strconv.ParseInt(n.text, 0, 64)
		return strconv.FormatInt(value, 10), err == nil
	}
	return "", false
}
