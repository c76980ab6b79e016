package toml

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestKeysAreTheFields compares the reference with the fields that site.toml is
// decoded into, both ways and in order: it cannot lie about what there is.
func TestKeysAreTheFields(t *testing.T) {
	var documented []string
	for _, k := range Keys() {
		documented = append(documented, fmt.Sprintf("%s%s: %s", k.Table, k.Name, k.Type))
	}
	fields := fieldsOf(t, "", "", reflect.TypeFor[Site]())
	if got, want := strings.Join(documented, "\n"), strings.Join(fields, "\n"); got != want {
		t.Errorf("the reference has\n%s\nbut the fields are\n%s", got, want)
	}
}

// fieldsOf returns the keys of a table's struct with their types; path is that of its
// table, "" for the document, and header how the table is opened.
func fieldsOf(t *testing.T, path, header string, of reflect.Type) []string {
	t.Helper()
	types := map[reflect.Type]string{
		reflect.TypeFor[Str](): typeString, reflect.TypeFor[Int](): typeInteger, reflect.TypeFor[Bool](): typeBoolean,
		reflect.TypeFor[List](): typeStrings, reflect.TypeFor[Many](): typeMany, reflect.TypeFor[Options](): typeOptions,
		reflect.TypeFor[PortRange](): typePort,
	}
	var fields []string
	for i := range of.NumField() {
		f := of.Field(i)
		name := f.Tag.Get("toml")
		switch below := join(path, name); {
		case name == "-":
		case types[f.Type] != "":
			fields = append(fields, header+name+": "+types[f.Type])
		case f.Type == reflect.TypeFor[Dict](): // its one documented key has the name that the tag says
			fields = append(fields, "["+below+"]"+f.Tag.Get("name")+": "+typeMany)
		case f.Anonymous:
			fields = append(fields, fieldsOf(t, path, header, f.Type)...)
		case f.Type.Kind() == reflect.Slice:
			fields = append(fields, fieldsOf(t, below, "[["+below+"]]", f.Type.Elem())...)
		case f.Type.Kind() == reflect.Struct:
			fields = append(fields, fieldsOf(t, below, "["+below+"]", f.Type)...)
		default:
			t.Errorf("field %s of %s has the type %s, which is not documented", f.Name, of, f.Type)
		}
	}
	return fields
}
