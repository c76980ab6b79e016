package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// short is the patience of tests in which somebody is silent.
const short = 100 * time.Millisecond

// patiently runs a command in which somebody is silent until it says what is wanted, with more patience each
// time: who is well answers at once, which on a busy machine may be longer than short. What is not said
// within 12 s is an error.
func (a appliance) patiently(t *testing.T, args string, wanted func(stdout, stderr string, code int, within string) error) {
	t.Helper()
	var err error
	for within := short; within < 20*time.Second; within *= 5 {
		if a.patience != 0 { // else it is the command's own
			a.patience = within
		}
		stdout, stderr, code := a.command(t, strings.Fields(args)...)
		if err = wanted(unfolded(stdout), stderr, code, within.String()); err == nil {
			return
		}
	}
	t.Error(err)
}

// unfolded is a screen with each problem on one line.
func unfolded(stdout string) string { return strings.ReplaceAll(stdout, "\n  ", " ") }

// TestSilence: who does not answer keeps nobody else from being shown, and is a problem.
func TestSilence(t *testing.T) {
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	silent := func(s watchdog.Silence) func(*appliance) {
		return func(a *appliance) { a.hung, a.box.Watchdog.Silent = []string{s.Name}, []watchdog.Silence{s} }
	}
	tests := []struct {
		name      string
		change    func(*appliance)
		problem   string
		shown     []string
		unnoticed string
	}{
		{"a service", func(a *appliance) { a.hung = []string{"dhcp"} },
			"service dhcp does not answer within 100ms: if that lasts, it is started again; gatehouse log dhcp",
			[]string{"sshd: one problem", "192.0.2.1 on eth0, answers", "dhcp   silent   now\n"}, "pool"},
		{"all services", func(a *appliance) { a.hung = []string{"dhcp", "sshd"} },
			"service sshd does not answer within 100ms: if that lasts, it is started again; gatehouse log sshd",
			[]string{"service dhcp does not answer within 100ms", "up 3d 4h"}, "one problem"},
		{"its work, and not who answers beside it", func(a *appliance) { a.idle = []string{"sshd"} },
			"service sshd does not answer within 100ms: if that lasts, it is started again; gatehouse log sshd",
			[]string{"sshd   silent   now "}, "one problem"},
		{"a service that init has missed too", silent(watchdog.Silence{Name: "dhcp", For: 20 * time.Second, Next: 10 * time.Second}),
			"service dhcp has not answered for 20s: it is started again in 10s; gatehouse log dhcp",
			[]string{"dhcp   silent   for 20s\n"}, "does not answer"},
		{"one for which that was no help", silent(watchdog.Silence{Name: "sshd", For: time.Hour, Next: time.Minute, Tries: 6}),
			"service sshd has not answered for 1h: it is started again in 1m, as it was 6 times; gatehouse log sshd",
			[]string{"sshd   silent   for 1h   restarted once"}, "one problem"},
		{"one that answers again", func(a *appliance) { a.box.Watchdog.Silent = []watchdog.Silence{{Name: "dhcp", For: time.Minute}} },
			"sshd: one problem", []string{"dhcp   ready   for 3d\n"}, "! service dhcp"},
		{"init", func(a *appliance) { a.hung = []string{"init"} },
			"init does not answer within 100ms: which services are to run is not known; these do not: nflog, dns, wan, radvd, " +
				"tunnel6in4, ntp. If it hangs, a watchdog resets the box; without one, restart the machine",
			[]string{"192.0.2.1 on eth0, answers", "/dev/xvdb, 1 of 62 MiB in use", "sshd: one problem", "dhcp   answers\n"}, "ready"},
		{"init and a service", func(a *appliance) { a.hung = []string{"init", "dhcp"} },
			"service dhcp does not answer within 100ms, and init, which would start it again, neither",
			[]string{"sshd: one problem", "dhcp   silent\nsshd   answers\n"}, "ready"},
		{"the kernel", func(a *appliance) { a.stuck = stuck }, "not all of the machine is known: no answer within 100ms",
			[]string{"the kernel has not answered", "sshd: one problem", "192.168.32.1/24"}, "the default route by"},
		{"a part of the kernel", func(a *appliance) { a.untold = errors.New("/proc/loadavg: EOF") }, "not all of the machine is known: /proc/loadavg: EOF",
			[]string{"192.0.2.1 on eth0, answers"}, "has not answered"},
		{"a service, and nobody says how long to wait", func(a *appliance) { a.patience, a.hung = 0, []string{"dhcp"} },
			"service dhcp does not answer within 1.5s: if that lasts, it is started again; gatehouse log dhcp", []string{"sshd: one problem"}, "pool"},
		{"the figures of DHCP", func(a *appliance) { a.dhcp = nil }, "sshd: one problem", nil, "pool"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := with(func(a *appliance) {
				a.patience, a.said = short, map[string]any{"sshd": []string{"one problem"}}
			})
			tt.change(&a)
			a.patiently(t, "status", func(stdout, _ string, code int, within string) error {
				for _, want := range append(tt.shown, "! "+tt.problem+"\n") {
					if want = strings.ReplaceAll(want, short.String(), within); code != 1 || !strings.Contains(stdout, want) {
						return fmt.Errorf("exit status %d; %q is missing in\n%s", code, want, stdout)
					}
				}
				if strings.Contains(stdout, tt.unnoticed) {
					return fmt.Errorf("%q is in\n%s", tt.unnoticed, stdout)
				}
				return nil
			})
		})
	}
}

// TestUnruly: whatever a process does with the questions, status is there in time and names it; so it does
// with init.
func TestUnruly(t *testing.T) {
	const silence = "does not answer within 100ms"
	for name, c := range map[string]struct {
		do   func(net.Conn)
		want string
	}{
		"one that is stopped, with questions in its queue": {nil, silence},
		"one byte now and then": {func(c net.Conn) {
			for _, err := c.Write([]byte("{")); err == nil; _, err = c.Write([]byte(" ")) {
				time.Sleep(short / 10)
			}
		}, silence},
		"empty answers without an end": {func(c net.Conn) {
			for _, err := c.Write([]byte("{}\n")); err == nil; _, err = c.Write([]byte("{}\n")) {
			}
		}, silence},
		"a line without an end": {func(c net.Conn) {
			long := []byte(`{"result":"` + strings.Repeat("long ", 1<<16))
			for _, err := c.Write(long); err == nil; _, err = c.Write(long) {
			}
		}, "does not answer"}, // by the limit of a line, or that of time
		"answers without an end": {func(c net.Conn) {
			for _, err := c.Write([]byte("{\"result\":{}}\n")); err == nil; _, err = c.Write([]byte("{\"result\":{}}\n")) {
			}
		}, "more than one result"},
		"no answer at all": {func(c net.Conn) { bufio.NewReader(c).ReadString('\n') }, "no result"},
		"what is no answer": {func(c net.Conn) {
			bufio.NewReader(c).ReadString('\n')
			c.Write([]byte("SSH-2.0-x\r\n"))
		}, "invalid character"},
	} {
		for _, service := range []string{"dhcp", "init"} {
			t.Run(service+": "+name, func(t *testing.T) {
				t.Parallel()
				a := with(func(a *appliance) {
					a.patience, a.said = short, map[string]any{"sshd": []string{"one problem"}}
					a.unruly = map[string]func(net.Conn){service: c.do}
				})
				began := time.Now()
				a.patiently(t, "status", func(stdout, _ string, code int, within string) error {
					took := time.Since(began)
					began = time.Now()
					line, want := problemLine(stdout, service), strings.ReplaceAll(c.want, short.String(), within)
					switch {
					case took > time.Minute:
						t.Errorf("status took %v", took)
					case code != 1 || !strings.Contains(line, "does not answer") || !strings.Contains(line, want):
						return fmt.Errorf("exit status %d; %q is missing in %q of\n%s", code, want, line, stdout)
					case !strings.Contains(stdout, "! sshd: one problem\n"):
						return fmt.Errorf("others are not heard:\n%s", stdout)
					}
					return nil
				})
			})
		}
	}
}

// problemLine is the problem that names a process.
func problemLine(unfolded, name string) string {
	for line := range strings.Lines(unfolded) {
		if strings.HasPrefix(line, "! "+name+" ") || strings.HasPrefix(line, "! service "+name+" ") {
			return line
		}
	}
	return ""
}

// TestFullQueue: the queue of one that is stopped is full at some time. That is silence, and no reason to
// wait.
func TestFullQueue(t *testing.T) {
	a := with(func(a *appliance) { a.patience, a.unruly = short, map[string]func(net.Conn){"dhcp": nil} })
	dir := a.start(t)
	for range 1 << 16 {
		c, err := net.Dial("unix", dir+"/dhcp.sock")
		if err != nil {
			break
		}
		defer c.Close()
	}
	err := control.Call(t.Context(), dir, "dhcp", control.Ping, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "dhcp takes no more questions") || errors.Is(err, control.ErrNotRunning) {
		t.Errorf("asked, the queue being full: %v", err)
	}
}

// TestSilentToCommands: no command waits for ever for who is stopped.
func TestSilentToCommands(t *testing.T) {
	a := with(func(a *appliance) {
		a.patience = short
		a.unruly = map[string]func(net.Conn){"init": nil, "dhcp": nil}
	})
	for command, want := range map[string]string{
		"leases":    "gatehouse leases: dhcp leases: no answer within 100ms",
		"dhcp":      "gatehouse dhcp: dhcp status: no answer within 100ms",
		"dhcp why":  "dhcp status: no answer within 100ms",
		"host web1": "no answer within 100ms",
		"log":       "gatehouse log: init log: no answer within 100ms",
	} {
		a.patiently(t, command, func(_, stderr string, code int, within string) error {
			if want := strings.ReplaceAll(want, short.String(), within); code != 1 || !strings.Contains(stderr, want) {
				return fmt.Errorf("%s: exit status %d, %q; want %q", command, code, stderr, want)
			}
			return nil
		})
	}
}

// TestAskedAtOnce: nobody answers here before all have been asked, which is no problem.
func TestAskedAtOnce(t *testing.T) {
	var mu sync.Mutex
	asked, all := map[string]bool{}, make(chan struct{})
	questions := []string{"init box", "init services", "dhcp status", "wan status", "ntp status"}
	a := with(func(a *appliance) {
		a.patience = 20 * time.Second
		a.services, a.wan, a.clock = nil, &wanrun.Status{}, &ntprun.Status{}
		for _, s := range roster.All() {
			a.services = append(a.services, supervise.Status{Name: s.Name, State: supervise.Ready})
			questions = append(questions, s.Name+" ping", s.Name+" problems")
		}
		a.before = func(ctx context.Context, question string) {
			mu.Lock()
			asked[question] = true
			done := !slices.ContainsFunc(questions, func(q string) bool { return !asked[q] })
			mu.Unlock()
			if done {
				close(all)
			}
			select {
			case <-all:
			case <-ctx.Done():
			}
		}
	})
	stdout, _, _ := a.command(t, "status", "--json")
	var st admin.Status
	if err := json.Unmarshal([]byte(stdout), &st); err != nil {
		t.Fatal(err)
	}
	for _, h := range st.Heard {
		if !h.Answers {
			t.Errorf("%s was not heard", h.Service)
		}
	}
	if len(st.Heard) != 1+len(roster.All()) || st.DHCP == nil {
		t.Errorf("%d processes were asked; %v", len(st.Heard), st.Problems)
	}
}
