// Package admin is the gatehouse command for people: status, leases, host, apply
// and so on, the same on the console and over ssh.
//
// It asks the running services over their control sockets, reads the site for
// what should be, and prints what a person can read at a glance, or with --json
// the same facts for programs. It changes nothing itself but bans: another site is
// process 1's to apply. A service that does not
// answer is shown as such and does not keep the rest from being shown.
package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
	"github.com/gatehouse-os/gatehouse/appliance/admin/dns"
	"github.com/gatehouse-os/gatehouse/appliance/admin/ipv6"
	"github.com/gatehouse-os/gatehouse/appliance/admin/tunnel"
	"github.com/gatehouse-os/gatehouse/appliance/admin/wan"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/site"
)

// InitService is the name of process 1 on the control sockets.
const InitService = "init"

// Env is where a command finds the appliance.
type Env struct {
	Stdout, Stderr io.Writer
	RunDir         string                        // the directory of the control sockets
	Site           func() (*site.Site, error)    // the site that the appliance was made from
	Links          func(plan.Outline) []Link     // the site's links as they are: ReadLinks
	Machine        func() (machine.Facts, error) // ReadMachine
	Now            func() time.Time
	Kernel         Kernel // the packet filter: ThisKernel
	// with who answers at once; 0: 5 s, and 1.5 s for all together that status asks
	Patience      time.Duration
	SSHConnection string // $SSH_CONNECTION of who asks, "" on the console
	Stdin         io.Reader
	Image         fs.FS      // the site of the disk
	KeptDir       string     // of the sites that were applied
	Person        box.Person // who asks
	Authorities   time.Time  // when the list of certificate authorities was made; 0: not known
}

// silence is when who is asked is taken to hang: everybody answers at once, but for what changes the box.
const silence = 5 * time.Second

// ask calls one method of a service.
func (e Env) ask(ctx context.Context, service, method string, args, result any) error {
	return e.askFor(ctx, cmp.Or(e.Patience, silence), service, method, args, result)
}

// askFor is ask for an answer that may take longer.
func (e Env) askFor(ctx context.Context, within time.Duration, service, method string, args,
	result any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("no answer within %v", within))
	defer cancel()
	return control.Call(ctx, e.RunDir, service, method, args, result)
}

// list calls each for every line that a service has, or if it follows for all to come too. Who has no more to
// say has to say so.
func (e Env) list(ctx context.Context, service, method string, args any, follow bool,
	each func(json.RawMessage) error) error {
	if follow {
		return control.Stream(ctx, e.RunDir, service, method, args, each)
	}
	return control.StreamWithin(ctx, cmp.Or(e.Patience, silence), e.RunDir, service, method, args, each)
}

// command is one word of the gatehouse command, with sub the beginning of several, or both.
type command struct {
	name, usage, what string
	run               func(ctx context.Context, env Env, args []string) error
	sub               []command
}

func commands() []command {
	return []command{
		{name: "status", usage: "[--json]", what: "one screen: networks, machine, services, what is wrong",
			run: status},
		{name: "leases", usage: "[-a] [--json]",
			what: "who is here; with -a also who was (over IPv6: ipv6 hosts)", run: leases},
		{name: "host", usage: "NAME [--json | --xl[=hvm|pvh|pv] | --target[=tgt|lio]] [--site DIR]",
			what: "everything derived for one host, and its lease; or the host as a Xen domain, or its iSCSI target", run: host},
		{name: "dhcp", usage: "[why [-v] [NAME|ADDRESS|MAC]] [--json]",
			what: "what the DHCP server does, or why a client got what it got", run: dhcpCommand},
		{name: "apply", usage: "[DIR | -] [--within 60s] [--dry-run] [--strict] [-m TEXT]",
			what: "make the box another site, on trial until it is confirmed; - reads a tar archive",
			run:  apply},
		{name: "confirm", usage: "[N]", what: "keep the site that is on trial; over a new connection",
			run: confirm},
		{name: "rollback", usage: "[N | image] [--within 60s]",
			what: "take back what is on trial, or go back to another site", run: rollback},
		{name: "history", usage: "[--json]", what: "the sites that the box was: who, when, from where, what",
			run: history},
		{name: "diff", usage: "FROM [TO]",
			what: "what changes between two sites: running, image, N, DIR or -", run: diffSites},
		{name: "site", usage: "DIR [running | image | N]",
			what: "write a site into a directory, to be changed and applied", run: writeSite},
		{name: "dns", usage: "[-a] [--json]", what: "what the DNS server does", run: ofDNS(dns.Status),
			sub: dnsCommands()},
		{name: "wan", usage: "[-n EVENTS] [--json]",
			what: "the way out: address, lease, gateway, and what happened",
			run:  ofWAN(wan.Status), sub: wanCommands()},
		{name: "ipv6", usage: "[--json]", what: "IPv6: prefixes, ways out, and what hosts are told",
			run: ofIPv6(ipv6.Status), sub: ipv6Commands()},
		{name: "tunnel", usage: "[--json]", what: "the tunnel for IPv6: is it up, and what was its broker told",
			run: ofTunnel(tunnel.Status), sub: tunnelCommands()},
		{name: "time", usage: "[--json]",
			what: "the clock: is it right, whom it follows, and what each source says",
			run:  ofTime(clock.Status), sub: timeCommands()},
		{name: "firewall", what: "the packet filter", sub: firewallCommands()},
		{name: "log", usage: "[-f] [-n LINES] [--json] [SERVICE]", what: "what the services say",
			run: showLog},
	}
}

// Run executes the gatehouse command with args (without the program's name) and
// returns its exit status: 0, 1 when it failed or status shows a problem, 2 when it was
// not understood.
//
// Whatever a service, a site or the kernel says, no terminal acts on it: all output goes out by
// [printable.Output].
func Run(ctx context.Context, env Env, args []string) int {
	env.Stdout, env.Stderr = printable.Output(env.Stdout), printable.Output(env.Stderr)
	switch {
	case len(args) > 0 && args[0] == completeWord:
		complete(ctx, env, env.Stdout, args[1:])
		return 0
	case len(args) == 1 && args[0] == greetWord:
		greet(ctx, env, env.Stdout)
		return 0
	}
	return dispatch(ctx, env, "gatehouse", commands(), args)
}
