package plan_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestSecretsOfCHAP: another secret is a change that is said and that the service is told, and nothing that
// people are shown has either of them.
func TestSecretsOfCHAP(t *testing.T) {
	with := func(secret string) *site.Site {
		fsys := siteCases(t)["netboot.txtar"]
		fsys["chap/web1"] = &fstest.MapFile{Data: []byte(secret + "\n")}
		s, err := site.Load(fsys)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := with("one-secret-of-web1"), with("two-secret-of-web1")
	was, is := plan.Make(a, plan.Learned{}), plan.Make(b, plan.Learned{})
	change := plan.Describe(a, b, was, is)
	var shown strings.Builder
	if err := site.Print(&shown, b); err != nil {
		t.Fatal(err)
	}
	for _, h := range b.Hosts {
		if err := site.PrintHost(&shown, b, h); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&shown, "%s %+v %#v", text, h, h.Netboot)
		if h.Netboot != nil {
			fmt.Fprintf(&shown, "%+v %#v", h.Netboot.CHAP, h.Netboot.CHAP)
		}
	}
	if err := change.Print(&shown); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(change)
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range is.Services {
		if c, ok := service.Config.(dhcp.Config); ok {
			told, err := c.Preview("web1")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&shown, "%s %+v", text, told)
		}
	}
	if all := shown.String(); strings.Contains(all, "secret-of") || !strings.Contains(all, `190="web1" 191="(secret)"`) {
		t.Errorf("a secret is shown, or not told: %s", all)
	}
	if change.Nothing || !strings.Contains(string(text), "Secrets of CHAP") || !strings.Contains(string(text), "what is in chap/web1") {
		t.Errorf("another secret is no change: %s", text)
	}
}
