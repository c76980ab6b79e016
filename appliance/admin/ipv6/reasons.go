package ipv6

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/site"
)

const (
	byWAN    = site.ZoneWAN
	byTunnel = string(site.FromTunnel)
)

// configured are the names of the ways out that the site has, whether or not they lead anywhere today.
func (r *Report) configured() (names []string) {
	if w := &r.site.WAN; w.Auto6 || w.Gateway6.IsValid() {
		names = append(names, byWAN)
	}
	if r.site.Tunnel != nil {
		names = append(names, byTunnel)
	}
	return names
}

// whyDown says why a way out leads nowhere; "": it is up, as far as is known.
func (r *Report) whyDown(name string) string {
	i := slices.IndexFunc(r.Ways, func(w plan.Way6) bool { return w.Name == name })
	switch {
	case i >= 0 && r.Ways[i].Up:
		return ""
	case name == byTunnel:
		return r.whyTunnelDown()
	}
	switch six := r.wan.value.IPv6; {
	case r.wan.err != nil:
		return "its service does not say how it is: " + cut(r.wan.err.Error())
	case six == nil || six.Absent:
		return "the link is not there, or has no link-local address yet"
	case six.Discovery == nil || six.Discovery.Heard == 0:
		return "no router upstream has advertised itself"
	default:
		if router := six.Discovery.SilentRouter(); router != nil {
			return fmt.Sprintf("router %s has not answered for %s", router.Addr, cli.Span(r.Up-router.Silent))
		}
	}
	return "no router upstream offers a default route"
}

func (r *Report) whyTunnelDown() string {
	switch st := &r.tunnel.value; {
	case r.tunnel.err != nil:
		return "its service does not say how it is: " + cut(r.tunnel.err.Error())
	case st.State == tunnel6in4.StateUp:
		return "it has only just come up"
	default:
		return strings.TrimSuffix(st.Why, ".")
	}
}

// whyNone says why a source has no prefix at all.
func (r *Report) whyNone(from site.Source6) string {
	switch {
	case from == site.FromULA:
		return "the appliance has not made its prefix yet"
	case from != site.FromWAN:
		return "the site has none"
	}
	switch six := r.wan.value.IPv6; {
	case r.wan.err != nil:
		return "the service of the way out does not say how it is: " + cut(r.wan.err.Error())
	case six == nil || six.Client == nil:
		return "the link upstream is not there, or has no link-local address yet"
	default:
		return "the provider has delegated none: " + six.Client.Text
	}
}
