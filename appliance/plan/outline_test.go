package plan_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestOutline: the reference sites have one, which survives a round trip through JSON.
func TestOutline(t *testing.T) {
	for name, links := range map[string]int{"home": 2, "office": 5} {
		s, err := site.Load(siteFiles(t, name))
		if err != nil {
			t.Fatal(err)
		}
		o := plan.OutlineOf(s, plan.Learned{})
		if len(o.Links) != links || len(o.Cards) != 2*links || len(o.Gateways) == 0 || (o.IPv6 != nil) != (name == "office") {
			t.Errorf("%s: %+v", name, o)
		}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var got plan.Outline
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%s: %v\n%+v\nwant\n%+v", name, err, got, o)
		}
	}
}
