package wan_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	facts "github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/discover6"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

const auto = "[wan]\ninterface = \"eth0\"\nipv6 = \"auto\"\ndelegation = 56\n"

// delegated is a link that is well over IPv6.
func delegated() *run.Status6 {
	router, made, leased := addr("fe80::1"), addr("2001:db8:5:0:d8f2:b0e6:7b1b:b78b"), addr("2001:db8:5::100")
	d := facts.Delegation{Prefix: prefix("2001:db8:100::/56"), Preferred: up + 29*time.Minute, Valid: up + 59*time.Minute}
	server := dhcpv6.DUID{0, 3, 0, 1, 0, 0, 0x5e, 0, 0x53, 0x21}
	return &run.Status6{
		Discovery: &discover6.Status{
			Routers: []discover6.Router{{Addr: addr("fe80::2"), Until: up + time.Hour}, {Addr: router, Until: up + time.Hour, InUse: true}},
			Addrs:   []discover6.Address{{Addr: made, Prefix: prefix("2001:db8:5::/64"), Preferred: up + 4*time.Hour, Valid: up + 24*time.Hour}},
			Heard:   3,
		},
		Client: &client6.Status{
			State: client6.Bound, Since: up - time.Minute, Wants: true, DUID: dhcpv6.DUID{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}, Heard: up - time.Minute,
			Lease: &client6.Lease{
				Server: server, Prefixes: []facts.Delegation{d}, Renew: up + 14*time.Minute, Rebind: up + 23*time.Minute,
				Addrs: []client6.Address{{Addr: leased, Preferred: up - time.Minute, Valid: up + time.Hour}},
			},
			Text: "2001:db8:100::/56 for another 59m, 2001:db8:5::100 for another 1h",
		},
		Facts: &facts.Facts6{
			Addrs: []netip.Prefix{netip.PrefixFrom(leased, 128), netip.PrefixFrom(made, 64)}, Gateway: router, MTU: 1492,
			DNS: []netip.Addr{addr("2001:db8:5::53")}, Search: []string{"isp.example"}, Delegated: []facts.Delegation{d},
		},
		Remarks: []facts.Remark{{About: facts.AboutResolver, Text: "resolver fe80::1 is dropped: it is link-local"}},
		Events: []run.Event6{
			{Name: "router6", Text: "router fe80::1, 2001:db8:5:0:d8f2:b0e6:7b1b:b78b/64; heard from fe80::1", At: up - 2*time.Minute},
			{Name: "bound6", Cause: "answered", Text: "from server " + server.String() + ": 2001:db8:100::/56 for another 1h", At: up - time.Minute},
		},
	}
}

// mute is a link whose router does not answer any more.
func mute() *run.Status6 {
	six := delegated()
	six.Discovery.Routers = []discover6.Router{{Addr: addr("fe80::1"), Until: up + time.Hour, Silent: up - 35*time.Second, Answers: true}}
	six.Facts.Gateway, six.Remarks = netip.Addr{}, nil
	six.Events = append(six.Events, run.Event6{
		Name: "norouter6", Text: "no router, 2001:db8:5:0:d8f2:b0e6:7b1b:b78b/64; fe80::1 does not answer", At: up - 32*time.Second})
	return six
}

// alone is a service that is asked of IPv6 only.
func alone(six *run.Status6) run.Status {
	return run.Status{Link: "eth0", Static4: true, Absent: six.Absent, Up: up, IPv6: six}
}

// both is one that is asked of both families.
func both(six *run.Status6) run.Status { return with(func(st *run.Status) { st.IPv6 = six }) }

// then is six with a client that has come to another state, and a further event.
func then(six *run.Status6, state client6.State, e run.Event6) *run.Status6 {
	c := *six.Client
	c.State = state
	if state == client6.Released {
		c.Lease, c.Text = nil, "nothing is leased; it was released; it is asked for again when somebody says so"
	}
	six.Client, six.Events = &c, append(slices.Clone(six.Events), e)
	return six
}

// TestSix: the way out over IPv6, beside a lease, beside fixed addresses, and alone.
func TestSix(t *testing.T) {
	silent := &run.Status6{
		Discovery: &discover6.Status{Solicited: 4, Next: up + 8*time.Second},
		Client: &client6.Status{State: client6.Soliciting, Since: up - time.Minute, Wants: true, Tries: 5, Next: up + 30*time.Second,
			Text: "nothing is leased yet; no server has answered 5 messages in 1m"},
	}
	renewed := run.Event6{Name: "updated6", Cause: "extended", Text: "from server 00030001: 2001:db8:100::/56 for another 1h", At: up}
	given := run.Event6{Name: "unbound6", Cause: "by-hand", Text: "2001:db8:100::/56 was given back because somebody said so", At: up}
	extended := event(0, client.Renewed, client.Extended, "server 198.51.100.2 renewed 198.51.100.23/24: the lease holds for another 1d")
	unanswered := alone(mute())
	unanswered.Problems = []string{"No IPv6 leads out: router fe80::1 has not answered for 35s"}
	free := both(then(delegated(), client6.Released, given))
	lost(&free, client.Released, 0, "there is no address; it was released")
	for _, tt := range []struct {
		name  string
		box   *box
		lines []string
	}{
		{"both", &box{toml: modem, turns: []run.Status{both(delegated())}, route: answering()}, []string{"", "why"}},
		{"static", &box{toml: static,
			turns: []run.Status{alone(delegated())}, route: answering()}, []string{"", "why"}},
		{"alone", &box{toml: auto, turns: []run.Status{alone(delegated())}}, []string{"", "why"}},
		{"silent", &box{toml: auto, turns: []run.Status{alone(silent)}}, []string{"", "why", "renew"}},
		{"mute", &box{toml: auto, turns: []run.Status{unanswered}}, []string{"", "why"}},
		{"absent", &box{toml: auto, turns: []run.Status{alone(&run.Status6{Absent: true})}}, []string{"", "why", "renew"}},
		{"renew", &box{turns: []run.Status{both(delegated()), both(then(delegated(), client6.Bound, renewed)),
			after(both(then(delegated(), client6.Bound, renewed)), extended)}}, []string{"renew"}},
		{"half", &box{turns: []run.Status{both(delegated()), after(both(delegated()), extended)}}, []string{"renew"}},
		{"release", &box{turns: []run.Status{both(delegated()), both(then(delegated(), client6.Releasing, given)), free}}, []string{"release"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := story(t, tt.box.start(t).env, tt.lines...)
			admintest.Golden(t, *update, "six-"+tt.name+".txt", text)
			admintest.Safe(t, text, 80)
			if strings.Contains(text, "dhcp, ") {
				t.Error("something is said of DHCP that is not so")
			}
		})
	}
}
