package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostile are archives that try to write, or to read, outside of the directory. OUT is another one.
func hostile() map[string][]tar.Header {
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o666, Size: int64(len(evil))}
	}
	link := func(name, target string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}
	}
	hard := func(name, target string) tar.Header {
		return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o666}
	}
	dir := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o777} }
	return map[string][]tar.Header{
		"absolute":                               {file("OUT/secret"), file("OUT/new")},
		"up":                                     {file("../out/secret"), file("x/../../out/secret"), file("x/..//../out/new")},
		"once: a link, and a file through it":    {link("l", "OUT"), file("l/secret"), file("l/new")},
		"once: a link up, and a file through it": {link("l", "../out"), file("l/secret"), file("l/new")},
		"once: a link to a link":                 {link("l", "OUT"), link("m", "l"), file("m/secret"), file("m/new")},
		"a link to the file, and the file":       {link("l", "OUT/secret"), file("l")},
		"the file's other name, and it":          {hard("h", "OUT/secret"), file("h")},
		"another name up":                        {hard("h", "../out/secret"), file("h")},
		"another name through a link":            {link("l", "OUT"), hard("h", "l/secret")},
		"another name of a link":                 {link("l", "OUT"), hard("h", "l"), file("h/new")},
		"a directory as a link":                  {link("l", "OUT"), dir("l"), dir("l/sub")},
		"a directory, then a link":               {dir("l"), dir("l/sub"), link("l", "OUT")},
		"mode of what a link leads to":           {link("l", "OUT"), dir("l/sub")},
		"links twice":                            {link("l", "OUT"), link("l/new", "/etc/passwd"), link("l", "OUT"), hard("l/x", "l/secret")},
		"up only":                                {dir(".."), dir("../.."), dir("x/.."), dir("/")},
	}
}

const evil = "evil\n"

// TestHostile: what is outside of the directory is as it was, and what is inside is no other name of it.
func TestHostile(t *testing.T) {
	bin := ours(t)
	for name, headers := range hostile() {
		for _, options := range []string{"", "--overwrite", "-k", "--strip-components=0"} {
			top := t.TempDir()
			in, out := filepath.Join(top, "in"), filepath.Join(top, "out")
			for _, dir := range []string{in, filepath.Join(out, "sub")} {
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			secret := filepath.Join(out, "secret")
			if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			before := state(t, out)
			var archive bytes.Buffer
			w := tar.NewWriter(&archive)
			for _, h := range headers {
				h.Name, h.Linkname = strings.ReplaceAll(h.Name, "OUT", out), strings.ReplaceAll(h.Linkname, "OUT", out)
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
				if h.Size > 0 {
					if _, err := w.Write([]byte(evil)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time, links of the first are there
				cmd := exec.CommandContext(context.Background(), filepath.Join(bin, "tar"), strings.Fields("-x -f - -C "+in+" "+options)...)
				cmd.Stdin = bytes.NewReader(archive.Bytes())
				said, _ := cmd.CombinedOutput() // some fail, and some leave names out
				if after := state(t, out); after != before {
					t.Errorf("%s, %s: outside is\n%swas\n%s%s", name, options, after, before, said)
				}
				if strings.HasPrefix(name, "once") {
					break // as with busybox, who unpacks twice goes where links lead that were there
				}
			}
		}
	}
}

// state is what there is in a directory: modes, numbers of names, texts.
func state(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `find . | sort | xargs stat -c '%n %A %h %Y %s'; cat secret`)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return string(out)
}
