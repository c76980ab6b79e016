package arith

import (
	"errors"
	"testing"
)

type variables map[string]string

func (v variables) Get(name string) (string, error) { return v[name], nil }

func (v variables) Set(name, value string) error {
	if name == "readonly" {
		return errors.New("readonly: is read only")
	}
	v[name] = value
	return nil
}

func TestEval(t *testing.T) {
	for _, tt := range []struct {
		expr string
		want int64
		err  string
	}{
		{"", 0, ""},
		{"1 + 2 * 3 ** 2", 19, ""},
		{"(1 + 2) * -3", -9, ""},
		{"x = 5, x += 2, x++ + ++x", 16, ""},
		{"0x1f + 017 + 2#101 + 36#z", 86, ""},
		{"1 ? 2 : y = 3", 2, ""},
		{"unset", 0, ""},
		{"expr * 2", 6, ""},
		{"0 && 1 / 0", 0, ""},
		{"1 << 3 | 1 & ~0", 9, ""},
		{"1 / 0", 0, "divide by zero"},
		{"readonly = 1", 0, "readonly: is read only"},
		{"loop", 0, "expression recursion loop detected"},
		{"1 +", 0, "arithmetic syntax error"},
		{"08", 0, "arithmetic syntax error"},
		{"0b1", 0, "arithmetic syntax error"},
		{"(1", 0, "arithmetic syntax error"},
		{"1 2", 0, "arithmetic syntax error"},
		{"5 = 1", 0, "arithmetic syntax error"},
	} {
		got, err := Eval(tt.expr, variables{"expr": "1 + 2", "loop": "loop + 1"})
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != tt.err || err == nil && got != tt.want {
			t.Errorf("%s: %d, %q; want %d, %q", tt.expr, got, text, tt.want, tt.err)
		}
	}
}

// FuzzEval checks that each expression comes to an end.
func FuzzEval(f *testing.F) {
	for _, seed := range []string{"1+2", "((((", "x=y=z", "a?b:c?d:e", "- - -1", "2**2**2", "x<<=1", "1,2,", "99#z", "loop", "x++ + x--"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		if n, err := Eval(expr, variables{"loop": "loop + 1", "x": "3"}); err != nil && n != 0 && err.Error() == "" {
			t.Errorf("%q: an error without words", expr)
		}
	})
}
