package shown

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadSite(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no site yet: %v", err)
	}
	if _, err := ReadRules(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("no rules yet: %v", err)
	}
	if got, err := ReadLearned(dir); err != nil || !reflect.DeepEqual(got, plan.Learned{}) {
		t.Errorf("nothing learned yet: %+v, %v", got, err)
	}
	if _, err := ReadOutline(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no outline yet: %v", err)
	}
	b := bundle.Bundle{Files: map[string][]byte{"site.toml": []byte("name = \"x\"\n")}, Meta: bundle.Meta{Who: "ann"}}
	rules := firewall.Loaded{Policy: firewall.Policy{Zones: []firewall.Zone{{Name: "lan"}}}, Features: firewall.Features{Offload: []string{"eth0"}}}
	learned := plan.Learned{Memory: 7, WAN: &wan.Facts{Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}}}
	outline := plan.Outline{Cards: []string{"eth0"}}
	if err := errors.Join(WriteSite(dir, b), WriteRules(dir, rules), WriteLearned(dir, learned), WriteOutline(dir, outline)); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadSite(dir); err != nil || got.Meta.Who != "ann" || !reflect.DeepEqual(got.Files, b.Files) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ReadRules(dir); err != nil || !reflect.DeepEqual(got, rules) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ReadLearned(dir); err != nil || !reflect.DeepEqual(got, learned) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := ReadOutline(dir); err != nil || !reflect.DeepEqual(got, outline) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, name := range []string{siteFile, rulesFile, learnedFile, outlineFile} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ReadSite(dir); err == nil {
		t.Error("a damaged site is read")
	}
	if _, err := ReadRules(dir); err == nil {
		t.Error("damaged rules are read")
	}
	if _, err := ReadLearned(dir); err == nil {
		t.Error("damaged facts are read")
	}
	if _, err := ReadOutline(dir); err == nil {
		t.Error("a damaged outline is read")
	}
}
