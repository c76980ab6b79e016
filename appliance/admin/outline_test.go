package admin_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestOutline: where init shows the outline of the site, status does not read all of it.
func TestOutline(t *testing.T) {
	a := healthy()
	dir := a.start(t)
	if err := shown.WriteOutline(dir, plan.Outline{Links: []plan.OutlineLink{{Name: "outlined", Interface: "eth7"}}}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := admin.Env{
		Stdout: &out, Stderr: &out, RunDir: dir, Links: admin.ReadLinks, Now: time.Now, Patience: time.Minute,
		Site:    func() (*site.Site, error) { return nil, errors.New("it was read") },
		Machine: func() (machine.Facts, error) { return a.machine, nil },
	}
	admin.Run(t.Context(), env, []string{"status"})
	if text := out.String(); !strings.Contains(text, "interface eth7 (outlined) is missing") || strings.Contains(text, "it was read") {
		t.Error(text)
	}
}
