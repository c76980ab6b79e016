package print

import (
	"strconv"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// tunnel writes where the tunnel leads, and how its broker is told where we are. Its key is shown to nobody.
func (p *printer) tunnel(t *model.Tunnel) {
	if t == nil {
		return
	}
	p.heading("Tunnel for IPv6")
	p.row("broker", t.Server.String(), "by protocol 41 (6in4)")
	for _, r := range t.Routed {
		p.row("routed here", r.String())
	}
	if t.MTU != 0 {
		p.row("MTU", strconv.Itoa(int(t.MTU)))
	}
	if e := t.Update; e != nil {
		p.row("told at", source.Printable(e.URL))
		p.row("tunnel", e.Tunnel, "user "+source.Printable(e.User), "key in "+source.Printable(e.File))
	}
}
