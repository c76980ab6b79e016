package site

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestForms reads hosts and ethers in the forms that systems and programs make of them. Part "said" is what
// make check says of each, and part "read" the hosts of it; of a file that is refused there are none.
func TestForms(t *testing.T) {
	for _, archive := range cases(t, "testdata/forms") {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			fsys := quietSite(t)
			fsys["hosts"].Data, fsys["ethers"].Data = nil, nil
			s, problems := Check(addFiles(t, fsys, archive))
			if (s == nil) != problems.Failed() {
				t.Errorf("the site is %v", s)
			}
			checkGolden(t, archive, "said", problems.Text())
			var read strings.Builder
			if s != nil {
				for _, h := range s.Hosts {
					fmt.Fprintln(&read, h.Name, h.Aliases, h.Addrs, h.MACs)
				}
			}
			checkGolden(t, archive, "read", read.String())
		})
	}
}

// TestWarnings has sites that are right and hardly meant. Part "want" is what is said of each.
func TestWarnings(t *testing.T) {
	for _, archive := range cases(t, "testdata/warn") {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			fsys := addFiles(t, quietSite(t), archive)
			s, problems := Check(fsys)
			if s == nil || len(problems) == 0 {
				t.Fatalf("the site is %v:\n%s", s, problems.Text())
			}
			checkGolden(t, archive, "want", problems.Text())
			load(t, fsys)
			if strict := problems.Strict(); strict.Count(Error) != len(problems) || strict.Count(Warning) != 0 {
				t.Errorf("taken for errors they are %s", strict.Counts())
			}
		})
	}
}

// TestErrorsAndWarnings: who has to change a site anyway is told of both, errors first.
func TestErrorsAndWarnings(t *testing.T) {
	fsys := defaultSite(t)
	fsys["ethers"].Data = append(fsys["ethers"].Data, "00:16:3e:20:00 x\n"...)
	s, problems := Check(fsys)
	const want = `ethers:4:1: "00:16:3e:20:00" is no MAC address; expected six octets such as "00:16:3e:20:00:11"`
	if text := problems.Text(); s != nil || !strings.HasPrefix(text, want) || !strings.HasSuffix(text, "\n1 error, 2 warnings\n") {
		t.Errorf("it says\n%s", text)
	}
	if _, err := Load(fsys); err == nil || strings.Contains(err.Error(), "warning") || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error is %v", err)
	}
}

// TestExamplesWarn: of the example sites nothing is said but that their keys are the examples'.
func TestExamplesWarn(t *testing.T) {
	for name, keys := range map[string]int{"home": 1, "office": 2} {
		_, problems := Check(os.DirFS("../examples/" + name))
		for _, p := range problems {
			if p.File != "authorized_keys" || p.Severity != Warning {
				t.Errorf("%s: %v", name, p)
			}
		}
		if len(problems) != keys {
			t.Errorf("%s: %s, want one of each of %d keys", name, problems.Counts(), keys)
		}
	}
}

// quietSite is the default site without what is warned of.
func quietSite(t *testing.T) fstest.MapFS {
	t.Helper()
	fsys := defaultSite(t)
	fsys["site.toml"].Data = bytes.ReplaceAll(fsys["site.toml"].Data, []byte("eth1"), []byte("eth0"))
	fsys["authorized_keys"].Data = []byte(ownKey)
	if _, problems := Check(fsys); len(problems) > 0 {
		t.Fatal(problems)
	}
	return fsys
}

const ownKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJsJ0MaHD2uTG1Vzk1QqT5GZzN0sQ9aXqf7b2Fh0o3mS me@home.example\n"
