package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// TestShutdown: what is asked of whom, and what is not asked at all.
func TestShutdown(t *testing.T) {
	now := time.Date(2026, 11, 29, 20, 0, 30, 0, time.UTC)
	for _, tt := range []struct {
		args   string
		status int
		asked  string
	}{
		{"now", 0, "now: poweroff"},
		{"-h now", 0, "now: poweroff"},
		{"-P now", 0, "now: poweroff"},
		{"-r now", 0, "now: reboot"},
		{"-H now", 0, "now: halt"},
		{"--reboot now", 0, "now: reboot"},
		{"+0", 0, "now: poweroff"},
		{"-r +5 a new kernel", 0, "init: {reboot 5m0s a new kernel false}"},
		{"-r 20:01", 0, "init: {reboot 30s  false}"},
		{"-h 20:00 -r", 0, "init: {poweroff 23h59m30s -r false}"},
		{"6:00", 0, "init: {poweroff 9h59m30s  false}"},
		{"-c", 0, "init: { 0s  true}"},
		{"", 1, ""},
		{"-h", 1, ""},
		{"-r", 1, ""},
		{"-r -c", 1, ""},
		{"-c now", 1, ""},
		{"5", 1, ""},
		{"+x", 1, ""},
		{"+-1", 1, ""},
		{"+9999999", 1, ""},
		{"24:00", 1, ""},
		{"tomorrow", 1, ""},
		{"-Z now", 1, ""},
		{"--help", 0, ""},
	} {
		asked := ""
		c := shutdown()
		c.Run = func(c *command.Call) {
			runShutdown(c, now, func(k boot.Kind) error {
				asked += fmt.Sprint("now: ", k)
				return nil
			}, func(_ context.Context, e end) error {
				asked += fmt.Sprint("init: ", e)
				return nil
			})
		}
		var out, complaint bytes.Buffer
		status := c.Main()(t.Context(), append([]string{"shutdown"}, strings.Fields(tt.args)...), nil, &out, &complaint)
		if status != tt.status || asked != tt.asked || (status != 0) != (complaint.Len() > 0) {
			t.Errorf("shutdown %s: %d, %q; want %d, %q\n%s%s", tt.args, status, asked, tt.status, tt.asked, &out, &complaint)
		}
	}
}

// TestPlannedEnd: init does what it was told last, and says so.
func TestPlannedEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said []string
		begin := time.Now()
		s := &boot.Schedule{
			Say:     func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) },
			Request: func(k boot.Kind) error { said = append(said, fmt.Sprint(time.Since(begin), " ", k)); return nil },
		}
		for _, tt := range []struct{ args, want string }{
			{`{"cancel":true}`, "no end of this machine is pending"},
			{`{"kind":"explode","in_ns":1}`, `"explode": expected poweroff, reboot or halt`},
			{`{"kind":"reboot","in_ns":-1}`, "in -1ns: expected a year at most"},
			{`{"kind":"reboot","in_ns":60000000000}`, "<nil>"},
			{`{"cancel":true}`, "<nil>"},
			{`{"kind":"reboot","in_ns":60000000000,"why":"a new kernel"}`, "<nil>"},
		} {
			if err := plansEnd(s)(t.Context(), json.RawMessage(tt.args), func(any) error { return nil }); fmt.Sprint(err) != tt.want {
				t.Errorf("%s: %v, want %s", tt.args, err, tt.want)
			}
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []string{
			"reboot in 1m was asked for: nobody said why", "reboot is taken back", "reboot in 1m was asked for: a new kernel", "1m0s reboot",
		}
		if !slices.Equal(said, want) {
			t.Errorf("%q, want %q", said, want)
		}
	})
}

// TestShutdownOfABox: what init is asked for it keeps, though who asked is gone.
func TestShutdownOfABox(t *testing.T) {
	t.Parallel()
	b := startSite(t, plainSite(1, ""), 2)
	ask := func(e end) error {
		dir := fmt.Sprintf("/proc/%d/root%s", b.pid, runDir)
		return control.Call(t.Context(), dir, admin.InitService, shutdownMethod, e, nil)
	}
	if err := ask(end{Cancel: true}); err == nil {
		t.Error("there was something to take back")
	}
	if err := errors.Join(ask(end{Kind: boot.Reboot, In: time.Hour}), ask(end{Cancel: true})); err != nil {
		t.Error(err)
	}
	if err := ask(end{Kind: boot.Halt, In: time.Millisecond, Why: "to see"}); err != nil {
		t.Error(err)
	}
	b.says("[init] halt, as it was asked for: halt: process 1 is the machine's", 1)
}

// TestSyslog: what programs say by syslog(3) is in the log, whoever they are, and a flood is not.
func TestSyslog(t *testing.T) {
	t.Parallel()
	b := startSite(t, plainSite(1, ""), 2)
	if out := b.inside("busybox", "logger", "-t", "one[7]", "-p", "daemon.warn", "a\x1b[2J text"); out != "" {
		t.Error(out)
	}
	if out := b.inside("logger", "-t", "two", "another"); out != "" {
		t.Error(out)
	}
	if out := b.inside("setpriv", "--reuid", "65534", "busybox", "logger", "-t", "three", "nobody's"); out != "" {
		t.Error(out)
	}
	b.says(`syslog: daemon.warning one[7]: a\x1b[2J text`, 1)
	b.says("syslog: user.notice two: another", 1)
	b.says("syslog: user.notice three: nobody's", 1)
	b.inside("sh", "-c", "seq 100000 | busybox logger -t flood") // who has no directory complains
	b.inside("busybox", "logger", "the end")
	b.says("messages are missing here: too many came at once", 1)
	if out := b.gatehouse("log", "syslog"); !strings.Contains(out, "flood: 1") {
		t.Error(out)
	}
}
