package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// Status is what `gatehouse status --json` prints.
type Status struct {
	Machine  machine.Facts      `json:"machine"`
	Box      Box                `json:"box"`
	Links    []Link             `json:"links"`
	Gateways []Gateway          `json:"gateways"` // that the site wants, or the lease of its way out
	Services []supervise.Status `json:"services"`
	DHCP     *run.Status        `json:"dhcp,omitempty"` // nil: it does not answer
	// nil: the address is the site's own, or it does not answer
	WAN    *wanrun.Status    `json:"wan,omitempty"`
	Tunnel *tunnelrun.Status `json:"tunnel,omitempty"` // nil: there is none, or it does not answer
	IPv6   *plan.IPv6        `json:"ipv6,omitempty"`   // nil: no LAN has any, or it is not known
	// nil: no time is kept, or its service does not answer
	Time   *ntprun.Status `json:"time,omitempty"`
	Heard  []Heard        `json:"heard"`            // from init and the services that run
	Shares *Shares        `json:"shares,omitempty"` // of the conversations; nil: init does not say
	// Authorities is when the list of certificate authorities was made.
	Authorities time.Time `json:"authorities,omitzero"`
	Problems    []string  `json:"problems"` // everything that is wrong, for people
}

// Heard is what came of asking one process of the appliance whether it is well.
type Heard struct {
	Service string `json:"service"`
	Answers bool   `json:"answers"`
}

// Gateway is a default route of the site, or of the lease of its way out.
type Gateway = plan.Gateway

// patience is how long all together may take to answer status, which is on the screen within two seconds
// whatever anybody does.
const patience = 1500 * time.Millisecond

// status prints the appliance on one screen.
func status(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if _, err := cli.Options(flags, args, 0); err != nil {
		return err
	}
	st := collect(ctx, env)
	show := st.print
	if *asJSON {
		show = func(w io.Writer) error { return cli.JSON(w, st) }
	}
	if err := show(env.Stdout); err != nil {
		return err
	}
	if len(st.Problems) > 0 {
		return cli.ErrProblems
	}
	return nil
}

// serves reports whether a service is there for its clients: also while it takes another configuration.
func serves(s supervise.Status) bool {
	return s.State == supervise.Ready || s.State == supervise.Reloading
}

// siteAsItIs reads the outline of the site, and looks at what of it the kernel has.
func (e Env) siteAsItIs() (siteAnswer, error) {
	o, err := e.outline()
	if err != nil {
		return siteAnswer{}, fmt.Errorf("the site is not readable: %w", err)
	}
	return siteAnswer{e.Links(o), o.Gateways, o.IPv6}, nil
}

// outline is that of the site that runs; before one does, it is made of the one that will.
func (e Env) outline() (plan.Outline, error) {
	o, err := shown.ReadOutline(e.RunDir)
	if !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	s, err := e.Site()
	if err != nil {
		return plan.Outline{}, err
	}
	learned, err := shown.ReadLearned(e.RunDir)
	if o = plan.OutlineOf(s, learned); err != nil {
		o.IPv6 = nil // it is not known
	}
	return o, nil
}

// clean makes safe for a terminal what services have said.
func (st *Status) clean() {
	for i := range st.Services {
		s := &st.Services[i]
		s.LastExit = plain(s.LastExit)
		for i, words := range s.LastWords {
			s.LastWords[i] = plain(words)
		}
	}
	for i, p := range st.Box.Problems {
		st.Box.Problems[i] = plain(p)
	}
}

// why says in a few words how a service that is not ready came to that.
func why(s supervise.Status) string {
	words := s.LastExit
	if n := len(s.LastWords); n > 0 {
		words = strings.TrimSpace(words + ", " + s.LastWords[n-1])
	}
	if words == "" {
		return "since " + cli.Span(s.Since)
	}
	return words
}
