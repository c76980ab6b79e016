package bundle

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/site"
)

const (
	toml = "name = \"gate\"\ndomain = \"net.example\"\n\n[[lan]]\nname = \"lan\"\ninterface = \"eth0\"\nipv4 = \"192.168.1.1/24\"\n"
	key1 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example"
	key2 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPJ+RYrEtXkpQ2xTxpyMmTRDwbkYr1hGrwQvF4RLKCJW two@net.example"
)

func testSite() fstest.MapFS {
	return fstest.MapFS{
		"site.toml":       {Data: []byte(toml)},
		"hosts":           {Data: []byte("192.168.1.9 box box.other.example\n")},
		"authorized_keys": {Data: []byte(key1)},
		"secret.bak":      {Data: []byte("not part of the site")},
		".git/config":     {Data: []byte("nor this")},
	}
}

// Only what makes up the site is taken, as it was when it was checked.
func TestRead(t *testing.T) {
	s, files, err := Read(testSite(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "gate" || len(s.AuthorizedKeys) != 1 {
		t.Errorf("got %+v", s)
	}
	if names := slices.Sorted(maps.Keys(files)); !slices.Equal(names, []string{"authorized_keys", "hosts", "site.toml"}) {
		t.Errorf("files: %q", names)
	}
	if string(files["site.toml"]) != toml || string(files["authorized_keys"]) != key1 {
		t.Errorf("contents: %q", files)
	}
}

func TestReadMoreKeys(t *testing.T) {
	s, files, err := Read(testSite(), []byte(key2+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := key1 + "\n" + key2 + "\n"; string(files["authorized_keys"]) != want || len(s.AuthorizedKeys) != 2 {
		t.Errorf("got %q", files["authorized_keys"])
	}
	again, _, err := Read(fstest.MapFS{"site.toml": {Data: files["site.toml"]}, "authorized_keys": {Data: files["authorized_keys"]}}, nil)
	if err != nil || !slices.Equal(again.AuthorizedKeys, s.AuthorizedKeys) {
		t.Errorf("the appliance will read %v, %v", again, err)
	}
	var problems site.Problems
	if _, _, err := Read(testSite(), []byte("no key")); !errors.As(err, &problems) || problems[0].Line != 2 {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestReadProblems(t *testing.T) {
	fsys := testSite()
	fsys["site.toml"].Data = []byte("name = 1\n")
	var problems site.Problems
	if _, _, err := Read(fsys, nil); !errors.As(err, &problems) || len(problems) < 2 {
		t.Errorf("got %v", err)
	}
}
