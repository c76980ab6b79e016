package debian

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestFindSources(t *testing.T) {
	const debian = "deb http://deb.example/debian bookworm main contrib\n"
	for name, test := range map[string]struct {
		text  string
		found bool
	}{
		"one-line entry":         {debian, true},
		"options and a comment":  {"deb [arch=amd64 signed-by=/k.gpg] http://sec.example/debian-security bookworm-security main # fixes\n", true},
		"deb822":                 {"Types: deb\nURIs: http://deb.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n", true},
		"deb822, updates only":   {"Types: deb\nURIs: http://deb.example/debian\nSuites: bookworm-updates\nComponents: contrib main\n", true},
		"commented":              {"# " + debian, false},
		"another release":        {"deb http://deb.example/debian trixie main\n", false},
		"a suite of others":      {"deb https://postgres.example/pub bookworm-pgdg main\n", false},
		"a component of others":  {"deb https://docker.example/linux/debian bookworm stable\n", false},
		"a component that isn't": {"deb http://deb.example/debian bookworm mainline\n", false},
		"empty":                  {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			etc := fstest.MapFS{"sources.list.d/it.list": {Data: []byte(test.text)}, "sources.list.d/old.list.save": {Data: []byte(debian)}}
			m := machine{codename: "bookworm"}
			err := m.findSources(etc, "/etc/apt")
			if !test.found {
				if err == nil {
					t.Errorf("took %v", m.sources)
				}
				return
			}
			if err != nil || !slices.Equal(m.sources, []string{"/etc/apt/sources.list.d/it.list"}) || m.texts[0] != test.text {
				t.Errorf("got %v %q, %v", m.sources, m.texts, err)
			}
		})
	}
}

func TestFindSourcesOrder(t *testing.T) {
	file := &fstest.MapFile{Data: []byte("deb http://deb.example/debian bookworm main\n")}
	m := machine{codename: "bookworm"}
	err := m.findSources(fstest.MapFS{"sources.list.d/b.sources": file, "sources.list.d/a.list": file, "sources.list": file}, "/etc/apt")
	want := []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/a.list", "/etc/apt/sources.list.d/b.sources"}
	if err != nil || !slices.Equal(m.sources, want) {
		t.Errorf("got %v, %v", m.sources, err)
	}
}

func TestMachineThatIsNoDebian(t *testing.T) {
	m := machine{codename: codename("NAME=Something\n")}
	if err := m.findSources(fstest.MapFS{"sources.list": {Data: []byte("deb http://x.example main \n")}}, "/etc/apt"); err == nil {
		t.Errorf("took %v", m.sources)
	}
}

func TestTransport(t *testing.T) {
	dump := `Acquire "";
Acquire::AllowInsecureRepositories "0";
Acquire::Check-Valid-Until "false";
Acquire::http "";
Acquire::http::Proxy "http://proxy.example:3142";
Acquire::https::CaInfo "/etc/ssl/own.pem";
Acquire::IndexTargets::deb::Packages::Description "$(RELEASE)/$(COMPONENT)";
Acquire::Retries "3";
`
	want := `Acquire::Check-Valid-Until "false";
Acquire::http::Proxy "http://proxy.example:3142";
Acquire::https::CaInfo "/etc/ssl/own.pem";
Acquire::Retries "3";
`
	if got := transport(dump); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCodename(t *testing.T) {
	for text, want := range map[string]string{
		"NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\nID=debian\n": "bookworm",
		"VERSION_CODENAME=\"trixie\"\n":                                     "trixie",
		"ID=debian\n":                                                       "",
	} {
		if got := codename(text); got != want {
			t.Errorf("codename of %q is %q, want %q", text, got, want)
		}
	}
}

// recipe is one with everything in it.
func recipe() Recipe {
	return Recipe{
		Name: "it", Packages: []string{"busybox"}, Unread: []string{"/usr/share/doc/*"}, Options: []string{"--verbose"},
		Overlay: fstest.MapFS{"etc/inittab": {Data: []byte("::sysinit:/bin/true\n")}},
		Files:   map[string]string{"vmlinuz": "boot/vmlinuz-*", "initrd": "boot/initrd.img-*", "xen": "boot/xen-*.gz"},
		Ext4:    []string{"-L", "it"}, Size: "1G",
	}
}

func here() machine {
	return machine{codename: "bookworm", sources: []string{"/etc/apt/sources.list"}, texts: []string{"deb …"}, aptConf: "Acquire::Retries \"3\";\n"}
}

func TestHash(t *testing.T) {
	want := recipe().hash(here())
	for range 10 {
		if got := recipe().hash(here()); got != want {
			t.Fatal("one recipe has two hashes")
		}
	}
	seen := map[string]string{want: "the recipe"}
	note := func(name string, r Recipe, m machine) {
		h := r.hash(m)
		if other, ok := seen[h]; ok {
			t.Errorf("with another %s the hash is that of %s", name, other)
		}
		seen[h] = name
	}
	for name, change := range map[string]func(*Recipe){
		"package":      func(r *Recipe) { r.Packages = []string{"kmod"} },
		"unread path":  func(r *Recipe) { r.Unread = nil },
		"option":       func(r *Recipe) { r.Options = nil },
		"overlay":      func(r *Recipe) { r.Overlay = fstest.MapFS{"etc/inittab": {Data: []byte("::sysinit:/bin/false\n")}} },
		"overlay path": func(r *Recipe) { r.Overlay = fstest.MapFS{"etc/inittabs": {Data: []byte("::sysinit:/bin/true\n")}} },
		"file":         func(r *Recipe) { r.Files["xen"] = "boot/xen-*-amd64.gz" },
		"disk":         func(r *Recipe) { r.Ext4 = nil },
		"size":         func(r *Recipe) { r.Size = "2G" },
	} {
		r := recipe()
		change(&r)
		note(name, r, here())
	}
	for name, change := range map[string]func(*machine){
		"release":        func(m *machine) { m.codename = "trixie" },
		"text of source": func(m *machine) { m.texts = []string{"deb …\ndeb …"} },
		"apt.conf":       func(m *machine) { m.aptConf = "" },
	} {
		m := here()
		change(&m)
		note(name, recipe(), m)
	}
}

func TestArguments(t *testing.T) {
	got := strings.Join(recipe().arguments(here(), "/w/root", "/w/apt.conf", "/w/overlay"), "\n")
	for _, want := range []string{
		"--aptopt=/w/apt.conf\n", "--include=busybox\n", "--dpkgopt=path-exclude=/usr/share/doc/*\n",
		"--essential-hook=cp -r /w/overlay/. \"$1\"/\n", "--verbose\nbookworm\n/w/root\n/etc/apt/sources.list",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{"today": 0, "yesterday": 24 * time.Hour, "last-month": 30 * 24 * time.Hour} {
		system := filepath.Join(dir, name)
		if err := errors.Join(os.Mkdir(system, 0o755), os.WriteFile(filepath.Join(system, Disk), nil, 0o644), os.Chtimes(system, now, now.Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := prune(dir, now.Add(-unused)); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if want := []string{filepath.Join(dir, ".lock"), filepath.Join(dir, "today"), filepath.Join(dir, "yesterday")}; err != nil || !slices.Equal(left, want) {
		t.Errorf("%q are left, %v", left, err)
	}
}
