package plan_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/site"
)

// works reports whether everybody takes what a site means: what is wrong with a site
// is said when the site is checked, never by a service that does not start.
func works(fsys fs.FS) error {
	s, err := site.Load(fsys)
	if err != nil {
		return nil // refused in time
	}
	p := plan.Make(s)
	_, err = firewall.Compile(p.Firewall)
	for _, service := range p.Services {
		if conf, ok := service.Config.(dhcp.Config); ok {
			_, refused := dhcp.New(conf)
			err = errors.Join(err, refused)
		}
	}
	return err
}

// siteCases returns the sites that the tests of package site have.
func siteCases(t testing.TB) map[string]fstest.MapFS {
	t.Helper()
	all := map[string]fstest.MapFS{}
	files, err := filepath.Glob("../../site/testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sites: %v", err)
	}
	for _, file := range files {
		fsys := fstest.MapFS{}
		for _, name := range []string{"../../site/testdata/default.txtar", file} {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				if added, more := cutPlus(f.Name); more {
					fsys[added] = &fstest.MapFile{Data: append(fsys[added].Data[:len(fsys[added].Data):len(fsys[added].Data)], f.Data...)}
				} else {
					fsys[f.Name] = &fstest.MapFile{Data: f.Data}
				}
			}
		}
		all[filepath.Base(file)] = fsys
	}
	return all
}

func cutPlus(name string) (string, bool) {
	if name[0] == '+' {
		return name[1:], true
	}
	return name, false
}

func TestGoodSitesWork(t *testing.T) {
	for name, fsys := range siteCases(t) {
		if err := works(fsys); err != nil {
			t.Errorf("%s: the site is accepted, and then: %v", name, err)
		}
	}
}

// FuzzSitesWork changes site.toml and hosts.
func FuzzSitesWork(f *testing.F) {
	for _, fsys := range siteCases(f) {
		f.Add(fsys["site.toml"].Data, fsys["hosts"].Data, fsys["ethers"].Data)
	}
	keys := siteCases(f)["dhcp.txtar"]["authorized_keys"].Data
	f.Fuzz(func(t *testing.T, toml, hosts, ethers []byte) {
		if err := works(fstest.MapFS{
			"site.toml": {Data: toml}, "hosts": {Data: hosts}, "ethers": {Data: ethers}, "authorized_keys": {Data: keys},
		}); err != nil {
			t.Fatal(err)
		}
	})
}
