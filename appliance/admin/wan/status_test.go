package wan_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/inet"
	facts "github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/hooks"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

const static = "[wan]\ninterface = \"eth0\"\nipv4 = \"198.51.100.23/24\"\ngateway = \"198.51.100.1\"\n" +
	"[[route]]\nto = \"203.0.113.0/25\"\nvia = \"198.51.100.7\"\n[[route]]\nto = \"10.9.0.0/16\"\nvia = \"192.168.32.9\"\n"

// several is a site with several addresses and a card that is not like others; offLink one whose router is
// beside the network, and modem one that reaches the provider's modem beside the leased address.
const (
	several = "[wan]\ninterface = \"eth0\"\nvlan = 832\npriority = 6\nmac = \"00:16:3e:00:00:99\"\nmtu = 1492\n" +
		"ipv4 = [\"198.51.100.18/29\", \"198.51.100.20/29\", \"192.168.100.2/24\"]\ngateway = \"198.51.100.17\"\n" +
		"[[route]]\nto = \"10.8.0.0/16\"\nvia = \"192.168.100.1\"\n"
	offLink = "[wan]\ninterface = \"eth0\"\nipv4 = [\"203.0.113.5/32\", \"203.0.113.6/32\"]\ngateway = \"198.51.100.1\"\n"
	modem   = "[wan]\ninterface = \"eth0\"\nipv4 = [\"dhcp\", \"192.168.100.2/24\"]\nvlan = 7\npriority = 5\n"
)

// onVLAN is a client of eth0.7.
func onVLAN(st run.Status) run.Status {
	st.Link = "eth0.7"
	return st
}

// thin is a client on thin ice: nobody confirms its lease, it is renumbered into carrier-grade NAT, and half
// of what the provider says is of no use.
func thin() run.Status {
	return with(func(st *run.Status) {
		c := st.Client
		c.State, c.Since, c.Tries, c.Next = client.Rebinding, up-20*time.Minute, 7, up+90*time.Second
		c.Facts.Addrs = []netip.Prefix{prefix("100.72.3.4/32")}
		c.Facts.Gateway, c.Facts.OffLink = addr("100.64.0.1"), true
		c.Facts.MTU, c.Facts.NTP, c.Facts.Domain = 0, nil, ""
		c.Facts.Search = []string{"a.example", "b.example"}
		c.Facts.Routes = []facts.Route{{To: prefix("203.0.113.0/25")}, {To: prefix("203.0.113.128/25"), Via: addr("100.64.0.9"), OffLink: true}}
		c.Term = renewedAt(up - 22*time.Hour)
		c.Term.Unconfirmed = true
		c.Ignored = map[string]uint64{"not-ours": 3, "not-asked": 12}
		st.Garbage = 2
		c.Remarks = []facts.Remark{
			{About: facts.AboutResolver, Text: "resolver 192.168.32.1 is dropped: it is our own address on lan lan"},
			{About: facts.AboutRoute, Text: "the route 192.168.32.0/24 via 100.64.0.1 is dropped: it leads into lan lan, 192.168.32.0/24"},
		}
		st.Events[3] = event(22*time.Hour, client.BoundTo, client.Restarted, "100.72.3.4/32 is still ours: the lease holds for another 2h")
		st.Problems = []string{"100.72.3.4/32, cgnat from server 198.51.100.2; the lease holds for another 2h; " +
			"no server has answered 7 requests in 20m"}
	})
}

// expired is a client whose lease has ended.
func expired() run.Status {
	return with(func(st *run.Status) {
		lost(st, client.Selecting, 5*time.Minute, "servers are asked for an address; no server has offered anything for 4m 2s")
		st.Client.Tries = 7
		st.Events = append(st.Events,
			event(6*time.Minute, client.Deconfig, client.Expired, "the lease of 198.51.100.23 has ended, and server 198.51.100.2 has not renewed it"),
			event(4*time.Minute, client.LeaseFail, client.Silent, "no server has offered anything for 1m 2s"),
			event(time.Minute, client.LeaseFail, client.Silent, "no server has offered anything for 4m 2s"))
	})
}

// absent is one without its link, unplugged one without carrier.
func absent() run.Status {
	return with(func(st *run.Status) {
		st.Absent, st.Client.Carrier, st.Client.State, st.Client.Since, st.Client.Term.Unconfirmed = true, false, client.InitReboot, up-time.Minute, true
		st.Problems = []string{"198.51.100.23/24 from server 198.51.100.2; the lease holds for another 21h; there is no carrier"}
	})
}

func unplugged() run.Status {
	return with(func(st *run.Status) {
		lost(st, client.Init, time.Hour, "there is no carrier")
		st.Client.Carrier, st.Client.Next, st.Client.Heard, st.Events = false, facts.Never, 0, nil
	})
}

// infinite is one with a lease that has no end.
func infinite() run.Status {
	return with(func(st *run.Status) {
		st.Client.Term = facts.Term{Source: facts.FromDHCP, Server: addr(server), Start: up - time.Hour, Renew: facts.Never, Rebind: facts.Never, End: facts.Never}
		st.Events = st.Events[2:] // so many were there since that it is not known when it began
	})
}

func TestStatus(t *testing.T) {
	stale := answering()
	stale.State, stale.Heard = machine.Delay, 5*time.Minute
	dead := &machine.Route{Family: machine.IPv4, Via: addr("100.64.0.1"), Link: "eth0", State: machine.Incomplete}
	for _, tt := range []struct {
		name string
		box  *box
		line string
	}{
		{"bound", &box{turns: []run.Status{bound()}, route: answering()}, ""},
		{"hooks", &box{turns: []run.Status{bound()}, route: answering(), hooks: []hooks.Run{
			{Hook: "dyndns.sh", Event: hooks.Renew, Ended: up - 10*time.Minute},
			{Hook: "say", Event: hooks.Bound, Ended: up - 2*time.Hour, Problem: "exit status 1"}, {Hook: "later"},
		}}, "-n 1"},
		{"infinite", &box{turns: []run.Status{infinite()}, route: stale, noPing: inet.ErrNoReply}, "-n 1"},
		{"thin", &box{turns: []run.Status{thin()}, route: dead, noPing: inet.ErrNoReply}, "-n 50"},
		{"expired", &box{turns: []run.Status{expired()}}, ""},
		{"unplugged", &box{turns: []run.Status{unplugged()}}, ""},
		{"absent", &box{turns: []run.Status{absent()}}, "-n 0"},
		{"never", &box{turns: []run.Status{{Link: "eth0", Absent: true, Up: up}}}, ""},
		{"static", &box{toml: static, route: answering()}, ""},
		{"several", &box{toml: several, route: &machine.Route{Family: machine.IPv4, Via: addr("198.51.100.17"), Link: "eth0.832", State: machine.Reachable}}, ""},
		{"off-link", &box{toml: offLink, route: answering()}, ""},
		{"modem", &box{toml: modem, turns: []run.Status{onVLAN(bound())},
			route: &machine.Route{Family: machine.IPv4, Via: addr("198.51.100.1"), Link: "eth0.7", State: machine.Reachable}}, "-n 0"},
		{"modem-alone", &box{toml: modem, turns: []run.Status{onVLAN(expired())}}, "-n 0"},
		{"static-without-route", &box{toml: static, noPing: errors.New("network is unreachable")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := story(t, tt.box.start(t).env, tt.line)
			admintest.Golden(t, *update, "status-"+tt.name+".txt", text)
			admintest.Safe(t, text, 80)
			well := strings.Contains(text, "Everything is as it should be.\n")
			if problems := strings.Contains(text, "\n! "); problems == well || problems != strings.Contains(text, cli.ErrProblems.Error()) {
				t.Errorf("problems %v, well %v", problems, well)
			}
		})
	}
}

// TestPing: the gateway is asked by the link of the way out, and where there is none, nobody is.
func TestPing(t *testing.T) {
	for want, b := range map[string]*box{
		"198.51.100.1 eth0": {turns: []run.Status{bound()}}, "": {turns: []run.Status{expired()}}, "198.51.100.1 eth0 ": {toml: static},
	} {
		_, _ = command(t, b.start(t).env, "") // whatever is wrong
		if got := strings.Join(b.pinged, ", "); got != strings.TrimSpace(want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestGateway: what is known of it, and when that is a problem.
func TestGateway(t *testing.T) {
	for _, tt := range []struct {
		state         machine.NeighbourState
		ping          error
		line, problem string
	}{
		{machine.Reachable, nil, "answers ARP; answers a ping in 4.2 ms", ""},
		{machine.Reachable, inet.ErrNoReply, "answers ARP; ping: no reply within 1s", ""},
		{machine.Failed, nil, "does not answer ARP; answers a ping in 4.2 ms", ""},
		{machine.Failed, inet.ErrNoReply, "does not answer ARP; ping: no reply within 1s", "the gateway 198.51.100.1 on eth0 does not answer ARP"},
		{machine.Incomplete, errors.New("no\x1broute"), `does not answer ARP; ping: no\x1broute`, "the gateway 198.51.100.1 on eth0 does not answer ARP"},
		{machine.NoARP, nil, "needs no ARP; answers a ping in 4.2 ms", ""},
		{machine.Unasked, inet.ErrNoReply, "not asked by ARP; ping: no reply within 1s", ""},
	} {
		b := &box{turns: []run.Status{bound()}, route: answering(), noPing: tt.ping}
		b.route.State = tt.state
		out, err := command(t, b.start(t).env, "")
		if !strings.Contains(out, "gateway     198.51.100.1, "+tt.line+"\n") || errors.Is(err, cli.ErrProblems) != (tt.problem != "") {
			t.Errorf("%s, %v: %v\n%s", tt.state, tt.ping, err, out)
		}
		if tt.problem != "" && !strings.HasSuffix(out, "\n! "+tt.problem+"\n") {
			t.Errorf("%q is missing in\n%s", tt.problem, out)
		}
	}
}

// TestUnknownRoutes: what the kernel does not tell is said, and is a problem.
func TestUnknownRoutes(t *testing.T) {
	b := (&box{turns: []run.Status{bound()}}).start(t)
	b.env.Routes = func() ([]machine.Route, error) { return nil, errors.New("netlink: timed out") }
	out, err := command(t, b.env, "")
	if !errors.Is(err, cli.ErrProblems) || !strings.Contains(out, "not known by ARP: netlink: timed out; answers a ping\n") ||
		!strings.HasSuffix(out, "! the routes of the kernel are not known: netlink: timed out\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNoRouter(t *testing.T) {
	b := &box{turns: []run.Status{with(func(st *run.Status) {
		st.Client.Facts.Gateway, st.Client.Facts.Routes, st.Problems = netip.Addr{}, nil, []string{"nothing leads out by eth0"}
	})}}
	out, err := command(t, b.start(t).env, "")
	for _, want := range []string{"gateway     none: there is no default route\n", "\n! nothing leads out by eth0\n"} {
		if !errors.Is(err, cli.ErrProblems) || !strings.Contains(out, want) {
			t.Errorf("%v, no %q in\n%s", err, want, out)
		}
	}
}

// hostile is a service that was taken over, and says more than it should.
func hostile() run.Status {
	evil := "\x1b]0;owned\x07\n! forged\u202e\u009b31m" + strings.Repeat("x", 700)
	st := thin()
	st.Link, st.Problems = "eth\x1b0", append(make([]string, 0, 51), evil)
	for range 50 {
		st.Problems = append(st.Problems, "more")
	}
	c := st.Client
	c.Text, c.Facts.Domain, c.Facts.Search = evil, evil, []string{evil, "b.example"}
	c.Facts.DNS = append(c.Facts.DNS, addr("fe80::1%\x1b[2J\u202e"))
	c.Term.Server, c.Facts.Gateway = addr("fe80::2%\x1b[2J"), addr("fe80::3%\x1b[2J")
	c.Facts.Routes[0].Via = addr("fe80::4%\x1b[2J")
	c.Ignored = map[string]uint64{evil: 1}
	c.Remarks = nil
	for range 60 {
		c.Remarks = append(c.Remarks, facts.Remark{About: facts.About(evil), Text: evil})
		st.Events = append(st.Events, client.Event{Name: client.Name(evil), Cause: client.Cause(evil), Text: evil, At: -1 << 62,
			Facts: c.Facts, Term: c.Term, Remarks: c.Remarks[:1]})
		c.Facts.Routes = append(c.Facts.Routes, facts.Route{To: prefix("10.0.0.0/8")})
	}
	return st
}

// TestHostile: what strangers say neither acts on a terminal nor fills it, whatever is asked and in whatever
// form.
func TestHostile(t *testing.T) {
	st := hostile()
	after := hostile()
	after.Events = append(after.Events, event(0, client.BoundTo, client.Acknowledged, "\x1b[2J"))
	for _, line := range []string{"-n 50", "--json", "why", "why --json", "renew", "release"} {
		b := &box{turns: []run.Status{st, after}, siteErr: errors.New("\x1b[2J"), noPing: errors.New("\x1b[2J")}
		out, err := command(t, b.start(t).env, line)
		if out == "" || err != nil && !errors.Is(err, cli.ErrProblems) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		admintest.Safe(t, out, 3000)
		for text := range strings.Lines(out) {
			if strings.HasPrefix(text, "! forged") {
				t.Errorf("%s: %q", line, text)
			}
		}
		if isJSON := strings.HasSuffix(line, "--json"); isJSON != json.Valid([]byte(out)) || !utf8.ValidString(out) || len(out) > 300<<10 {
			t.Errorf("%s: %d bytes", line, len(out))
		}
	}
	b := (&box{turns: []run.Status{st}}).start(t)
	for _, line := range []string{wan.Line(must(wan.Ask(t.Context(), b.env.RunDir))), must(wan.Ask(t.Context(), b.env.RunDir)).Problems[0]} {
		admintest.Safe(t, line, 600)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestStatusJSON(t *testing.T) {
	for _, tt := range []struct {
		box  *box
		want string
		err  error
	}{
		{&box{turns: []run.Status{bound()}, route: answering()}, "dhcp 198.51.100.23 public 4.2ms 0 true", nil},
		{&box{turns: []run.Status{thin()}, route: answering()}, "dhcp 100.72.3.4 cgnat 4.2ms 2 true", cli.ErrProblems},
		{&box{toml: static, route: answering()}, "site 198.51.100.23 public 4.2ms 0 false", nil},
	} {
		out, err := command(t, tt.box.start(t).env, "--json")
		var r wan.Report
		if jsonErr := json.Unmarshal([]byte(out), &r); jsonErr != nil || !errors.Is(err, tt.err) {
			t.Fatal(jsonErr, err)
		}
		got := fmt.Sprint(r.Source, " ", r.Facts.Addrs[0].Addr(), " ", r.Kind, " ", r.Gateway.RoundTrip, " ", len(r.Problems), " ", r.Service != nil)
		if got != strings.Replace(tt.want, "public", facts.KindOf(r.Facts.Addrs[0].Addr()).String(), 1) {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// TestLine is what `gatehouse status` has of it.
func TestLine(t *testing.T) {
	private := with(func(st *run.Status) { st.Client.Facts.Addrs[0] = prefix("192.168.178.20/24") })
	public := with(func(st *run.Status) { st.Client.Facts.Addrs[0] = prefix("8.8.8.20/24") })
	released := with(func(st *run.Status) { lost(st, client.Released, time.Minute, "") })
	for want, st := range map[string]run.Status{
		"dhcp, lease for another 21h": public,
		"dhcp, lease for another 21h; private address, so forwards and a 6in4 tunnel depend on another router": private,
		"dhcp, lease for another 2h, unconfirmed; cgnat address, so forwards and a 6in4 tunnel do not work":    thin(),
		"dhcp, lease without an end; special address, not routed in the Internet":                              infinite(),
		"dhcp, no address: looks for a server":                                                                 expired(),
		"dhcp, no address: there is no carrier":                                                                unplugged(),
		"dhcp, no address: the link is not there":                                                              {Link: "eth0", Absent: true},
		"dhcp, lease for another 21h, unconfirmed; special address, not routed in the Internet":                absent(),
		"dhcp, no address: has given the lease back, and waits for gatehouse wan renew":                        released,
	} {
		if got := wan.Line(st); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestErrors: what cannot be said, and what was not meant.
func TestErrors(t *testing.T) {
	none := "[wan]\ninterface = \"eth0\"\nipv6 = \"2001:db8::2/64\"\ngateway6 = \"fe80::1\"\n"
	for _, tt := range []struct {
		box        *box
		line, want string
	}{
		{&box{}, "", "the site has no [wan]: there is no way out"},
		{&box{}, "why", "the site has no [wan]: there is no way out"},
		{&box{}, "renew", "the site has no [wan]: there is no way out"},
		{&box{toml: none}, "", "the site gives eth0 no IPv4 address, and nobody asks a provider for one: wan is not running"},
		{&box{siteErr: errors.New("site.toml:3: damaged")}, "", "the site is not readable: site.toml:3: damaged"},
		{&box{toml: static}, "renew", "the address of eth0 is the site's own, 198.51.100.23: there is no lease"},
		{&box{toml: static}, "release", "the address of eth0 is the site's own, 198.51.100.23: there is no lease"},
		{&box{turns: []run.Status{bound()}}, "now", cli.ErrUsage.Error()},
		{&box{turns: []run.Status{bound()}}, "-n x", cli.ErrUsage.Error()},
		{&box{turns: []run.Status{bound()}}, "-n -1", cli.ErrUsage.Error()},
		{&box{turns: []run.Status{bound()}}, "why now", cli.ErrUsage.Error()},
		{&box{turns: []run.Status{bound()}}, "renew eth0", cli.ErrUsage.Error()},
		{&box{turns: []run.Status{bound()}}, "release --json", cli.ErrUsage.Error()},
	} {
		out, err := command(t, tt.box.start(t).env, tt.line)
		if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" || len(tt.box.asked) > 0 {
			t.Errorf("%s: %v, want %q\n%s", tt.line, err, tt.want, out)
		}
	}
}
