package trace

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A printer prints results as traceroute does, each when it is known.
type printer struct {
	ctx     context.Context
	w       *command.Writer
	numeric bool
	showTTL bool
	names   names
	last    netip.Addr // that was printed in this line
	within  bool       // a line
}

func (p *printer) show(r result) error {
	if r.try == 0 {
		fmt.Fprintf(p.w, "%2d", r.hop)
		p.last, p.within = netip.Addr{}, true
	}
	if r.answer == nil {
		fmt.Fprint(p.w, "  *")
	} else {
		p.answer(r)
	}
	if r.end {
		p.endLine()
	}
	return p.w.Flush()
}

func (p *printer) answer(r result) {
	if a := r.answer; a.from != p.last {
		fmt.Fprintf(p.w, "  %s", p.who(a.from))
		p.last = a.from
	}
	us := r.took.Microseconds()
	fmt.Fprintf(p.w, "  %d.%03d ms", us/1000, us%1000)
	if p.showTTL && r.answer.ttl > 0 {
		fmt.Fprintf(p.w, " (%d)", r.answer.ttl)
	}
	if r.answer.mark != "" {
		fmt.Fprintf(p.w, " %s", r.answer.mark)
	}
}

// who is a router: its name, if names are asked for, and its address.
func (p *printer) who(addr netip.Addr) string {
	if p.numeric {
		return addr.String()
	}
	_ = p.w.Flush() // to be read while the name is waited for
	return fmt.Sprintf("%s (%v)", p.names.of(p.ctx, addr), addr)
}

func (p *printer) endLine() {
	if p.within {
		fmt.Fprintln(p.w)
		p.within = false
	}
}
