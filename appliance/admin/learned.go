package admin

import (
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

// plan is what a site means on this box, with what the box has learned.
func (e Env) plan(s *site.Site) (plan.Plan, error) {
	learned, err := shown.ReadLearned(e.RunDir)
	if err != nil {
		return plan.Plan{}, err
	}
	return plan.Make(s, learned), nil
}
