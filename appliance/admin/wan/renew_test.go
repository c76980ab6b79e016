package wan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	facts "github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// after is a client, and what happened to it since.
func after(st run.Status, events ...client.Event) run.Status {
	st.Events = append(slices.Clone(st.Events), events...)
	return st
}

func TestRenew(t *testing.T) {
	renewed := event(0, client.Renewed, client.Extended, "server 198.51.100.2 renewed 198.51.100.23/24: the lease holds for another 1d")
	renewed.Remarks = []facts.Remark{{About: facts.AboutMTU, Text: "an MTU of 100 is ignored: 1280 to 1500 are believed on this link"}}
	nak := event(0, client.NAK, client.Refused, `server 198.51.100.2 refuses 198.51.100.23: it says "wrong network"`)
	gone := event(0, client.Deconfig, client.Refused, `198.51.100.23 is not ours any more: server 198.51.100.2 refuses it: it says "wrong network"`)
	other := event(-time.Second, client.BoundTo, client.Acknowledged, "203.0.113.9/24 from server 198.51.100.2: the lease holds for another 1h")
	thinIce := event(0, client.BoundTo, client.Silent, "no server answers: the lease of 198.51.100.23/24 from before the start is used; the lease holds for another 1h")
	thinIce.Term.Unconfirmed = true
	refused := after(bound(), nak, gone)
	// What was the last event before is the first that is remembered now.
	full := bound()
	full.Events = append([]client.Event{full.Events[3]}, slices.Repeat([]client.Event{nak}, 3)...)
	for _, tt := range []struct {
		name  string
		turns []run.Status
		err   error
	}{
		{"extended", []run.Status{bound(), bound(), after(bound(), renewed)}, nil},
		{"moved", []run.Status{bound(), refused, refused, after(refused, other)}, nil},
		{"released", []run.Status{with(func(st *run.Status) { lost(st, client.Released, time.Hour, "") }), after(bound(), other)}, nil},
		{"rolled", []run.Status{bound(), full, after(full, renewed)}, nil},
		{"restarted", []run.Status{bound(), {Link: "eth0", Up: up}, {Link: "eth0", Up: up, Events: []client.Event{other}}}, nil},
		{"thin", []run.Status{expired(), after(expired(), thinIce)}, cli.ErrProblems},
		{"silent", []run.Status{expired()}, cli.ErrProblems},
		{"unplugged", []run.Status{unplugged()}, cli.ErrProblems},
		{"absent", []run.Status{absent()}, cli.ErrProblems},
		{"never", []run.Status{{Link: "eth0", Absent: true, Up: up}}, cli.ErrProblems},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := (&box{turns: tt.turns}).start(t)
			if tt.err == nil {
				b.env.Patience = time.Minute // it ends by itself
			}
			text := story(t, b.env, "renew")
			admintest.Golden(t, *update, "renew-"+tt.name+".txt", text)
			admintest.Safe(t, text, 80)
			if strings.Contains(text, cli.ErrProblems.Error()) != (tt.err != nil) || !slices.Equal(b.asked, []string{"renew"}) {
				t.Errorf("%s\n%s", b.asked, text)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	gone := event(0, client.Deconfig, client.ByHand, "198.51.100.23 was given back because somebody said so")
	released := func(st *run.Status) { lost(st, client.Released, 0, "there is no address; it was released") }
	nobody := bound()
	nobody.Client.Carrier = false
	for _, tt := range []struct {
		name  string
		turns []run.Status
		err   error
	}{
		{"held", []run.Status{bound(), after(with(released), gone)}, nil},
		{"unplugged", []run.Status{nobody, after(with(released), gone)}, nil},
		{"again", []run.Status{with(released)}, nil},
		{"never", []run.Status{{Link: "eth0", Absent: true, Up: up}}, cli.ErrProblems},
		{"deaf", []run.Status{bound()}, cli.ErrProblems},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := (&box{turns: tt.turns}).start(t)
			text := story(t, b.env, "release")
			admintest.Golden(t, *update, "release-"+tt.name+".txt", text)
			admintest.Safe(t, text, 80)
			if strings.Contains(text, cli.ErrProblems.Error()) != (tt.err != nil) || !slices.Equal(b.asked, []string{"release"}) {
				t.Errorf("%s\n%s", b.asked, text)
			}
		})
	}
}

// TestGone: a service that ends meanwhile is said to have.
func TestGone(t *testing.T) {
	b := (&box{turns: []run.Status{bound()}}).start(t)
	b.env.RunDir += "/nosuch"
	b.siteErr = errors.New("damaged")
	if out, err := command(t, b.env, "renew"); err == nil || !strings.Contains(err.Error(), "wan is not running") || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
}
