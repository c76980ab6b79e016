package cli

import (
	"encoding"
	"encoding/json"
	"io"
	"reflect"
)

// JSON writes v for programs, indented because people read it too. Lists and maps that are nil are empty ones
// in it, never null; what v points to has them empty afterwards.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(filled(v))
}

// JSONLine is JSON in one line, for what comes bit by bit.
func JSONLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(filled(v))
}

// filled returns v with empty lists and maps where they are nil.
func filled(v any) any {
	if v == nil {
		return nil
	}
	c := reflect.New(reflect.TypeOf(v)).Elem()
	c.Set(reflect.ValueOf(v))
	fill(c)
	return c.Interface()
}

// fill fills an addressable value. What writes itself is left to itself.
func fill(v reflect.Value) {
	switch v.Addr().Interface().(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			v.Set(reflect.ValueOf(filled(v.Interface())))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous && f.Type.Kind() == reflect.Struct {
				fillField(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		fillMap(v)
	}
}

// fillField fills a field, of which an embedded struct of an unexported type has no interface.
func fillField(v reflect.Value) {
	if v.CanInterface() {
		fill(v)
		return
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			fill(v.Field(i))
		}
	}
}

// fillMap fills the values of a map, which have no addresses.
func fillMap(v reflect.Value) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, key := range v.MapKeys() {
		c := reflect.New(v.Type().Elem()).Elem()
		c.Set(v.MapIndex(key))
		fill(c)
		v.SetMapIndex(key, c)
	}
}
