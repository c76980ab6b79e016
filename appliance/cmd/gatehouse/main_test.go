package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

func TestRun(t *testing.T) {
	tests := []struct {
		args, stdin string
		code        int
		want        string // in what it printed
	}{
		{"gatehouse version", "", 0, "gatehouse "},
		{"gatehouse help", "", 0, "status"},
		{"gatehouse", "", 2, "usage: gatehouse COMMAND"},
		{"gatehouse frobnicate", "", 2, `no command "frobnicate"`},
		{"gatehouse service nosuch", "", 2, `no service "nosuch"`},
		{"gatehouse service dhcp", "", 1, "the configuration on standard input: EOF"},
		{"gatehouse service sshd", `{"Shelll": "/bin/sh"}`, 1, `unknown field \"Shelll\"`},
		{"/bin/ps -Z", "", 2, "usage: ps"},
		{"/bin/ping", "", 2, "usage: ping"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		code := run(t.Context(), strings.Fields(tt.args), strings.NewReader(tt.stdin), &out, &out)
		if code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: exit status %d, want %d; printed %q, want %q in it", tt.args, code, tt.code, out.String(), tt.want)
		}
	}
}

func homePlan(t *testing.T) plan.Plan {
	t.Helper()
	s, err := site.Load(os.DirFS("../../../examples/home"))
	if err != nil {
		t.Fatal(err)
	}
	return plan.Make(s)
}

// Every service that can be planned is one that this binary has.
func TestEveryPlannedServiceIsThere(t *testing.T) {
	for _, s := range homePlan(t).Services {
		if _, ok := serviceNamed(s.Name); !ok {
			t.Errorf("service %q is planned, but not in the table", s.Name)
		}
	}
}

// A service that must remember is refused when there is nowhere to remember;
// the others, ssh above all, are started.
func TestUnitsWithoutStorage(t *testing.T) {
	lost := boot.Storage{Kind: boot.StorageLost, Problem: "/dev/xvdb is broken"}
	all, err := units(homePlan(t), lost)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range all {
		remembers := u.Name == plan.DHCP
		if refused := strings.Contains(u.Refused, "/dev/xvdb is broken"); refused != remembers {
			t.Errorf("unit %s: refused = %q", u.Name, u.Refused)
		}
		if len(u.Config) == 0 {
			t.Errorf("unit %s has no configuration", u.Name)
		}
	}
}
