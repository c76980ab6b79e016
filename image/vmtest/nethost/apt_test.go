package nethost

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestAptSources(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  string
	}{
		{
			name: "one-line entries, others' archives left out",
			files: map[string]string{
				"sources.list": `
# deb http://commented.example/debian bookworm main
deb http://deb.example/debian bookworm main contrib # the release
deb-src http://deb.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://sec.example/debian-security bookworm-security main
deb cdrom:[Debian GNU/Linux 12]/ bookworm main
`,
				"sources.list.d/docker.list":   "deb https://docker.example/linux/debian bookworm stable\n",
				"sources.list.d/pgdg.list":     "deb https://postgres.example/pub/repos/apt bookworm-pgdg main\n",
				"sources.list.d/off.list.save": "deb http://deb.example/debian bookworm-updates main\n",
			},
			want: `
deb http://deb.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://sec.example/debian-security bookworm-security main
`,
		},
		{
			name: "deb822 stanzas",
			files: map[string]string{"sources.list.d/debian.sources": `Types: deb deb-src
# a snapshot
URIs: http://deb.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://sec.example/debian-security
  http://sec2.example/debian-security
Suites: bookworm-security
Components: main
Trusted: yes
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
`},
			want: `
deb [signed-by=/usr/share/keyrings/debian.gpg] http://deb.example/debian bookworm main
deb [signed-by=/usr/share/keyrings/debian.gpg] http://deb.example/debian bookworm-updates main
deb [trusted=yes] http://sec.example/debian-security bookworm-security main
deb [trusted=yes] http://sec2.example/debian-security bookworm-security main
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			etc := fstest.MapFS{}
			for name, text := range test.files {
				etc[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := aptSources(etc, "bookworm")
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimPrefix(test.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAptSourcesWithoutDebian(t *testing.T) {
	etc := fstest.MapFS{"sources.list": {Data: []byte("deb http://archive.example/ubuntu noble main\n")}}
	for _, codename := range []string{"noble-and-nothing", "", "bookworm"} {
		if got, err := aptSources(etc, codename); err == nil {
			t.Errorf("release %q: %q", codename, got)
		}
	}
}

func TestAptTransport(t *testing.T) {
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
	if got := aptTransport(dump); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestOSRelease(t *testing.T) {
	text := "NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\nID='debian'\n"
	for name, want := range map[string]string{"VERSION_CODENAME": "bookworm", "NAME": "Debian GNU/Linux", "ID": "debian", "VERSION": ""} {
		if got := osRelease(text, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestRecipeHash(t *testing.T) {
	r := recipe{codename: "bookworm", sources: "deb http://deb.example/debian bookworm main\n", aptConf: "Acquire::Retries \"3\";\n"}
	same := r
	if r.hash() != same.hash() {
		t.Error("one recipe has two hashes")
	}
	for name, change := range map[string]func(*recipe){
		"codename": func(r *recipe) { r.codename = "trixie" },
		"sources":  func(r *recipe) { r.sources += "deb http://deb.example/debian bookworm-updates main\n" },
		"apt.conf": func(r *recipe) { r.aptConf = "" },
	} {
		changed := r
		change(&changed)
		if changed.hash() == r.hash() {
			t.Errorf("another %s has the same hash", name)
		}
	}
}
