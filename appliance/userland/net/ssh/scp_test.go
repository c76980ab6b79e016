package ssh

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/transfer/scp"
)

// TestAsked: a server sends what was asked for, and nothing else.
func TestAsked(t *testing.T) {
	for _, tt := range []struct{ path, yes, no string }{
		{"file", "file", ".bashrc"},
		{"dir/*.txt", "a.txt", "a.sh"},
		{"'a b'", "a b", "a"},
		{`a\ b`, "a b", "b"},
		{"x/{a,b{c,d}}", "bd", "b"},
		{"[!a]", "b", "a"},
		{"{a", "{a", "a"},
		{strings.Repeat("{a,b}", 30), "", "aaaa"},
	} {
		wanted := asked(tt.path)
		if tt.yes != "" && !wanted(tt.yes) || wanted(tt.no) {
			t.Errorf("%q: %q %v, %q %v", tt.path, tt.yes, wanted(tt.yes), tt.no, wanted(tt.no))
		}
	}
}

// TestHostileServer: what is written is within what was asked for, and no complaint is an escape sequence.
func TestHostileServer(t *testing.T) {
	for name, says := range map[string]string{
		"another name (CVE-2019-6111)":     "C0644 4 .bashrc\nevil\x00",
		"a way out":                        "C0644 4 ../evil\nevil\x00",
		"the directory (CVE-2018-20685)":   "D0777 0 .\nC0644 4 file\nevil\x00E\n",
		"no name (CVE-2018-20685)":         "D0777 0 \nE\n",
		"another directory":                "D0777 0 .ssh\nC0644 4 authorized_keys\nevil\x00E\n",
		"a complaint (CVE-2019-6109)":      "\x01scp: \x1b[31m\rred\n",
		"a name of escapes":                "C0644 4 \x1b[31m\nevil\x00",
		"a file that is not all there":     "C0644 400 file\nevil",
		"a directory that does not end":    "D0777 0 file\nC0644 4 x\n",
		"a size that is none":              "C0644 -4 file\nevil\x00",
		"a fatal word, and then something": "\x02over\nC0644 4 file\nevil\x00",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			target := filepath.Join(dir, "target")
			if err := os.Mkdir(target, 0o700); err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			o := scp.Options{Recursive: true, Near: scp.Near{Wanted: asked("file"), Report: func(s string) { said.WriteString(s) }}}
			if scp.Sink(o, target, strings.NewReader(says), &bytes.Buffer{}) {
				t.Error("all is well")
			}
			if strings.ContainsAny(said.String(), "\x1b\r") {
				t.Errorf("%q", said.String())
			}
			info, err := os.Stat(target)
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			for _, d := range []string{dir, target} {
				entries, err := os.ReadDir(d)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range entries {
					if e.Name() != "target" && !(e.Name() == "file" && e.IsDir()) {
						t.Errorf("%s is there", e.Name())
					}
				}
			}
		})
	}
}

func TestParsePlace(t *testing.T) {
	for text, want := range map[string]place{
		"a": {}, "./a:b": {}, "/a:b": {}, ":a": {},
		"host:a":              {path: "a"},
		"host:":               {path: "."},
		"u@host:a:b":          {path: "a:b"},
		"u@[::1]:a":           {path: "a"},
		"[::1]:/a":            {path: "/a"},
		"scp://u@host:2222/a": {path: "a"},
	} {
		p, err := parsePlace(text)
		if err != nil || p.there() != (want.path != "") || p.there() && p.path != want.path {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
	if p, err := parsePlace("scp://u@[2001:db8::1]:2222//etc/x"); err != nil || p.host.Host != "2001:db8::1" || p.host.Port != 2222 || p.host.User != "u" || p.path != "/etc/x" {
		t.Errorf("%+v, %v", p, err)
	}
}
