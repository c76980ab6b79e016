package admin

import (
	"fmt"
	"go/ast"
	"go/types"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestJSONTypes walks the types of all that is written as JSON: a time has its unit in its name. All of it is
// written by package cli, where no list is null.
func TestJSONTypes(t *testing.T) {
	const module = "github.com/gatehouse-os/gatehouse/"
	const cli = module + "appliance/admin/cli"
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports |
		packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedExportFile}, module+"appliance/admin/...")
	if err != nil {
		t.Fatal(err)
	}
	written := 0
	w := jsonWalk{t: t, seen: map[types.Type]bool{}}
	for _, p := range loaded {
		for _, e := range p.Errors {
			t.Error(e)
		}
		for _, file := range p.Syntax {
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				selector, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				f, ok := p.TypesInfo.Uses[selector.Sel].(*types.Func)
				if !ok || f.Pkg() == nil {
					return true
				}
				where := fmt.Sprint(p.Fset.Position(call.Pos()))
				switch name := f.Pkg().Path() + "." + f.Name(); {
				case name == cli+".JSON" || name == cli+".JSONLine":
					written++
					w.walk(p.TypesInfo.TypeOf(call.Args[1]), where)
				case p.PkgPath != cli && slices.Contains([]string{"encoding/json.Marshal", "encoding/json.MarshalIndent", "encoding/json.Encode"}, name):
					t.Errorf("%s writes JSON by itself; cli.JSON and cli.JSONLine have no null for an empty list", where)
				}
				return true
			})
		}
	}
	if written < 20 {
		t.Errorf("%d are written, want 20 at least: nothing was looked at", written)
	}
	t.Logf("%d are written, of %d types", written, len(w.seen))
}

type jsonWalk struct {
	t    *testing.T
	seen map[types.Type]bool
}

// walk looks at a type and all below it; where says how it was reached.
func (w jsonWalk) walk(typ types.Type, where string) {
	if w.seen[typ] || writesItself(typ) {
		return
	}
	w.seen[typ] = true
	switch u := typ.Underlying().(type) {
	case *types.Pointer:
		w.walk(u.Elem(), where)
	case *types.Slice:
		w.walk(u.Elem(), where)
	case *types.Array:
		w.walk(u.Elem(), where)
	case *types.Map:
		w.walk(u.Elem(), where)
	case *types.Interface:
		w.t.Errorf("%s: what is in an interface cannot be looked at", where)
	case *types.Struct:
		for i := range u.NumFields() {
			w.field(u.Field(i), reflect.StructTag(u.Tag(i)).Get("json"), where)
		}
	}
}

func (w jsonWalk) field(f *types.Var, tag, where string) {
	name, _, _ := strings.Cut(tag, ",")
	if tag == "-" || !f.Exported() && !f.Embedded() {
		return
	}
	if name == "" {
		name = f.Name()
	}
	where += " " + name
	if isTime(f.Type()) && !slices.ContainsFunc([]string{"_ns", "_ms", "_seconds"}, func(unit string) bool { return strings.HasSuffix(name, unit) }) {
		w.t.Errorf("%s is a time, and its name has no unit: _ns for a time.Duration", where)
	}
	w.walk(f.Type(), where)
}

// isTime says whether a field holds durations.
func isTime(typ types.Type) bool {
	if types.TypeString(typ, nil) == "time.Duration" {
		return true
	}
	switch u := typ.Underlying().(type) {
	case *types.Pointer:
		return isTime(u.Elem())
	case *types.Slice:
		return isTime(u.Elem())
	case *types.Map:
		return isTime(u.Elem())
	}
	return false
}

// writesItself says whether a type has a text or JSON of its own.
func writesItself(typ types.Type) bool {
	for _, t := range []types.Type{typ, types.NewPointer(typ)} {
		set := types.NewMethodSet(t)
		if set.Lookup(nil, "MarshalText") != nil || set.Lookup(nil, "MarshalJSON") != nil {
			return true
		}
	}
	return false
}
