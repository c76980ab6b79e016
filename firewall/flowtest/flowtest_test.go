package flowtest_test

import (
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall/flowtest"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestTreeDecides asks the evaluator about the table.
func TestTreeDecides(t *testing.T) {
	s, err := site.Load(os.DirFS(flowtest.Site))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := plan.Make(s, plan.Learned{}).Firewall.Table()
	if err != nil {
		t.Fatal(err)
	}
	flows, err := flowtest.Table()
	if err != nil {
		t.Fatal(err)
	}
	if len(flows) < 100 {
		t.Errorf("%d flows", len(flows))
	}
	links, hosts := flowtest.House()
	e := flowtest.NewEvaluator(flowtest.Banned(tree), links, hosts)
	for _, f := range flows {
		if err := e.Check(f); err != nil {
			t.Error(err)
		}
	}
}
