package toml

import "github.com/gatehouse-os/gatehouse/site/internal/source"

// Str is a string with its place, quotes included.
type Str struct {
	Text string
	At   source.Span
}

// OK reports whether the key is there.
func (v Str) OK() bool { return v.At.OK() }

// Part returns the place of n bytes of the string from offset i. A string that was
// written with escapes keeps its whole place.
func (v Str) Part(i, n int) source.Span {
	if v.At.End-v.At.Off != len(v.Text)+2 {
		return v.At
	}
	off := v.At.Off + 1 + i
	return v.At.File.Span(off, off+n)
}

// Int is an integer with its place.
type Int struct {
	Value int64
	At    source.Span
}

// OK reports whether the key is there.
func (v Int) OK() bool { return v.At.OK() }

// List is a list of strings; its own place is that of its key.
type List struct {
	Items []Str
	At    source.Span
}

// OK reports whether the key is there.
func (v List) OK() bool { return v.At.OK() }

// Bool is true or false with its place.
type Bool struct {
	Value bool
	At    source.Span
}

// OK reports whether the key is there.
func (v Bool) OK() bool { return v.At.OK() }

// Many is one string or a list of strings.
type Many struct{ List }

// Options is DHCP options by name or number.
type Options struct {
	Entries []Option
	At      source.Span
}

// Option is one option: its name as it was written, and its values.
type Option struct {
	Name   Str
	Values []Str       // numbers and booleans as text
	Quoted bool        // all of the values are strings
	At     source.Span // of the value
}

// PortRange is a port or a range of them, as text.
type PortRange struct{ Str }

// Dict is a table whose keys the site chooses, each with one string or more.
type Dict struct {
	Entries []Definition
}

// Definition is one key of a Dict.
type Definition struct {
	Name  Str
	Value Many
}
