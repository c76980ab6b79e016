package cli

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

type inner struct{ List []string }

type sample struct {
	inner
	None   []int
	Left   []int `json:"left,omitempty"`
	Struct struct{ List []inner }
	Ptr    *inner
	Nil    *inner
	Any    any
	Map    map[string]inner
	NoMap  map[string]int
	Array  [1]inner
	Raw    json.RawMessage
	Addr   netip.Addr
	When   time.Time
	hidden []int
}

// TestJSON: no list is null, wherever it is; what is left out when it is empty is left out.
func TestJSON(t *testing.T) {
	s := sample{Ptr: &inner{}, Any: inner{}, Map: map[string]inner{"a": {}}, hidden: nil}
	s.Struct.List = []inner{{}}
	var out strings.Builder
	if err := JSON(&out, s); err != nil {
		t.Fatal(err)
	}
	const want = `{"List":[],"None":[],"Struct":{"List":[{"List":[]}]},"Ptr":{"List":[]},"Nil":null,"Any":{"List":[]},` +
		`"Map":{"a":{"List":[]}},"NoMap":{},"Array":[{"List":[]}],"Raw":null,"Addr":"","When":"0001-01-01T00:00:00Z"}`
	if got := strings.NewReplacer("\n", "", " ", "").Replace(out.String()); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for v, want := range map[any]string{nil: "null\n", (*inner)(nil): "null\n"} {
		out.Reset()
		if err := JSON(&out, v); err != nil || out.String() != want {
			t.Errorf("%v: %s, %v", v, &out, err)
		}
	}
	out.Reset()
	if err := JSON(&out, []string(nil)); err != nil || out.String() != "[]\n" {
		t.Errorf("%s, %v", &out, err)
	}
}
