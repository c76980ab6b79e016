package plan

import (
	"slices"
	"strings"
	"testing"
)

// TestHookChanges: what a person is told of hooks that come, change, go, and run in another order.
func TestHookChanges(t *testing.T) {
	hooks := func(words string) (all []Hook) { // NAME=CONTENT
		for _, w := range strings.Fields(words) {
			name, content, _ := strings.Cut(w, "=")
			all = append(all, Hook{name, []byte(content)})
		}
		return all
	}
	for _, tc := range []struct {
		a, b string
		want []string
	}{
		{"a=1 b=1", "a=1 b=1", nil},
		{"", "a=1", []string{"hook a is new"}},
		{"a=1 b=1", "b=1", []string{"hook a is gone"}},
		{"a=1 b=1", "a=2 b=1", []string{"hook a is changed"}},
		{"a=1 b=1", "b=1 a=1", []string{"hooks run in another order"}},
		{"a=1 b=1", "c=1 b=2 a=1", []string{"hook c is new", "hook b is changed", "hooks run in another order"}},
		{"a=1 b=1 c=1", "x=1 a=1 c=1", []string{"hook x is new", "hook b is gone"}},
	} {
		if got := hookChanges(hooks(tc.a), hooks(tc.b)); !slices.Equal(got, tc.want) {
			t.Errorf("%q to %q: %q", tc.a, tc.b, got)
		}
	}
}
