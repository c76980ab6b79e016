package print

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
)

// time writes whom the appliance follows.
func (p *printer) time(n model.NTP) {
	if !n.On() {
		return
	}
	p.heading("Time")
	for _, s := range n.Servers {
		kind := "server"
		if s.Pool {
			kind = "pool"
		}
		p.row(kind, s.String())
	}
	if n.WAN {
		p.row("servers", "those that the provider names")
	}
	if n.LocalStratum != 0 {
		p.row("by itself", fmt.Sprintf("at stratum %d, while it follows nobody", n.LocalStratum))
	}
	limit := "only when the appliance starts"
	if n.StepLimit != 0 {
		limit = "by more than " + shortDuration(n.StepLimit) + ", and when the appliance starts"
	}
	p.row("is set", limit)
}
